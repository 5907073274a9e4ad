"""Who has which address. One place, so that a capture can be read with this page beside it.

Management network 10.99.0.0/24: node 1 .1, node 2 .2, the pair's address .10, the controller .100.
Tenants use equal addresses on purpose: nothing may mix them up. Each tenant has its own bridge and gateway:
  192.0.2.0/24 and 2001:db8:1::/64; gateway .1 and ::1; nodes' vrrp_ip .11, .12; amphorae .21 ...; VIP .100 and ::100.
Clients live behind the gateway: 198.18.0.0/15 and 2001:db8:c000::/36.
"""

import dataclasses
import ipaddress

MANAGEMENT_PREFIX = 24
MANAGEMENT_VIP = "10.99.0.10"
CONTROLLER_ADDRESS = "10.99.0.100"
API_PORT = 9443
SYNC_PORT = 9444
METRICS_PORT = 9464

SUBNET4 = "192.0.2.0/24"
SUBNET6 = "2001:db8:1::/64"
GATEWAY4 = "192.0.2.1"
GATEWAY6 = "2001:db8:1::1"
VIP4 = "192.0.2.100"
VIP6 = "2001:db8:1::100"

CLIENTS4 = "198.18.0.0/15"
CLIENTS6 = "2001:db8:c000::/36"

HTTP_PORT = 80
LINE_PORT = 7000  # TCP lines and UDP datagrams

NODES = (1, 2)


def management_address(node):
    return f"10.99.0.{node}"


def management_mac(node):
    return f"02:00:00:00:0a:{node:02x}"


def front_mac(tenant, node):
    """MAC of a node's interface on a tenant's network."""
    return f"02:00:00:{tenant:02x}:0d:{node:02x}"


def vrrp_ip(node):
    return f"192.0.2.{10 + node}"


def gateway_mac(tenant):
    return f"02:00:00:{tenant:02x}:fe:01"


@dataclasses.dataclass(frozen=True)
class AmphoraPlan:
    tenant: int
    index: int  # 1-based

    @property
    def name(self):
        return f"t{self.tenant}a{self.index}"

    @property
    def mac(self):
        return f"02:00:00:{self.tenant:02x}:01:{self.index:02x}"

    @property
    def address4(self):
        return f"192.0.2.{20 + self.index}"

    @property
    def address6(self):
        return f"2001:db8:1::{0x20 + self.index:x}"


def clients(count4, count6, start=0):
    """Client addresses spread evenly over both ranges, always the same ones for equal arguments."""
    chosen = []
    for count, text in ((count4, CLIENTS4), (count6, CLIENTS6)):
        network = ipaddress.ip_network(text)
        # A multiplier that shares no factor with the size walks the range without repeating and without a pattern.
        span = network.num_addresses - 2
        for i in range(start, start + count):
            offset = 1 + (i * 0x9E3779B97F4A7C15F39CC0605CEDC835 + 12345) % span
            chosen.append(str(network[offset]))
    return chosen
