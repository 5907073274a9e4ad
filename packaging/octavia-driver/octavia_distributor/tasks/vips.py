"""Tasks that bring a VIP to a distributor and take it away: Neutron ports, their attachment, PLUG and UNPLUG."""

from typing import Any

from octavia.common import constants
from octavia_distributor import exceptions, views
from octavia_distributor.db import distributors, load_balancers
from octavia_distributor.tasks.base import CONF, DistributorTask, LOG, failed, reverting

ANY_SOURCE = ("0.0.0.0/0", "::/0")  # frames that the distributor passes on carry the clients' addresses


def _describe_vip(network: Any, vip: Any) -> dict[str, Any]:
    subnet = network.get_subnet(views.field(vip, constants.SUBNET_ID))
    described = {"vip_address": views.field(vip, constants.IP_ADDRESS), "subnet_cidr": subnet.cidr}
    if subnet.gateway_ip:
        described["gateway"] = subnet.gateway_ip
    if subnet.host_routes:
        described["host_routes"] = [{"destination": route.destination, "nexthop": route.nexthop}
                                    for route in subnet.host_routes]
    return described


class CreateVipPorts(DistributorTask):
    """One port per node on the VIP's network. Those that are recorded already are kept: their MACs are what PLUG said."""

    def execute(self, distributor_id: str, vip: Any) -> list[dict[str, Any]]:
        lb_id = views.load_balancer_id(vip)
        load_balancers.adopt(distributor_id, lb_id)
        present = {port["node_id"] for port in load_balancers.ports(lb_id)}
        for node in distributors.get(distributor_id).nodes:
            if node.node_id not in present:
                self._create(distributor_id, lb_id, node.node_id, vip)
        return load_balancers.ports(lb_id)

    def _create(self, distributor_id: str, lb_id: str, node_id: str, vip: Any) -> None:
        by_pairs = CONF.distributor.port_security == "address_pairs"
        subnet_id = views.field(vip, constants.SUBNET_ID)
        port = self.network.create_port(
            views.field(vip, constants.NETWORK_ID), name=f"octavia-distributor-{lb_id}-{node_id}",
            fixed_ips=[{constants.SUBNET_ID: subnet_id}], secondary_ips=ANY_SOURCE if by_pairs else ())
        # Recorded before anything else can fail: whatever happens, the port can be found and deleted.
        address = next((one.ip_address for one in port.fixed_ips if one.subnet_id == subnet_id), None)
        load_balancers.add_port(distributor_id, lb_id, node_id=node_id, port_id=port.id, mac_address=port.mac_address,
                                vrrp_ip=address)
        if not by_pairs:
            self._open(port.id)

    def _open(self, port_id: str) -> None:
        neutron = getattr(self.network, "neutron_client", None)
        if neutron is None:
            raise exceptions.PortSecurityNotSettable(driver=type(self.network).__name__)
        neutron.update_port(port_id, {"port": {"security_groups": [], "port_security_enabled": False}})

    def revert(self, distributor_id: str, vip: Any, *args: Any, **kwargs: Any) -> None:
        lb_id = views.load_balancer_id(vip)
        row = load_balancers.find(lb_id)
        if row is None or row.plug_request is not None:
            return  # it was plugged before this flow began
        reverting("delete the VIP's ports", DeleteVipPorts.delete, self.network, lb_id)


class DeleteVipPorts(DistributorTask):
    def execute(self, distributor_id: str, vip: Any) -> None:
        self.delete(self.network, views.load_balancer_id(vip))

    @staticmethod
    def delete(network: Any, lb_id: str) -> None:
        for port in load_balancers.ports(lb_id):
            network.delete_port(port["port_id"])  # Octavia's driver passes over ports that are gone
            load_balancers.remove_port(lb_id, port["node_id"])


class AttachVipPorts(DistributorTask):
    """Nodes without a compute instance get their interfaces from whoever runs them; PLUG waits for them either way."""

    def execute(self, distributor_id: str, distributor_ports: list[dict[str, Any]]) -> None:
        for compute_id, port_id in self._pairs(distributor_id, distributor_ports):
            self.compute.attach_network_or_port(compute_id, port_id=port_id)

    def revert(self, distributor_id: str, vip: Any, distributor_ports: list[dict[str, Any]], *args: Any,
               **kwargs: Any) -> None:
        row = load_balancers.find(views.load_balancer_id(vip))
        if row is not None and row.plug_request is not None:
            return
        for compute_id, port_id in self._pairs(distributor_id, distributor_ports):
            reverting(f"detach port {port_id}", self.compute.detach_port, compute_id, port_id)

    @staticmethod
    def _pairs(distributor_id: str, distributor_ports: list[dict[str, Any]]) -> list[tuple[str, str]]:
        compute = {node.node_id: node.compute_id for node in distributors.get(distributor_id).nodes}
        return [(compute[port["node_id"]], port["port_id"]) for port in distributor_ports if compute.get(port["node_id"])]


