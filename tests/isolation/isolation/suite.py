"""Injects frames at every interface of both nodes, and compares what comes out of any interface with what must.

One frame at a time, followed by a sentinel: a datagram for the VIP that is forwarded whatever else happens. When it has come out,
everything before it has been handled, so nothing waits for a time to pass.
"""

import collections
import itertools
import select
import threading
import time

from isolation import table
from isolation.oracle import Unclear, expected
from lab import frames, plan
from lab.frames import Wire
from lab.system import LabError, wait_until

SENTINEL_S = 3.0
TENANTS = (1, 2)
INJECTED = b"\x11isolation-sentinel"


class Report:
    def __init__(self):
        self.sent = self.unclear = self.came_out = 0
        self.leaked, self.missing = [], []

    def add_leak(self, where, description, frame, seen):
        self.leaked.append({"where": where, "frame": description, "hex": frame.hex(), "came_out": seen})

    def add_missing(self, where, description, frame, wanted):
        self.missing.append({"where": where, "frame": description, "hex": frame.hex(), "wanted": wanted})

    @property
    def clean(self):
        return not self.leaked and not self.missing

    def as_json(self, seconds):
        return {"frames_sent": self.sent, "came_out_rightly": self.came_out, "left_open": self.unclear, "leaked": len(self.leaked), "missing": len(self.missing),
                "seconds": round(seconds, 1), "leaks": self.leaked[:50], "missed": self.missing[:50]}

    def text(self, seconds):
        lines = [f"{self.sent} frames in {seconds:.1f} s: {self.came_out} frames came out as they must, {len(self.leaked)} leaked,"
                 f" {len(self.missing)} missing; of {self.unclear} frames only the isolation is judged"]
        for one in self.leaked[:20]:
            lines.append(f"LEAKED  {one['where']}: {one['frame']}\n        in  {one['hex']}\n        out {one['came_out']}")
        for one in self.missing[:20]:
            lines.append(f"MISSING {one['where']}: {one['frame']}\n        in  {one['hex']}\n        wanted {one['wanted']}")
        return "\n".join(lines)


