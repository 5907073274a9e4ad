"""The flows that are made of the tasks."""

from typing import Any

from octavia.controller.worker.v2.tasks import cert_task
from octavia_distributor import exceptions
from octavia_distributor.tasks import amphorae, distributor, nodes, vips
from taskflow import retry
from taskflow.patterns import linear_flow


def create_distributor() -> linear_flow.Flow:
    return linear_flow.Flow("create-distributor").add(
        distributor.ChooseDistributor(), nodes.CreateManagementPorts(),
        *(nodes.BuildNode(node_id) for node_id in nodes.NODES), nodes.WaitForPair())


def delete_distributor() -> linear_flow.Flow:
    return linear_flow.Flow("delete-distributor").add(nodes.DeleteIfUnused(name="delete-distributor-if-unused"))


def add_vip() -> linear_flow.Flow:
    return linear_flow.Flow("add-vip").add(
        vips.CreateVipPorts(provides="distributor_ports"), vips.AttachVipPorts(), vips.PlugVip(provides="distributor_plugged"))


def remove_vip() -> linear_flow.Flow:
    return linear_flow.Flow("remove-vip").add(vips.UnplugVip(), vips.DetachVipPorts(), vips.DeleteVipPorts(),
                                              vips.ForgetVip())


def register_amphorae() -> linear_flow.Flow:
    return linear_flow.Flow("register-amphorae").add(amphorae.RegisterAmphorae(provides="distributor_registered"))


def drain_amphorae() -> linear_flow.Flow:
    return linear_flow.Flow("drain-amphorae").add(amphorae.DrainAmphorae())


def unregister_amphorae() -> linear_flow.Flow:
    return linear_flow.Flow("unregister-amphorae").add(amphorae.UnregisterAmphorae(provides="distributor_unregistered"))


# -- more than the base class asks for -----------------------------------------------------------------------------------


class FurtherPair(retry.Times):
    """Everything again, if the chosen pair said that it is full: the next choice passes it over."""

    def on_failure(self, history: Any, *args: Any, **kwargs: Any) -> Any:
        full = history.caused_by(exceptions.DistributorFull, index=-1)
        return super().on_failure(history, *args, **kwargs) if full else retry.REVERT_ALL


def place_vip(attempts: int = 3) -> linear_flow.Flow:
    """create-distributor and add-vip in one, on a further pair where one is full (load_balancer, vip, vip_alg,
    vip_persistence)."""
    return linear_flow.Flow("place-vip", retry=FurtherPair(attempts=attempts, name="further-pair",
                                                           revert_all=True)).add(create_distributor(), add_vip())


def replace_amphora() -> linear_flow.Flow:
    """The spare takes a failed amphora's place (distributor_id, failed_amphora)."""
    return linear_flow.Flow("replace-amphora").add(amphorae.ReplaceAmphora())


def restore_distributor() -> linear_flow.Flow:
    """A rebuilt pair gets everything back from the records (distributor_id)."""
    return linear_flow.Flow("restore-distributor").add(distributor.RestoreEverything(provides="distributor_restored"))


def rebuild_node(node_id: str) -> linear_flow.Flow:
    """A VM in place of a lost one, with its ports, address and keys; its peer brings it up to date (distributor_id)."""
    return linear_flow.Flow("rebuild-distributor-node").add(
        nodes.BuildNode(node_id, rebuild=True), nodes.WaitForPair(only_new=False),
        distributor.RestoreEverything(provides="distributor_restored"))


def rotate_certificate() -> linear_flow.Flow:
    """A new certificate from Octavia's generator (distributor_id)."""
    return linear_flow.Flow("rotate-distributor-certificate").add(
        distributor.EndRotation(),
        cert_task.GenerateServerPEMTask(name="generate-distributor-pem", rebind={"amphora_id": "distributor_id"},
                                        provides="server_pem"),
        distributor.UploadCertificate(), distributor.FinishRotation())