class DetachVipPorts(DistributorTask):
    def execute(self, distributor_id: str, vip: Any) -> None:
        ports = load_balancers.ports(views.load_balancer_id(vip))
        for compute_id, port_id in AttachVipPorts._pairs(distributor_id, ports):
            self.compute.detach_port(compute_id, port_id)


class PlugVip(DistributorTask):
    """PLUG, and what is needed to send it again. Octavia's client waits here for interfaces that are still on their way."""

    def execute(self, distributor_id: str, vip: Any, vip_alg: str | None, vip_persistence: str | None,
                distributor_ports: list[dict[str, Any]]) -> dict[str, Any]:
        lb_id = views.load_balancer_id(vip)
        row = load_balancers.find(lb_id)
        was_plugged = row is not None and row.plug_request is not None
        request = self.request(vip, vip_alg, vip_persistence, distributor_ports)
        if row is not None and row.hash_seed:
            request["hash_seed"] = row.hash_seed
        try:
            answer = self.client.plug(self.target(distributor_id), lb_id, request)
        except exceptions.DistributorFull:
            distributors.learn_limit(distributor_id)
            raise
        load_balancers.plugged(lb_id, request, answer["hash_seed"])
        return {"was_plugged": was_plugged, "answer": answer}

    def request(self, vip: Any, vip_alg: str | None, vip_persistence: str | None,
                distributor_ports: list[dict[str, Any]]) -> dict[str, Any]:
        options = CONF.distributor
        request = _describe_vip(self.network, vip)
        request["alg_extras"] = views.alg_extras(vip_alg, vip_persistence, options.affinity)
        request["cluster_size"] = options.cluster_size
        request["forwarding_mode"] = options.forwarding_mode
        request["nodes"] = [{key: port[key] for key in ("node_id", "mac_address", "vrrp_ip") if port[key]}
                            for port in distributor_ports]
        more = [_describe_vip(self.network, one) for one in views.additional_vips(vip)]
        if more:
            request["additional_vips"] = more
        mtu = self.network.get_network(views.field(vip, constants.NETWORK_ID)).mtu
        if mtu:
            request["mtu"] = mtu
        return request

    def revert(self, result: Any, distributor_id: str, vip: Any, *args: Any, **kwargs: Any) -> None:
        # Also after a failure: the answer may have been lost after the pair had done it.
        lb_id = views.load_balancer_id(vip)
        row = load_balancers.find(lb_id)
        if (row is not None and row.plug_request is not None) if failed(result) else result["was_plugged"]:
            return  # it was plugged before this flow began
        LOG.warning("Reverting PLUG of load balancer %s on distributor %s", lb_id, distributor_id)
        reverting("UNPLUG", self.client.unplug, self.target(distributor_id), lb_id)
        reverting("forget the VIP", load_balancers.unplugged, lb_id)


class UnplugVip(DistributorTask):
    def execute(self, distributor_id: str, vip: Any) -> None:
        self.client.unplug(self.target(distributor_id), views.load_balancer_id(vip))

    def revert(self, distributor_id: str, vip: Any, *args: Any, **kwargs: Any) -> None:
        """Everything is recorded still: seed, ports, positions."""
        row = load_balancers.find(views.load_balancer_id(vip))
        if row is not None and row.plug_request is not None:
            reverting("plug the VIP again", restore, self.client, self.target(distributor_id), row)


class ForgetVip(DistributorTask):
    def execute(self, distributor_id: str, vip: Any) -> None:
        load_balancers.forget(views.load_balancer_id(vip))


def restore(client: Any, target: Any, row: Any) -> None:
    """PLUG and REG from the records, with the stored seed and positions: every client is mapped as before (H1).

    Where the pair has it all, nothing changes. Amphorae that only the pair knows are left alone."""
    client.plug(target, row.lb_id, load_balancers.request_of(row))
    amphorae = [{"mac_address": one.mac_address, "amphora_id": one.amphora_id,
                 **({"role": "standby"} if one.position is None else {"position": one.position})}
                for one in load_balancers.registrations(row.lb_id)]
    if amphorae:
        load_balancers.store_answer(row.distributor_id, row.lb_id, client.register(target, row.lb_id, amphorae))
