"""Drills on a real node (--target FILE): steps are taken on this very machine, and both nodes are looked at through distributorctl.

FILE is TOML:
    own = "198.51.100.1"            # this node's management address
    peer = "198.51.100.2"
    ctl = ["distributorctl"]        # with its options, if /etc/distributor/ctl.toml does not hold them
    management = "eth0"             # interfaces, for the drills that cut them
    frontend = "eth1"
    [units]                         # of systemd; or [pid_files] with the same keys
    distributord = "distributord.service"
    gatekeeper = "distributor-gatekeeper.service"
    keepalived = "keepalived.service"
    ovs-vswitchd = "ovs-vswitchd.service"
    ovsdb-server = "ovsdb-server.service"
"""

import dataclasses
import json
import subprocess
import sys
import time
import tomllib

from drills import figures, on_target
from drills.catalogue import BY_NAME, DRILLS
from drills.sample import of_traffic

SYNC_S = 120


class TargetError(Exception):
    pass


@dataclasses.dataclass
class Target:
    own: str
    peer: str
    ctl: list = dataclasses.field(default_factory=lambda: ["distributorctl"])
    management: str = ""
    frontend: str = ""
    units: dict = dataclasses.field(default_factory=dict)
    pid_files: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path):
        with open(path, "rb") as file:
            return cls(**tomllib.load(file))

    def run(self, argv, check=True):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise TargetError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done

    def pair(self, address):
        """What a node says of the pair; None if it does not answer."""
        done = self.run([*self.ctl, "--address", address, "--timeout", "2", "--json", "status"], check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def owner(self):
        """"own", "peer", or None."""
        views = {name: self.pair(getattr(self, name)) for name in ("own", "peer")}
        owning = [name for name, view in views.items() if view and view["self"]["role"] == "MASTER" and view["self"]["gate_open"]]
        return owning[0] if len(owning) == 1 else None

    def in_sync(self):
        views = [self.pair(self.own), self.pair(self.peer)]
        if None in views or not all(view["peer_alive"] and not view["diverged"] for view in views):
            return False
        selves = [view["self"] for view in views]
        return (all(one["ready"] and one["ovs_programmed"] for one in selves) and selves[0]["state_digest"] == selves[1]["state_digest"]
                and self.owner() is not None)

    def wait(self, what, predicate, timeout_s=SYNC_S):
        deadline = time.monotonic() + timeout_s
        while not predicate():
            if time.monotonic() > deadline:
                raise TargetError(f"waited {timeout_s} s for {what}")
            time.sleep(0.1)


def own_role(target):
    return {"own": "active", "peer": "standby"}.get(target.owner())


def confirmed(options, drill, role):
    print(f"{drill.name}: {drill.what}\n  on THIS node, which is the {role} one of a pair that may carry traffic.")
    if options.yes:
        return True
    return input("  Type the name of the drill to go on: ").strip() == drill.name


def run_one(target, drill, options):
    """The summary of a drill."""
    summary = {key: None for key in ("outage_ms_median", "outage_ms_p99", "outage_ms_worst", "packets_lost", "packets_lost_worst", "connections",
                                     "connections_broken", "clients", "clients_moved", "pair_changes_lost", "losses_unreported", "requests_failed")}
    summary.update(name=drill.name, what=drill.what, profile=options.profile, runs=1)
    target.wait("a pair in sync with one owner, to begin with (see distributorctl status on both nodes)", target.in_sync, 30)
    role = own_role(target)
    reason = on_target.why_not(drill, role, target)
    if reason is None and not confirmed(options, drill, role):
        reason = "not confirmed"
    if reason is not None:
        return {**summary, "skipped": reason}
    begun = time.monotonic()
    for step in drill.steps:
        on_target.take(step, target, role)
        if on_target.acts(step):
            begun = time.monotonic()
    target.wait("both nodes to be in sync again", target.in_sync)
    summary["redundant_again_ms"] = round((time.monotonic() - begun) * 1000)
    summary["owner_moved"] = own_role(target) != role
    if options.traffic:
        input(f"  Let the traffic generator write {options.traffic}, then press Enter: ") if not options.yes else None
        with open(options.traffic, encoding="utf-8") as file:
            seen = of_traffic(json.load(file), [])
        summary.update({key: value for key, value in seen.items() if key in summary}, packets_lost_worst=seen["packets_lost"],
                       clients=seen["connections"] + len(seen["gaps_ms"]))
    budgets = figures.load()
    summary["missed"] = figures.missed(summary, figures.budget_of(budgets, drill.budget, options.profile), budgets["noise_ms"])
    summary["budget_met"] = not summary["missed"]
    return summary


def main(options):
    results = []
    try:
        target = Target.read(options.target)
        for drill in [BY_NAME[name] for name in options.names] or DRILLS:
            result = run_one(target, drill, options)
            print(f"{drill.name}: SKIPPED: {result['skipped']}" if "skipped" in result else json.dumps(result), flush=True)
            results.append(result)
    except (TargetError, OSError, TypeError, ValueError) as error:
        print(f"it could not run: {error}", file=sys.stderr)
        return 2
    finally:
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump({"command": " ".join(sys.argv), "drills": results}, file, indent=2)
    ran = [one for one in results if "skipped" not in one]
    return 77 if not ran else 0 if all(one["budget_met"] for one in ran) else 1
