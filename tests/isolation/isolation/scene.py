"""The pair that is attacked: two tenants with equal addresses, and what happens to it while it is."""

import signal

from isolation import suite, table
from lab.lab import Lab
from lab.system import wait_until
from support import Balancer, wait_programmed

AMPHORAE = {1: 3, 2: 2}


class Scene:
    def __init__(self, programs):
        self.lab = Lab(programs, tenants=2, amphorae=AMPHORAE[1], second_tenant_amphorae=AMPHORAE[2])
        self.balancers = {}

    def __enter__(self):
        try:
            self.lab.start()
            for node in self.lab.nodes.values():
                node.plug_cable(2)
            self.plug(1)
            self.plug(2)
            self.plug_vlan()
            wait_programmed(self.lab)
        except BaseException:
            self.lab.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.lab.destroy()

    def plug(self, tenant):
        self.balancers[tenant] = Balancer(self.lab, tenant=tenant, amphorae=AMPHORAE[tenant], spare=False)

    def plug_vlan(self):
        """A third load balancer, with the same addresses again, in a VLAN of tenant 2's interface."""
        nodes = [{**interface, "vlan": table.VLAN} for interface in self.lab.interfaces(2)]
        tagged = Balancer(self.lab, tenant=2, amphorae=0, spare=False, nodes=nodes)
        tagged.api.register(tagged.id, [{"mac_address": mac} for mac in table.VLAN_AMPHORAE]).expect()
        self.balancers["vlan"] = tagged

    def bench(self):
        clusters = {(tenant, None): [amphora.mac for amphora in self.lab.amphorae[tenant]] for tenant in AMPHORAE}
        clusters[2, table.VLAN] = table.VLAN_AMPHORAE
        return suite.Bench(self.lab, clusters)

    def events(self):
        """(what, how): while it happens frames are injected."""
        active, standby = self.lab.wait_in_sync()
        first = self.lab.nodes[active]

        def restart_daemon():
            first.kill("distributord")
            self.lab.wait_in_sync()

        def failover():
            first.kill("keepalived")
            self.lab.wait_owner(standby)
            self.lab.wait_in_sync()

        def unplug_and_plug():
            other = self.balancers.pop(2)
            other.api.unplug(other.id).expect()
            other.api.close()
            self.plug(2)
            wait_programmed(self.lab)

        def restart_switch():
            first.kill("ovs-vswitchd")
            self.lab.wait_in_sync()

        return [("a restart of the daemon", restart_daemon), ("a failover", failover), ("unplug and plug", unplug_and_plug),
                ("a restart of Open vSwitch", restart_switch)]


def leaks(bench, place):
    report = suite.Report()
    for description, frame in table.frames_for(place):
        if description.startswith("unknown type"):
            bench.inject(place, description, frame, report)
    return report.leaked


def leak_on_purpose(scene, bench):
    """A hole in one node's switch, whose daemon is stopped so that it cannot mend it: the suite must see it."""
    node = scene.lab.nodes[bench.active]
    place = bench.place(bench.active, 1)
    node.kill("distributord", signal.SIGSTOP)
    try:
        text = node.ovs.appctl("dpif/show")
        ports = {name: number for name, number in ovs_ports(text)}
        for hole in (f"table=0,priority=999,in_port={ports['eth1']},dl_type=0x1234,actions=output:{ports['eth2']}",
                     f"table=0,priority=999,in_port={ports['eth1']},dl_type=0x1234,actions=LOCAL"):
            node.ovs.ofctl("add-flow", hole)
            # Such frames were dropped before, and Open vSwitch drops them until its revalidators have looked at that flow again.
            wait_until(lambda: leaks(bench, place), 3, f"the suite to see a hole: {hole}")
            node.ovs.ofctl("del-flows", f"table=0,in_port={ports['eth1']},dl_type=0x1234")
    finally:
        node.kill("distributord", signal.SIGCONT)


def ovs_ports(text):
    """(name, OpenFlow port) of dpif/show's lines `eth1 102/3: (system)`."""
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 2 and "/" in parts[1]:
            yield parts[0], parts[1].split("/")[0]
