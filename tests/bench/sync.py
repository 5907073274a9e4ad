"""What a change costs, from the client's request to both disks and both Open vSwitches, and how that grows. Prints one line of JSON for each result.

Arguments: which of latency, rejoin, growth; none = all. One lab serves all, so that they compare; growth compares with a second one."""

import concurrent.futures
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "lab")]

from lab import binaries, plan  # noqa: E402
from lab.lab import Lab, exit_on_signals  # noqa: E402
from lab.system import wait_until  # noqa: E402
from support import wait_programmed  # noqa: E402

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "300"))
FEW, MANY, MOST = 10, int(os.environ.get("BENCH_REJOIN", "1000")), int(os.environ.get("BENCH_GROWTH", "4000"))
AMPHORAE = 16
CLIENTS = 16
GROWTH_TURNS = 10


def say(name, ours, reference, unit):
    print(json.dumps({"name": name, "ours": round(ours, 3), "reference": round(reference, 3), "unit": unit,
                      "ratio": round(ours / reference, 3) if reference else None}), flush=True)


def p99(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def timed_ms(call):
    begun = time.monotonic()
    call()
    return (time.monotonic() - begun) * 1000


def insist(call):
    """As Octavia's client does: a 503 is asked again (ownership may move on a busy machine)."""
    def once():
        answer = call()
        return answer.expect() if answer.status != 503 else None
    return wait_until(once, 60, "a change to be taken")


class Bench:
    def __init__(self, lab):
        self.lab = lab
        self.lbs = []
        self.active, self.standby = lab.wait_in_sync()
        self.vlans = iter(range(1, 4095))

    def _grow_part(self, work):
        api = self.lab.api(timeout_s=60)
        try:
            for lb, vlan, amphorae in work:
                fields = {"vip_address": plan.VIP4, "subnet_cidr": plan.SUBNET4,
                          "nodes": [{**one, "vlan": vlan} for one in self.lab.interfaces()]}
                insist(lambda: api.plug(lb, **fields))
                if amphorae:
                    batch = [{"mac_address": f"02:00:{vlan >> 8:02x}:{vlan & 255:02x}:01:{i:02x}", "position": i} for i in range(amphorae)]
                    insist(lambda: api.register(lb, batch))
        finally:
            api.close()

    def grow_to(self, count, amphorae):
        """Each load balancer is a VLAN of the one interface."""
        new = [(str(uuid.uuid4()), next(self.vlans), amphorae) for _ in range(count - len(self.lbs))]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(self._grow_part, [new[i::8] for i in range(8)]))
        self.lbs += [lb for lb, _, _ in new]
        wait_programmed(self.lab, 120)

    def registrations_ms(self, lb, count):
        """Each is a change: the same amphora in and out."""
        api, mac = self.lab.api(timeout_s=60), "02:00:ff:00:00:01"
        samples = []
        try:
            for i in range(count + 10):
                call = (lambda: api.register(lb, [{"mac_address": mac, "position": 200}])) if i % 2 == 0 else (lambda: api.unregister(lb, [mac]))
                begun = time.monotonic()
                answer = call().expect().body
                samples.append((time.monotonic() - begun) * 1000)
                if answer["durability"] != "pair" or len(answer["programmed"]) != 2:
                    raise AssertionError(f"not on both nodes: {answer['durability']}, {answer['programmed']}")
        finally:
            api.close()
        return samples[10:]

    def sqlite_commits_ms(self, count):
        database = sqlite3.connect(os.path.join(self.lab.directory, "reference.db"), isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, entry BLOB)")
        return [timed_ms(lambda: database.execute("INSERT INTO log (entry) VALUES (?)", (os.urandom(300),))) for _ in range(count)]

    def ofctl_ms(self, count):
        target = f"unix:{self.lab.nodes[self.active].root}/run/openvswitch/br-dist.mgmt"
        argv = ["ovs-ofctl", "-O", "OpenFlow15", "dump-aggregate", target, "table=250"]
        return [timed_ms(lambda: subprocess.run(argv, check=True, capture_output=True)) for _ in range(count)]

    def rate(self, clients, seconds=4):
        """Changes per second, each client on a load balancer of its own."""
        until = time.monotonic() + seconds

        def stream(lb):
            done, api, mac = 0, self.lab.api(timeout_s=60), "02:00:ff:00:00:02"
            try:
                while time.monotonic() < until:
                    (api.register(lb, [{"mac_address": mac}]) if done % 2 == 0 else api.unregister(lb, [mac])).expect()
                    done += 1
                if done % 2:
                    api.unregister(lb, [mac]).expect()
            finally:
                api.close()
            return done
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            return sum(pool.map(stream, [self.lbs[i % len(self.lbs)] for i in range(clients)])) / seconds

    def resident_mb(self):
        total = 0
        for node in self.lab.nodes.values():
            # The service's pid is of the node's own namespace; its own /proc says how large it is.
            status = node.exec(["cat", f"/proc/{node.service('distributord')['pid']}/status"]).stdout
            total += int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024
        return total

    def rejoin_s(self, wiped):
        """(seconds to equal digests, to programmed) from the start of the standby's daemon; wiped: with an empty store, and nothing
        in its Open vSwitch."""
        _, standby = self.lab.wait_in_sync(60)
        node = self.lab.nodes[standby]
        node.stop("distributord")
        if wiped:
            node.exec(["sh", "-c", "rm -f /var/lib/distributor/registry.db*"])
            for what in ("del-flows", "del-groups"):
                node.exec(["ovs-ofctl", "-O", "OpenFlow15", what, "br-dist"])
        wanted = self.lab.pair_of(3 - standby)["self"]["state_digest"]
        begun = time.monotonic()
        node.supervise("distributord")

        def equal():
            view = self.lab.pair_of(standby)["self"]
            return view if view["state_digest"] == wanted else None
        wait_until(equal, 60, "equal digests", 0.01)
        agreed = time.monotonic() - begun
        # The leader hears of it too: an answer then says that both have it.
        wait_until(lambda: (view := equal()) and view["ovs_programmed"] and view["programmed_seq"] == view["committed_seq"], 60, "both nodes programmed", 0.01)
        return agreed, time.monotonic() - begun


