"""Tasks that make a pair of VMs, wait for it, rebuild one of its nodes, and delete it."""

import json
import time
from typing import Any

from cryptography import fernet
from octavia.amphorae.backends.agent import agent_jinja_cfg
from octavia.amphorae.driver_exceptions import exceptions as driver_exceptions
from octavia.common import constants, utils
from octavia.common.jinja import user_data_jinja_cfg
from octavia.controller.worker.v2.tasks import cert_task
from octavia_distributor import certificates, config, exceptions, node_files
from octavia_distributor.db import distributors, load_balancers
from octavia_distributor.tasks.base import CONF, DistributorTask, LOG, reverting

NODES = ("node-1", "node-2")
ONE_TRY = {"conn_max_retries": 1, "conn_retry_interval": 0, "req_conn_timeout": 2.0, "req_read_timeout": 10.0}


def is_new(distributor_id: str) -> bool:
    return distributors.get(distributor_id).status == constants.PENDING_CREATE


def _vault() -> fernet.Fernet:
    return fernet.Fernet(utils.get_compatible_server_certs_key_passphrase())


class CreateManagementPorts(DistributorTask):
    """The pair's management address and one port per node, whose addresses the configuration of both must know."""

    def execute(self, distributor_id: str) -> None:
        if not is_new(distributor_id):
            return
        row = distributors.get(distributor_id)
        groups = CONF.distributor.security_groups
        if row.management_port_id is None:
            port = self.network.create_port(config.management_network(), name=f"octavia-distributor-{distributor_id}",
                                            security_group_ids=groups)
            distributors.update(distributor_id, management_port_id=port.id, lb_network_ip=port.fixed_ips[0].ip_address)
        shared = distributors.get(distributor_id).lb_network_ip
        present = {node.node_id for node in row.nodes}
        for node_id in NODES:
            if node_id in present:
                continue
            port = self.network.create_port(config.management_network(),
                                            name=f"octavia-distributor-{distributor_id}-{node_id}",
                                            secondary_ips=[shared], security_group_ids=groups)
            keys = _vault().encrypt(json.dumps(node_files.new_sync_keys()).encode()).decode()
            distributors.put_node(distributor_id, node_id, lb_network_ip=port.fixed_ips[0].ip_address,
                                  management_port_id=port.id, sync_keys=keys)

    def revert(self, distributor_id: str, *args: Any, **kwargs: Any) -> None:
        if is_new(distributor_id):
            reverting("delete the management ports", delete_management_ports, self.network, distributor_id)


def delete_management_ports(network: Any, distributor_id: str) -> None:
    row = distributors.get(distributor_id)
    for port_id in [node.management_port_id for node in row.nodes] + [row.management_port_id]:
        if port_id:
            network.delete_port(port_id)


class BuildNode(DistributorTask):
    """Starts the VM of one node, with what Octavia injects into amphorae and the pair's own configuration."""

    def __init__(self, node_id: str, rebuild: bool = False, **options: Any) -> None:
        super().__init__(name=f"build-distributor-{node_id}", **options)
        self.node_id, self.rebuild = node_id, rebuild

    def execute(self, distributor_id: str) -> None:
        if not self.rebuild and not is_new(distributor_id):
            return
        row = distributors.get(distributor_id)
        node = next(one for one in row.nodes if one.node_id == self.node_id)
        if node.compute_id is not None:
            if not self.rebuild:
                return  # done already, by an earlier run of this task
            self.compute.delete(node.compute_id)
            distributors.update_node(distributor_id, self.node_id, compute_id=None)
        files = self.files(row, node)
        by_user_data = CONF.controller_worker.user_data_config_drive
        user_data = user_data_jinja_cfg.UserDataJinjaCfg().build_user_data_config(files if by_user_data else {})
        options = CONF.controller_worker
        compute_id = self.compute.build(
            name=f"distributor-{distributor_id}-{self.node_id}",
            amphora_flavor=CONF.distributor.compute_flavor or options.amp_flavor_id, image_tag=CONF.distributor.image_tag,
            image_owner=options.amp_image_owner_id, key_name=options.amp_ssh_key_name,
            sec_groups=CONF.distributor.security_groups, network_ids=[],
            port_ids=[node.management_port_id, *load_balancers.ports_of_node(distributor_id, self.node_id)],
            config_drive_files=None if by_user_data else files, user_data=user_data)
        distributors.update_node(distributor_id, self.node_id, compute_id=compute_id)
        LOG.info("Started %s of distributor %s as instance %s", self.node_id, distributor_id, compute_id)

    def files(self, row: Any, node: Any) -> dict[str, str]:
        peer = next(one for one in row.nodes if one.node_id != node.node_id)
        keys, peer_keys = (json.loads(_vault().decrypt(one.sync_keys.encode())) for one in (node, peer))
        pem = _vault().decrypt(cert_task.GenerateServerPEMTask().execute(row.id).encode())
        with open(CONF.controller_worker.client_ca, encoding="utf-8") as file:
            client_ca = file.read()
        # Which of the nodes' certificates stands in the end is for the pair to settle: the first to end counts.
        ends = [certificates.expiration(pem), *([row.cert_expiration] if row.cert_expiration else [])]
        distributors.update(row.id, cert_expiration=min(ends))
        options = CONF.distributor
        rendered = agent_jinja_cfg.AgentJinjaTemplater().build_agent_config(row.id, "ACTIVE_ACTIVE")
        subnet = self.network.get_subnet(self.network.get_port(node.management_port_id).fixed_ips[0].subnet_id)
        return {
            node_files.AGENT_CONFIG: node_files.agent_config(
                rendered, controllers=options.controller_ip_port_list, interval_s=options.heartbeat_interval,
                key=config.heartbeat_key()),
            node_files.SERVER_PEM: pem.decode(), node_files.CLIENT_CA: client_ca,
            node_files.OWN_KEY: node_files.own_key_file(keys),
            node_files.PEER_PUBLIC: node_files.public_key_file(peer_keys),
            node_files.PAIR_CONFIG: node_files.pair_config(
                distributor_id=row.id, node_id=node.node_id, address=node.lb_network_ip, peer_id=peer.node_id,
                peer_address=peer.lb_network_ip, management_vip=f"{row.lb_network_ip}/{subnet.cidr.split('/')[1]}",
                options=options)}

    def revert(self, distributor_id: str, *args: Any, **kwargs: Any) -> None:
        if self.rebuild or not is_new(distributor_id):
            return
        for node in distributors.get(distributor_id).nodes:
            if node.node_id == self.node_id and node.compute_id is not None:
                reverting(f"delete instance {node.compute_id}", self.compute.delete, node.compute_id)


