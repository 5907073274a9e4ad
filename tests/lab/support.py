"""A load balancer on a lab, and the questions that many tests ask."""

import uuid

from lab import plan, traffic
from lab.system import LabError, wait_until


class Balancer:
    """A load balancer that is plugged and has amphorae; use as a context manager, it is unplugged at the end."""

    def __init__(self, lab, *, tenant=1, amphorae=4, spare=True, vrrp=False, **plug):
        self.lab, self.tenant = lab, tenant
        self.id = str(uuid.uuid4())
        self.api = lab.api()
        try:
            self.plugged = self.api.plug(self.id, **lab.plug_fields(tenant, vrrp=vrrp, **plug)).expect().body
            self.macs = [amphora.mac for amphora in lab.amphorae[tenant]]
            batch = [{"mac_address": self.macs[i], "position": i} for i in range(amphorae)]
            if spare:
                batch.append({"mac_address": self.macs[amphorae], "role": "standby"})
            self.registered = self.api.register(self.id, batch).expect().body if batch else None
        except BaseException:
            self.api.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.api.unplug(self.id).expect()
        finally:
            self.api.close()

    def status(self):
        return self.api.status(self.id).expect().body

    def positions(self):
        """position -> MAC."""
        return {one["position"]: one["mac_address"] for one in self.status()["amphorae"]}

    def spares(self):
        return [one["mac_address"] for one in self.status()["spares"]]

    def who(self, clients):
        return traffic.who(self.lab.gateway(self.tenant), clients)

    def name(self, index):
        return self.lab.amphorae[self.tenant][index].name


def select_groups(node):
    """group id -> its text, of the select groups of a node."""
    return {number: text for number, text in node.ovs.groups().items() if "type=select" in text}


def only_select_group(node):
    groups = select_groups(node)
    if len(groups) != 1:
        raise LabError(f"wanted one select group on {node.name}, found {groups}")
    return next(iter(groups.values()))


def buckets(node):
    """[(bucket id, MAC)] in list order of the only select group."""
    return node.ovs.buckets(only_select_group(node))


def without_own_mac(node, texts, tenants=(1, 2)):
    """Rules of a node with its own MACs written as OWN, to compare two nodes."""
    replaced = []
    for text in texts:
        for tenant in tenants:
            text = text.replace(plan.front_mac(tenant, node.number), f"OWN{tenant}")
        replaced.append(text)
    return replaced


GATE_TABLE = "table=5,"  # pipeline::kTableGate


def gate_flows(node):
    return [flow for flow in node.ovs.flows() if GATE_TABLE in flow]


def forwarding_flows(node):
    return [flow for flow in node.ovs.flows() if GATE_TABLE not in flow]


def assert_nodes_alike(lab):
    """Equal rules on both nodes, each node's own MAC and the gate aside (H1, H4, O2). Port numbers may differ too: both
    nodes plugged the same interfaces in the same order or not."""
    one, other = lab.nodes.values()
    assert without_own_mac(one, [str(item) for item in sorted(one.ovs.groups().items())]) == \
        without_own_mac(other, [str(item) for item in sorted(other.ovs.groups().items())])


def digest(lab, node=None):
    """The state digest, as the owner or one node says it."""
    client = lab.api(node)
    try:
        return client.pair().expect().body["self"]["state_digest"]
    finally:
        client.close()


def wait_programmed(lab, timeout_s=15):
    """Until both nodes' Open vSwitch has all that is committed."""
    def done():
        views = [lab.pair_of(number)["self"] for number in lab.nodes]
        return all(view["programmed_seq"] == view["committed_seq"] for view in views) and \
            len({view["committed_seq"] for view in views}) == 1
    wait_until(done, timeout_s, "both nodes to be programmed up to the last change")


def metric(node, name):
    text = node.exec(["curl", "-s", f"http://127.0.0.1:{plan.METRICS_PORT}/metrics"]).stdout
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"distributor_{name} ")))
