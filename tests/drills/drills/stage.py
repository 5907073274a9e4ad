"""A lab with a load balancer that clients use, another one that is changed all the time, traffic, and a watch on each node's gate.

It is used for drill after drill, as long as each leaves both nodes in sync.
"""

import contextlib
import time
import uuid

from lab import plan, traffic
from lab.lab import Lab
from lab.system import LabError
from support import Balancer, wait_programmed

from drills import priority
from drills.owners import GateWatch
from drills.profiles import PROFILES

WRITER_VLAN = 200
LINE_INTERVAL_MS = 1000


class Stage:
    def __init__(self, programs, settings):
        """settings: profile, connections, streams, sampled (of both families together)."""
        self.settings = settings
        self.stack = contextlib.ExitStack()
        self.lab = Lab(programs, **PROFILES[settings.profile])
        self.seed = 0
        try:
            self.stack.enter_context(self.lab)
            self.set_up()
        except BaseException:
            self.close()
            raise

    def set_up(self):
        lab, settings = self.lab, self.settings
        lab.start()
        self.balancer = Balancer(lab)
        self.stack.callback(self.balancer.api.close)
        self.lb = str(uuid.uuid4())
        fields = lab.plug_fields()
        fields["nodes"] = [{**interface, "vlan": WRITER_VLAN} for interface in fields["nodes"]]
        self.balancer.api.plug(self.lb, **fields).expect()
        wait_programmed(lab)
        self.watches = {number: GateWatch(node, lab.directory) for number, node in lab.nodes.items()}
        for watch in self.watches.values():
            watch.start()
            self.stack.callback(watch.stop)
        halves = [count // 2 for count in (settings.connections, settings.streams, settings.sampled)]
        connected, streaming, sampled = (plan.clients(half, half, start=start) for half, start in zip(halves, (0, 20_000, 40_000)))
        self.sampled = sampled
        with priority.looking():
            self.placed = self.balancer.who(sampled)
        self.load = self.stack.enter_context(traffic.Load(lab.gateway(), streaming, connected, settings.interval_ms, LINE_INTERVAL_MS))
        priority.raise_traffic(self.load.process.pid)

    def close(self):
        self.stack.close()

    def moved(self):
        """Sampled clients whose amphora is not the one of the beginning. Nothing ever changed the load balancer."""
        with priority.looking():
            now = self.balancer.who(self.sampled)
        return [client for client in self.sampled if now[client] != self.placed[client]]

    def found(self):
        """node number -> the MACs that it holds for the load balancer of the writer."""
        held = {}
        for number in self.lab.nodes:
            client = self.lab.api(number, timeout_s=5)
            try:
                held[number] = {one["mac_address"] for one in client.status(self.lb).expect().body["amphorae"]}
            finally:
                client.close()
        return held

    def given_up(self):
        """Request ids of the changes that any node lists as given up."""
        return {dropped["request_id"] for number in self.lab.nodes for dropped in self.lab.pair_of(number)["dropped"]}

    def settled(self):
        """(active, standby), once both are in sync and agree on every change."""
        with priority.looking():
            pair = self.lab.wait_in_sync(60)
            wait_programmed(self.lab, 30)
        return pair

    def pause(self, seconds):
        """Measuring time."""
        time.sleep(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


__all__ = ["LabError", "Stage"]