class WaitForPair(DistributorTask):
    """Until the pair answers at its management address and both nodes are in sync; then it is ACTIVE."""

    def __init__(self, only_new: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.only_new = only_new

    def execute(self, distributor_id: str) -> None:
        if self.only_new and not is_new(distributor_id):
            return
        timeout_s, pause_s = CONF.distributor.boot_timeout, CONF.distributor.boot_poll_interval
        deadline = time.monotonic() + timeout_s
        last = ""
        while time.monotonic() < deadline:
            last = self._missing(distributor_id)
            if not last:
                distributors.update(distributor_id, status=constants.ACTIVE)
                return
            time.sleep(pause_s)  # pace of the polling, as Octavia's ComputeWait
        raise exceptions.NotReadyInTime(distributor_id=distributor_id, seconds=timeout_s, last=last)

    def _missing(self, distributor_id: str) -> str:
        """What is not there yet; empty once everything is."""
        for node in distributors.get(distributor_id).nodes:
            if node.compute_id is None:
                continue
            amphora, fault = self.compute.get_amphora(node.compute_id, config.management_network())
            if amphora.status == constants.ERROR:
                return f"instance {node.compute_id} is in ERROR: {fault}"
            if amphora.status != constants.ACTIVE:
                return f"instance {node.compute_id} is {amphora.status}"
        try:
            pair = self.client.pair(self.target(distributor_id), timeout_dict=ONE_TRY)
        except (driver_exceptions.TimeOutException, exceptions.RequestRefused) as error:
            return f"no answer from its management address: {error}"
        peer = pair.get("peer") or {}
        if pair["peer_alive"] and pair["self"]["ready"] and peer.get("ready"):
            return ""
        return f"not in sync: peer_alive {pair['peer_alive']}, ready {pair['self']['ready']} and {peer.get('ready')}"


class DeleteIfUnused(DistributorTask):
    """A pair that this driver started is deleted with its last load balancer; others stay, for those that come."""

    def execute(self, distributor_id: str) -> None:
        count = distributors.served(distributor_id)
        row = distributors.get(distributor_id)
        if count or row.management_port_id is None:
            LOG.info("Distributor %s stays: it serves %s load balancers%s", distributor_id, count,
                     "" if row.management_port_id else ", and this driver did not start it")
            return
        distributors.update(distributor_id, status=constants.PENDING_DELETE)  # nobody chooses it from here on
        for node in row.nodes:
            if node.compute_id is not None:
                self.compute.delete(node.compute_id)
                distributors.update_node(distributor_id, node.node_id, compute_id=None)
        delete_management_ports(self.network, distributor_id)
        distributors.delete(distributor_id)

    def revert(self, distributor_id: str, *args: Any, **kwargs: Any) -> None:
        """Half deleted it serves nobody: an operator sees it in `octavia-distributor pair list`."""
        reverting("mark the distributor", distributors.update, distributor_id, status=constants.ERROR)