def latency(bench):
    ours = bench.registrations_ms(bench.lbs[0], SAMPLES)
    commit, spawn = bench.sqlite_commits_ms(SAMPLES), bench.ofctl_ms(100)
    say("registration_p50_vs_sqlite_commit", statistics.median(ours), statistics.median(commit), "ms")
    say("registration_p99_vs_sqlite_commit", p99(ours), p99(commit), "ms")
    say("registration_p50_vs_spawning_ovs_ofctl", statistics.median(ours), statistics.median(spawn), "ms")
    say("registration_p99_vs_spawning_ovs_ofctl", p99(ours), p99(spawn), "ms")
    commits_per_s = 1000 / statistics.mean(commit)
    one = bench.rate(1)
    say("changes_per_s_1_client_vs_sqlite_commits", one, commits_per_s, "1/s")
    many = bench.rate(CLIENTS)
    say(f"changes_per_s_{CLIENTS}_clients_vs_sqlite_commits", many, commits_per_s, "1/s")
    say(f"changes_per_s_{CLIENTS}_clients_vs_1", many, one, "1/s")


def rejoin(bench):
    bench.grow_to(MANY, AMPHORAE)
    kept = min(bench.rejoin_s(wiped=False) for _ in range(2))
    lost = min(bench.rejoin_s(wiped=True) for _ in range(2))
    say(f"wiped_node_equal_digests_{MANY}_lbs_vs_restart", lost[0], kept[0], "s")
    say(f"wiped_node_programmed_{MANY}_lbs_vs_restart", lost[1], kept[1], "s")


def cached_flows(lab):
    """Of both nodes' Open vSwitch. With every change it looks at all of them again."""
    return sum(int(re.search(r"flows: (\d+)", node.ovs.appctl("dpctl/show")).group(1)) for node in lab.nodes.values())


def growth(bench):
    """Against a second pair with few load balancers, in turn: a machine whose speed changes from one second to the next changes it for both."""
    with Lab(binaries.find(), amphorae=1) as lab:
        lab.start()
        small = Bench(lab)
        small.grow_to(FEW, AMPHORAE)
        bench.grow_to(MOST, 2)
        # The announcements of 4,000 PLUGs, and those of the minute after a takeover, are cached flows of the standby for ten seconds.
        wait_until(lambda: cached_flows(bench.lab) < MOST // 20, 150, "the announcements of PLUG to be forgotten")
        few, many = [], []
        for _ in range(GROWTH_TURNS):
            few += small.registrations_ms(small.lbs[0], SAMPLES // GROWTH_TURNS)
            many += bench.registrations_ms(bench.lbs[0], SAMPLES // GROWTH_TURNS)
        say(f"registration_p50_{MOST}_lbs_vs_{FEW}", statistics.median(many), statistics.median(few), "ms")
        say(f"registration_p99_{MOST}_lbs_vs_{FEW}", p99(many), p99(few), "ms")
        say(f"memory_of_both_daemons_{MOST}_lbs_vs_{FEW}", bench.resident_mb(), small.resident_mb(), "MB")


def main():
    exit_on_signals()
    wanted = sys.argv[1:] or ["latency", "growth", "rejoin"]
    problems = binaries.missing_prerequisites()
    if problems:
        print("SKIPPED: " + "; ".join(problems), file=sys.stderr)
        return
    with Lab(binaries.find(), amphorae=1) as lab:
        lab.start()
        bench = Bench(lab)
        bench.grow_to(FEW, AMPHORAE)
        if "latency" in wanted:
            latency(bench)
        if "rejoin" in wanted:
            rejoin(bench)
        if "growth" in wanted:
            growth(bench)


if __name__ == "__main__":
    main()
