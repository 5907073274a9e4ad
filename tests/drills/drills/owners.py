"""Which node answers for the VIPs, as Open vSwitch tells it: a flow monitor on the gate table of each node. Pushed, not polled."""

import os
import subprocess
import threading
import time

from drills import priority

GATE_TABLE = 5  # pipeline::kTableGate
RETRY_S = 0.05  # until a vswitchd that is not there can be asked


class GateWatch(threading.Thread):
    def __init__(self, node, scratch):
        super().__init__(daemon=True)
        self.node, self.scratch = node, scratch
        self.changes = [(time.monotonic(), "off")]  # (when, "open" | "closed" | "off")
        self.ending = threading.Event()
        self.process = None

    def note(self, state):
        if self.changes[-1][1] != state:
            self.changes.append((time.monotonic(), state))

    def run(self):
        priority.lower()
        while not self.ending.is_set():
            if self.node.init_pid is not None:
                target = f"{self.node.root}/run/openvswitch/{self.node.ovs.bridge}.mgmt"
                if os.path.exists(target):
                    self.follow(target)
                    self.note("off")
            self.ending.wait(RETRY_S)

    def follow(self, target):
        control = os.path.join(self.scratch, f"watch-{self.node.name}.ctl")
        self.process = subprocess.Popen(
            ["ovs-ofctl", "-O", "OpenFlow15", f"--unixctl={control}", "monitor", f"unix:{target}", f"watch:table={GATE_TABLE}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with self.process:
            for line in self.process.stdout:
                if f"table={GATE_TABLE}" in line:
                    gone = "event=DELETED" in line
                    self.note("open" if "resubmit" in line and not gone else "closed")
                if self.ending.is_set():
                    break
            self.process.kill()
        self.process = None

    def since(self, begun, ended):
        """[[from, to, state]] that cover the time between."""
        changes = list(self.changes)
        found = []
        for (at, state), following in zip(changes, [*changes[1:], (ended, None)]):
            begin, end = max(at, begun), min(following[0], ended)
            if end > begin:
                found.append([round(begin, 4), round(end, 4), state])
        return found

    def stop(self):
        self.ending.set()
        process = self.process
        if process is not None:
            process.kill()
        self.join()
