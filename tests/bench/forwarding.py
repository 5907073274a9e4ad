"""How fast the data path is, in the lab's userspace datapath: through the project's rules against a bare rule in the same Open vSwitch,
and with very many new clients. Prints one line of JSON for each result."""

import json
import os
import re
import signal
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "lab")]

from lab import binaries, plan  # noqa: E402
from lab.lab import Lab, exit_on_signals  # noqa: E402
from lab.system import run, wait_until  # noqa: E402
from support import Balancer, wait_programmed  # noqa: E402

ROUNDS = 15
FRAMES = 400_000
CLIENT_MAC = "02:00:00:77:00:01"
BOUND = 4096


class Bench:
    def __init__(self, lab, blaster):
        self.lab, self.blaster = lab, blaster
        self.active, _ = lab.wait_in_sync()
        self.node = lab.nodes[self.active]
        self.port = self.node.front_port(1)

    def received(self):
        answer = run(["ip", "-n", self.lab.fabric.namespace.name, "-j", "-s", "link", "show", self.port])
        return json.loads(answer.stdout)[0]["stats64"]["rx"]["packets"]

    def blast(self, clients, frames, rate=0):
        """(frames that came back by the same port, seconds)."""
        before, begun = self.received(), time.monotonic()
        self.lab.fabric.namespace.exec([self.blaster, self.port, plan.front_mac(1, self.active), CLIENT_MAC, plan.VIP4, str(clients),
                                        str(frames), str(rate)])
        last, since = self.received(), time.monotonic()
        while time.monotonic() - since < 0.3:  # until nothing comes any more
            time.sleep(0.05)
            if (now := self.received()) != last:
                last, since = now, time.monotonic()
        return last - before, since - begun


def say(name, ours, reference, unit):
    print(json.dumps({"name": name, "ours": round(ours, 1), "reference": round(reference, 1), "unit": unit,
                      "ratio": round(ours / reference, 3) if reference else None}), flush=True)


def forwarding_rate(bench):
    """The daemon is stopped meanwhile, so that it does not take the bare rule away."""
    port = re.search(r"eth1 (\d+)/", bench.node.ovs.appctl("dpif/show"))[1]
    bare = f"table=0,priority=65000,in_port={port}"
    ours, reference = [], []
    bench.node.kill("distributord", signal.SIGSTOP)
    try:
        bench.blast(64, FRAMES)
        for _ in range(ROUNDS):
            ours_count, seconds = bench.blast(64, FRAMES)
            ours.append(ours_count / seconds)
            bench.node.ovs.ofctl("add-flow", f"{bare},actions=in_port")
            count, seconds = bench.blast(64, FRAMES)
            reference.append(count / seconds)
            bench.node.ovs.ofctl("del-flows", f"table=0,cookie=0/-1,in_port={port}")
    finally:
        bench.node.kill("distributord", signal.SIGCONT)
    # Rounds alternate: the median of their ratios is steadier than the ratio of medians.
    ratio = statistics.median(mine / bare for mine, bare in zip(ours, reference))
    say("forwarding_rate_vs_bare_in_port", ratio * statistics.median(reference), statistics.median(reference), "frames/s")


def new_clients(lab, blaster, count, rate):
    """The share of first packets of `count` clients that is forwarded: bounded classes against full addresses."""
    shares = {}
    for name, extras in (("bounded", {"hash_classes_max": BOUND}), ("full", {})):
        with Balancer(lab, amphorae=4, spare=False, alg_extras={"algorithm": "hash", "affinity": "Source_IP", **extras}):
            wait_programmed(lab)
            bench = Bench(lab, blaster)
            wait_until(lambda: bench.blast(8, 64)[0] == 64, 10, "frames to be forwarded")
            back, seconds = bench.blast(count, count, rate)
            shares[name] = 100 * back / count
            print(f"{name}: {back} of {count} first packets forwarded, {count / seconds:.0f} new clients/s, "
                  f"{re.search(r'current ([0-9]+)', bench.node.ovs.appctl('upcall/show'))[1]} datapath flows", file=sys.stderr)
    say(f"first_packets_forwarded_{count}_clients_bounded_vs_full", shares["bounded"], shares["full"], "percent")


def main():
    exit_on_signals()
    blaster = os.path.abspath(sys.argv[1])
    names = sys.argv[2:] or ["forwarding", "clients"]
    with Lab(binaries.find(), amphorae=4) as lab:
        lab.start()
        if "forwarding" in names:
            with Balancer(lab, amphorae=4, spare=False):
                wait_programmed(lab)
                lab.fabric.namespace.ip(*(f"link set {node.front_port(1)} nomaster" for node in lab.nodes.values()))
                forwarding_rate(Bench(lab, blaster))
        lab.fabric.namespace.ip(*(f"link set {node.front_port(1)} nomaster" for node in lab.nodes.values()))
        if "clients" in names:
            new_clients(lab, blaster, int(os.environ.get("BENCH_CLIENTS", "1000000")), int(os.environ.get("BENCH_RATE", "150000")))


if __name__ == "__main__":
    main()
