"""The networks between the machines: one bridge for management, one for each tenant, each with what hangs on it.

Machines are network namespaces; a cable is a veth pair whose one end is a port of a bridge in the namespace `fab`.
"""

import json

from lab import plan
from lab.system import Namespace, run

MANAGEMENT = "mgmt"


def tenant_network(tenant):
    return f"front{tenant}"


class Fabric:
    def __init__(self, prefix, tenants):
        self.prefix = prefix
        self.tenants = tenants
        self.namespace = Namespace(f"{prefix}-fab")
        self.controller = Namespace(f"{prefix}-ctl")
        self.gateways = {tenant: Namespace(f"{prefix}-gw{tenant}") for tenant in range(1, tenants + 1)}

    def namespaces(self):
        return [self.namespace, self.controller, *self.gateways.values()]

    def create(self):
        self.namespace.create()
        lines = []
        for bridge in [MANAGEMENT, *map(tenant_network, self.gateways)]:
            lines += [f"link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0 ageing_time 30000",
                      f"link set {bridge} up"]
        self.namespace.ip(*lines)
        # A bridge is a wire here: the fabric's own stack must not speak on it.
        self.namespace.sysctl({"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv4.ip_forward": 0})
        self.controller.create()
        self.cable(MANAGEMENT, "ctl", self.controller, "eth0", "02:00:00:00:0a:64")
        self.controller.ip(f"addr add {plan.CONTROLLER_ADDRESS}/{plan.MANAGEMENT_PREFIX} dev eth0")
        for tenant, gateway in self.gateways.items():
            gateway.create()
            self.cable(tenant_network(tenant), f"gw{tenant}", gateway, "eth0", plan.gateway_mac(tenant))
            gateway.ip(f"addr add {plan.GATEWAY4}/24 dev eth0", f"addr add {plan.GATEWAY6}/64 dev eth0 nodad",
                       f"route add local {plan.CLIENTS4} dev lo", f"route add local {plan.CLIENTS6} dev lo")
            # Clients are addresses of the gateway itself: any of them may be bound, and its answers come home.
            gateway.sysctl({"net.ipv6.ip_nonlocal_bind": 1, "net.ipv4.ip_local_port_range": "1024 65535",
                            "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.eth0.rp_filter": 0})

    def cable(self, bridge, port, machine, interface, mac):
        """A cable from a bridge port, named `port` in the fabric, to an interface of a machine."""
        self.namespace.ip(f"link add {port} type veth peer name {interface} address {mac} netns {machine.name}",
                          f"link set {port} master {bridge} up")
        # The userspace datapath takes frames from a socket: what arrives must be whole packets with real checksums.
        self.namespace.exec(["ethtool", "-K", port, "tx", "off", "tso", "off", "gso", "off"], check=False)
        machine.ip(f"link set {interface} up")
        machine.exec(["ethtool", "-K", interface, "gro", "off"], check=False)

    def remove_cables(self, *ports):
        self.namespace.ip(*(f"link del {port}" for port in ports), check=False)

    def carrier(self, port, up):
        """Pulls or puts in the plug: the machine sees its link go down."""
        self.namespace.ip(f"link set {port} {'up' if up else 'down'}")

    def cut(self, port, to_machine=True, from_machine=True, only=("",)):
        """Frames are lost silently, link stays up. Each direction by itself, for faults of one way only. only: nftables matches
        of the frames that are lost; all of them by default."""
        self.heal(port)
        rules = [f"table netdev cut_{port} {{"]
        # Seen from the fabric: what comes from the machine is ingress of its port, what goes to it is egress.
        for wanted, hook in ((from_machine, "ingress"), (to_machine, "egress")):
            if wanted:
                drops = [f"{match} drop" for match in only]
                rules += [f"chain {hook} {{", f'type filter hook {hook} device "{port}" priority 0', *drops, "}"]
        self.namespace.exec(["nft", "-f", "-"], stdin="\n".join([*rules, "}"]) + "\n")

    def heal(self, port):
        self.namespace.exec(["nft", "delete", "table", "netdev", f"cut_{port}"], check=False)

    def port_bytes(self, port):
        """(bytes to the machine, bytes from the machine) since the cable was laid."""
        answer = run(["ip", "-n", self.namespace.name, "-j", "-s", "link", "show", port])
        stats = json.loads(answer.stdout)[0]["stats64"]
        return stats["tx"]["bytes"], stats["rx"]["bytes"]
