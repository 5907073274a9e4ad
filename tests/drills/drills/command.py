"""The command line of tests/drills/run."""

import argparse
import json
import os
import sys
import time

from lab import binaries
from lab.lab import exit_on_signals
from lab.system import LabError

from drills import figures, on_lab, priority, series
from drills.catalogue import BY_NAME, DRILLS
from drills.profiles import PROFILES
from drills.sample import run_once
from drills.stage import Stage

SKIPPED = 77
SAID = ("runs", "outage_ms_median", "outage_ms_p99", "outage_ms_worst", "packets_lost", "connections", "connections_broken", "clients",
        "clients_moved", "pair_changes_lost", "requests_failed", "redundant_again_ms", "budget_met")


def arguments(text):
    parser = argparse.ArgumentParser(prog="tests/drills/run", description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="drills, as --list names them; all by default")
    parser.add_argument("--runs", type=int, default=1, help="of each drill (default 1); 0: as many as its long series wants")
    parser.add_argument("--profile", choices=PROFILES, default="default", help="of keepalived's adverts")
    parser.add_argument("--json", metavar="FILE", help="write the result there")
    parser.add_argument("--list", action="store_true", help="the drills, and what they do")
    parser.add_argument("--connections", type=int, default=1000, help="long-lived TCP connections (default 1000)")
    parser.add_argument("--streams", type=int, default=256, help="clients that send UDP all the time (default 256)")
    parser.add_argument("--interval-ms", type=int, default=30, help="between two datagrams of one client (default 30): how fine an outage is measured")
    parser.add_argument("--sampled", type=int, default=2000, help="further clients whose amphora is looked up (default 2000)")
    parser.add_argument("--seconds", type=float, help="begin no further run after this time; what ran is reported")
    parser.add_argument("--old", metavar="DIR", help="programs of another release, for rolling-upgrade")
    parser.add_argument("--fresh", type=int, metavar="N",
                        help="a new pair after every N runs: a node that lost its readiness again and again is trusted later each time, up to 30 s")
    parser.add_argument("--lenient", action="store_true",
                        help="times and packets are reported, not judged: for machines that are shared; what must never happen still fails")
    parser.add_argument("--realtime", action="store_true",
                        help="run lab and traffic with real-time priority, so that what else the machine does is no outage")
    parser.add_argument("--target", metavar="FILE", help="act on this node; FILE says where things are (docs/testing.md)")
    parser.add_argument("--traffic", metavar="FILE", help="with --target: what an external traffic generator saw, JSON")
    parser.add_argument("--yes", action="store_true", help="with --target: do not ask")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BY_NAME]
    if unknown:
        parser.error(f"no drill {', '.join(unknown)}: see --list")
    return options


def settle(options):
    options.old_programs = None
    if options.old:
        options.old_programs = binaries.Binaries(*(os.path.join(options.old, name) for name in binaries.PROGRAMS))
    return options


