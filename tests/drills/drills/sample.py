"""One run of one drill on a stage: what was done when, and what clients, controllers and the pair saw of it."""

import os
import statistics
import time

from drills import on_lab
from drills.model import SERVICES, Wait, WaitInSync, WaitOwner
from drills.writer import Writer

BEFORE_S, AFTER_S = 0.5, 0.7  # of undisturbed traffic
SHOWN = 24  # clients in the picture


class Run:
    """What a step needs to know."""

    def __init__(self, stage, drill):
        self.stage, self.lab, self.settings, self.programs = stage, stage.lab, stage.settings, stage.lab.binaries
        self.drill = drill
        self.apart = []  # changes given to one node by itself
        self.events = []  # (when, words)
        self.active = self.standby = None

    def cast(self):
        self.active, self.standby = self.stage.settled()

    def numbers(self, of):
        return {"active": [self.active], "standby": [self.standby], "both": sorted(self.lab.nodes)}[of]

    def nodes(self, of):
        return [self.lab.nodes[number] for number in self.numbers(of)]

    def other_programs(self):
        """The programs of another release, or of this one under another path."""
        directory = os.path.join(self.lab.directory, "other")
        source = self.settings.old_programs or self.lab.binaries
        return source.copied_to(directory) if not os.path.isdir(directory) else type(source)(
            *(os.path.join(directory, os.path.basename(path)) for path in (source.distributord, source.distributorctl, source.gatekeeper)))

    def take(self, steps, tell=False):
        for step in steps:
            if tell and not isinstance(step, (Wait, WaitOwner, WaitInSync)):
                self.events.append((time.monotonic(), words(step)))
            on_lab.take(step, self)


def words(step):
    """What a step did, for the picture."""
    name = type(step).__name__
    spelled = "".join(" " + letter.lower() if letter.isupper() else letter for letter in name).strip()
    if hasattr(step, "services"):
        spelled += " all" if step.services == SERVICES else " " + ", ".join(step.services)
    if hasattr(step, "network"):
        spelled += " " + step.network
    return f"{spelled} ({step.of})" if getattr(step, "of", "active") != "active" else spelled


def run_once(stage, drill):
    """The sample; LabError if the pair is not in sync again in time."""
    run = Run(stage, drill)
    run.cast()
    run.take(drill.prepare)
    run.cast()
    stage.seed += 1
    writer = Writer(stage.lab, stage.lb, stage.seed)
    begun = stage.load.mark()
    writer.start()
    try:
        stage.pause(BEFORE_S)
        run.take(drill.steps, tell=True)
        acted = run.events[-1][0] if run.events else time.monotonic()
        stage.settled()
        again = time.monotonic()
        stage.pause(AFTER_S)
    finally:
        writer.stop()
    traffic = stage.load.collect()
    moved = stage.moved()
    stage.settled()
    sample = {**of_traffic(traffic, moved), **of_changes(stage, writer, run.apart),
              "redundant_again_ms": round((again - acted) * 1000) if run.events else 0,
              "timeline": timeline(stage.watches, run.active, run.events, begun, traffic)}
    run.take(drill.restore)
    stage.settled()
    return sample


def of_traffic(traffic, moved):
    gaps = sorted(row["gap_ms"] for row in traffic["streams"])
    broken = [row for row in traffic["connections"] if row["broken"]]
    wandered = {row["client"] for row in traffic["streams"] + traffic["connections"] if len(row["names"]) > 1}
    return {"outage_ms_median": statistics.median(gaps), "outage_ms_worst": gaps[-1], "gaps_ms": gaps,
            "packets_sent": sum(row["sent"] for row in traffic["streams"]), "packets_lost": sum(row["lost"] for row in traffic["streams"]),
            "connections": len(traffic["connections"]), "connections_broken": len(broken),
            "broken": [f"{row['client']}: {row['broken']}" for row in broken[:5]],
            "clients_moved": len(wandered | set(moved)), "generator_late_ms": traffic["late_ms"]}


def of_changes(stage, writer, apart):
    found, given_up = stage.found(), stage.given_up()
    lost = writer.reckon(found, apart)
    unreported = [change for change in lost["local"] if change.request_id not in given_up and not change.hollow]
    return {"changes_pair": writer.changes["pair"], "changes_local": writer.changes["local"] + len(apart),
            "pair_changes_lost": len(lost["pair"]), "local_changes_lost": len(lost["local"]), "losses_unreported": len(unreported),
            "changes_unanswered": int(writer.unanswered is not None), "requests": writer.requests,
            "requests_failed": len(writer.failures), "requests_unreached": writer.unreached, "request_ms_worst": round(writer.worst_ms, 1),
            "losses": [f"{'register' if change.present else 'unregister'} {change.mac} ({change.durability}, {change.request_id}"
                       f"{', listed' if change.request_id in given_up else ', changed nothing' if change.hollow else ''}): node {', '.join(str(n) for n, macs in found.items() if change.mac in macs) or 'none'} has it"
                       for change in lost["pair"] + lost["local"]],
            "failures": [f"{what}" for _, what in writer.failures[:3]]}


def timeline(watches, active, events, begun, traffic):
    """What the picture is drawn from; seconds since the window began. watches: node number -> GateWatch."""
    ended = traffic["ended"]
    rows = sorted(traffic["streams"], key=lambda row: -row["gap_ms"])
    shown = rows[:: max(1, len(rows) // SHOWN)][:SHOWN]  # from the worst to the best

    def since(runs):
        return [[round(a - begun, 4), round(b - begun, 4), what] for a, b, what in runs]

    return {"seconds": round(ended - begun, 3), "active": active,
            "events": [[round(at - begun, 4), what] for at, what in events],
            "owners": {f"node-{number}": since(watch.since(begun, ended)) for number, watch in watches.items()},
            "clients": [{"client": row["client"], "gap_ms": row["gap_ms"], "gap_at": round(row["gap_at"] - begun, 4), "runs": since(row["runs"])}
                        for row in shown]}