class Bench:
    """The raw sockets at a running lab: one at the far end of each node's cable on each tenant's network, one at each node's LOCAL
    port. The networks behind the cables are unplugged, so that what is seen comes from the nodes alone."""

    def __init__(self, lab, clusters):
        self.lab, self.clusters = lab, clusters
        self.active, self.standby = lab.wait_in_sync()
        fabric = lab.fabric
        # The cables' far ends leave their bridges: nobody else sends to the nodes, and nobody hears what they say.
        self.ports = {(number, tenant): node.front_port(tenant) for number, node in lab.nodes.items() for tenant in TENANTS}
        fabric.namespace.ip(*(f"link set {port} nomaster" for port in self.ports.values()))
        for node in lab.nodes.values():
            with node.namespace.entered(), open(f"/proc/sys/net/ipv6/conf/{node.ovs.bridge}/disable_ipv6", "w", encoding="ascii") as knob:
                knob.write("1")
            node.namespace.ip(f"link set {node.ovs.bridge} up")
        self.wires = {key: Wire(fabric.namespace, port) for key, port in self.ports.items()}
        self.local = {number: Wire(node.namespace, node.ovs.bridge) for number, node in lab.nodes.items()}
        self.nonce = itertools.count(1)
        self.poller = select.poll()
        for wire in (*self.wires.values(), *self.local.values()):
            self.poller.register(wire.socket, select.POLLIN)

    def close(self):
        for wire in (*self.wires.values(), *self.local.values()):
            wire.close()
        self.lab.fabric.namespace.ip(*(f"link set {port} master front{tenant}" for (_, tenant), port in self.ports.items()), check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def place(self, number, tenant, vlan=None):
        return table.Place(number, tenant, number == self.active, vlan)

    def places(self):
        return [self.place(number, tenant, vlan) for number in self.lab.nodes for tenant, vlan in self.clusters]

    def cluster(self, place):
        return self.clusters[place.tenant, place.vlan]

    def send(self, place, frame):
        self.wires[place.node, place.tenant].send(frame if place.vlan is None else frames.tagged(place.vlan, frame))

    def drain_all(self):
        """What came out of the nodes since the last look: [(node, tenant or 'LOCAL', frame)], announcements left out."""
        found = [(number, tenant, frame) for (number, tenant), wire in self.wires.items() for frame in wire.drain()]
        found += [(number, "LOCAL", frame) for number, wire in self.local.items() for frame in wire.drain()]
        return [one for one in found if not is_announcement(one[2])]

    def sentinel(self, place):
        """Returns everything that came out until the sentinel did, without it."""
        mark = b"%s %d" % (INJECTED, next(self.nonce))
        packet = frames.udp("198.18.250.1", plan.VIP4, 9, plan.LINE_PORT, mark)
        self.send(place, frames.ethernet(place.own, table.CLIENT_MAC, 0x0800, packet))
        seen, deadline = [], time.monotonic() + SENTINEL_S
        while time.monotonic() < deadline:
            self.poller.poll(50)
            fresh = self.drain_all()
            seen += [one for one in fresh if not one[2].payload.rstrip(b"\0").endswith(mark)]
            if len([one for one in fresh if one[2].payload.rstrip(b"\0").endswith(mark)]):
                return seen
        raise LabError(f"the sentinel was not forwarded within {SENTINEL_S} s: {place}")

    def inject(self, place, description, frame, report):
        report.sent += 1
        try:
            wanted, open_ended = expected(place, frame, self.cluster(place)), False
        except Unclear:
            wanted, open_ended = [], True
            report.unclear += 1
        try:
            self.send(place, frame)
        except OSError:  # shorter than Ethernet's own header
            report.sent -= 1
            return
        self.judge(place, description, frame, wanted, open_ended, self.sentinel(place), report)

    def judge(self, place, description, frame, wanted, open_ended, seen, report):
        wanted = list(wanted)
        own_side = 0
        for number, tenant, came in seen:
            if (number, tenant) == (place.node, place.tenant):
                match = next((one for one in wanted if one.is_met_by(came, place)), None)
                if match is not None:
                    wanted.remove(match)
                    report.came_out += 1
                    continue
                own_side += 1
                if open_ended and own_side <= len(self.cluster(place)) and came.vlan == place.vlan:
                    continue
            report.add_leak(str(place), description, frame, f"node {number}, {tenant}: {came.data.hex()}")
        if wanted:
            report.add_missing(str(place), description, frame, "; ".join(f"{sorted(one.destinations)} {one.payload.hex()}" for one in wanted))

    def inject_locally(self, number, description, frame, report):
        """From the node's own LOCAL port nothing may come out anywhere."""
        report.sent += 1
        try:
            self.local[number].send(frame)
        except OSError:
            report.sent -= 1
            return
        # Two rounds: the order between two ports of a switch is not given.
        seen = self.sentinel(self.place(number, 1)) + self.sentinel(self.place(number, 2))
        for node, tenant, came in seen:
            report.add_leak(f"LOCAL of node {number}", description, frame, f"node {node}, {tenant}: {came.data.hex()}")


def is_announcement(frame):
    """What the owner says unasked: gratuitous ARP, unsolicited advertisements with its own MAC."""
    arp, advert = frame.arp(), frame.neighbour_advertisement()
    if arp:
        return arp[2] == arp[4] == plan.VIP4 and frame.destination == table.BROADCAST
    return bool(advert and advert[1] == "ff02::1" and advert[4] == frame.source and advert[2] == plan.VIP6)


def run_table(bench, report):
    for place in bench.places():
        for description, frame in table.frames_for(place):
            bench.inject(place, description, frame, report)


def run_local(bench, report):
    for number in bench.lab.nodes:
        for tenant in TENANTS:
            for description, frame in table.frames_for(bench.place(number, tenant)):
                bench.inject_locally(number, f"{description} (as of tenant {tenant})", frame, report)


def run_mutations(bench, report, seed, count):
    places = bench.places()
    for place in places:
        for description, frame in table.mutations(place, seed, count // len(places)):
            bench.inject(place, description, frame, report)


def run_while(bench, report, what, happen):
    """The table of tenant 1, again and again, while something happens: nothing may come out at tenant 2 or LOCAL. What comes out at
    tenant 1 itself depends on the moment."""
    bench.drain_all()
    pending = collections.deque()
    finished = []

    def follow():
        try:
            happen()
        finally:
            finished.append(True)

    thread = threading.Thread(target=follow)
    thread.start()
    while not finished:
        for number in bench.lab.nodes:
            place = bench.place(number, 1)
            for description, frame in table.frames_for(place):
                try:
                    bench.wires[number, 1].send(frame)
                except OSError:
                    continue  # its cable is being unplugged
                report.sent += 1
                pending.append((place, description, frame))
                if len(pending) > 64:
                    pending.popleft()
            for node, tenant, came in bench.drain_all():
                if tenant != 1:
                    report.add_leak(f"during {what}", f"about {pending[-1][1]}", pending[-1][2], f"node {node}, {tenant}: {came.data.hex()}")
    thread.join()


def quiet(bench, timeout_s=10):
    """Until the owner has said all that it says unasked after a change."""
    def silent():
        frames_seen = [frame for wire in bench.wires.values() for frame in wire.drain()]
        time.sleep(0.3)
        return not frames_seen
    wait_until(silent, timeout_s, "the announcements to end")
