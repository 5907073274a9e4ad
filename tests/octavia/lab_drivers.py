"""Neutron and Nova of the lab, as Octavia's stevedore loads them: ports are cables, an instance is a node of the lab.

Octavia's no-op drivers answer what the driver of the pair never asks."""

import itertools
import threading

from lab import plan
from octavia.common import data_models
from octavia.compute.drivers.noop_driver import driver as noop_compute
from octavia.network import data_models as network_models
from octavia.network.drivers.noop_driver import driver as noop_network

TENANT = 1
ATTACH_DELAY_S = 0.4  # Nova answers before the interface is there
SUBNETS = {"subnet-4": (plan.SUBNET4, plan.GATEWAY4), "subnet-6": (plan.SUBNET6, plan.GATEWAY6),
           "subnet-management": ("10.99.0.0/24", None)}

lab = None  # set by conftest.py
made = itertools.count(1)
ports = {}
built = []  # (node number, files of its config drive)
pending = []  # cables that are being laid


def node_number(name):
    return int(name[-1])


def compute_id(number):
    return f"instance-of-node-{number}"


def settle():
    """Waits for cables that are under way."""
    while pending:
        pending.pop().join()


class LabNetwork(noop_network.NoopNetworkDriver):
    neutron_client = None

    def __init__(self):
        super().__init__()
        self.neutron_client = self

    def update_port(self, port_id, body):
        """Nothing in the lab filters: what port security off would give."""

    def create_port(self, network_id, name=None, fixed_ips=(), secondary_ips=(), security_group_ids=(),
                    admin_state_up=True, qos_policy_id=None):
        number = node_number(name)
        port = network_models.Port(
            id=f"port-{next(made)}", name=name, mac_address=plan.front_mac(TENANT, number), network_id=network_id,
            fixed_ips=[network_models.FixedIP(subnet_id="subnet-4", ip_address=plan.vrrp_ip(number))])
        ports[port.id] = port
        return port

    def delete_port(self, port_id):
        ports.pop(port_id, None)

    def get_port(self, port_id, context=None):
        if port_id in ports:
            return ports[port_id]
        if port_id.startswith("amphora-"):
            return network_models.Port(id=port_id, mac_address=lab.mac(int(port_id.split("-")[1]), TENANT))
        return network_models.Port(id=port_id, fixed_ips=[network_models.FixedIP("subnet-management", "10.99.0.1")])

    def get_subnet(self, subnet_id, context=None):
        cidr, gateway = SUBNETS[subnet_id]
        return network_models.Subnet(id=subnet_id, cidr=cidr, gateway_ip=gateway, host_routes=[])

    def get_network(self, network_id, context=None):
        return network_models.Network(id=network_id, mtu=1500)


class LabCompute(noop_compute.NoopComputeDriver):
    def attach_network_or_port(self, compute_id, network_id=None, ip_address=None, port_id=None):
        node = lab.nodes[node_number(compute_id)]
        if TENANT not in node.attached:
            timer = threading.Timer(ATTACH_DELAY_S, node.plug_cable, (TENANT,))
            pending.append(timer)
            timer.start()

    def detach_port(self, compute_id, port_id):
        settle()
        lab.nodes[node_number(compute_id)].unplug_cable(TENANT)

    def delete(self, compute_id):
        node = lab.nodes[node_number(compute_id)]
        if node.powered():
            node.power_off()
        node.wipe()

    def build(self, name="", config_drive_files=None, **arguments):
        number = node_number(name)
        built.append((number, config_drive_files))
        lab.nodes[number].power_on()
        return compute_id(number)

    def get_amphora(self, compute_id, management_network_id=None):
        return data_models.Amphora(compute_id=compute_id, status="ACTIVE"), None