class Suite:
    def __init__(self, programs, options):
        self.programs, self.options = programs, options
        self.budgets = figures.load()
        self.stage = None
        self.begun = time.monotonic()
        self.results = []

    def out_of_time(self):
        return self.options.seconds is not None and time.monotonic() - self.begun > self.options.seconds

    def the_stage(self):
        if self.stage is None:
            self.stage = Stage(self.programs, self.options)
        return self.stage

    def leave_stage(self):
        if self.stage is not None:
            stage, self.stage = self.stage, None
            stage.close()

    def attempt(self, drill):
        """One sample; a lab in which a run failed is not used again."""
        try:
            return run_once(self.the_stage(), drill)
        except (LabError, AssertionError, OSError) as error:
            self.keep_logs(drill)
            self.leave_stage()
            return {"error": f"{type(error).__name__}: {error}"[:600]}

    def keep_logs(self, drill):
        """The lab is gone when somebody looks: DRILL_LOGS names a directory."""
        target = os.environ.get("DRILL_LOGS")
        if target and self.stage is not None:
            for node in self.stage.lab.nodes.values():
                for name in os.listdir(os.path.join(node.directory, "log")):
                    os.makedirs(os.path.join(target, drill.name, node.name), exist_ok=True)
                    with open(os.path.join(node.directory, "log", name), "rb") as source, \
                            open(os.path.join(target, drill.name, node.name, name), "wb") as copy:
                        copy.write(source.read())

    def run(self, drill):
        skipped = [reason for need in drill.needs if (reason := on_lab.PREREQUISITES[need](self))]
        if skipped:
            print(f"{drill.name}: SKIPPED: {'; '.join(skipped)}", flush=True)
            self.results.append({"name": drill.name, "what": drill.what, "profile": self.options.profile, "skipped": "; ".join(skipped)})
            return
        samples = []
        for _ in range(self.options.runs or drill.series):
            if samples and self.out_of_time():
                break
            sample = self.attempt(drill)
            if "error" in sample and self.options.lenient:
                print(f"{drill.name}: once more, since it could not be carried through: {sample['error']}", flush=True)
                sample = self.attempt(drill)
            samples.append(sample)
            if self.options.fresh and len(samples) % self.options.fresh == 0:
                self.leave_stage()
        clients = self.options.streams + self.options.sampled + self.options.connections
        summary = figures.summarise(drill, self.options.profile, samples, clients, self.budgets)
        print(line_of(summary), flush=True)
        self.results.append({**summary, "samples": samples})
        if drill.spends:
            self.leave_stage()


def line_of(summary):
    values = {key: summary.get(key) for key in SAID}
    text = f"{summary['name']} [{summary['profile']}]: " + " ".join(f"{key}={json.dumps(value)}" for key, value in values.items())
    return "\n    ".join([text, *(f"missed: {line}" for line in summary["missed"]), *summary.get("broken", []), *summary.get("failures", [])])


def describe():
    for drill in DRILLS:
        print(f"{drill.name:24} {drill.what}" + (f"\n{'':24} {drill.note}" if drill.note else ""))
    return 0


def write(path, suite):
    document = {**series.origin(), "budgets": suite.budgets, "drills": suite.results}
    document["machine"]["realtime"] = suite.options.realtime
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))


def main(text):
    options = settle(arguments(text))
    if options.list:
        return describe()
    if options.target:
        from drills import target
        return target.main(options)
    exit_on_signals()
    options.realtime = options.realtime and priority.take()
    problems = binaries.missing_prerequisites()
    if problems:
        print("SKIPPED: " + "; ".join(problems))
        return SKIPPED
    try:
        suite = Suite(binaries.find(), options)
    except LabError as error:
        print(f"it could not run: {error}", file=sys.stderr)
        return 2
    try:
        for drill in [BY_NAME[name] for name in options.names] or [one for one in DRILLS if one.ci or options.runs == 0]:
            if suite.out_of_time():
                print(f"{drill.name}: not begun: --seconds is over")
                continue
            suite.run(drill)
            if options.json:
                write(options.json, suite)  # what ran is not lost if the rest is cut off
    except LabError as error:
        print(f"it could not run: {error}", file=sys.stderr)
        return 2
    finally:
        suite.leave_stage()
    return verdict(suite.results, options.lenient)


SHARED_MACHINE = ("outage_ms", "packets_lost", "requests_failed")


def verdict(results, lenient):
    bad = [(one["name"], line) for one in results for line in one.get("missed", []) if not (lenient and line.startswith(SHARED_MACHINE))]
    ran = [one for one in results if "skipped" not in one]
    print(f"{len(ran)} drills ran, {len(results) - len(ran)} were skipped, {len({name for name, _ in bad})} missed a budget"
          f"{' that is judged here (--lenient)' if lenient else ''}")
    if not ran:
        return SKIPPED
    return 1 if bad else 0
