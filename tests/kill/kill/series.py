"""Kills the daemons of a running pair at random moments of a stream of changes, cuts the power of their disks, and counts what
is missing afterwards."""

import dataclasses
import random
import time
import uuid

from kill import power
from kill.stream import Record, Writer
from lab.changes import slots_of
from lab.lab import Lab
from lab.system import LabError, in_parallel, wait_until

LATEST_KILL_S = 0.35
JOURNALS = "/run/power-cut"
STATE = "/var/lib/distributor"
BACK_S = 60


@dataclasses.dataclass
class Figures:
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    bytes_cut: int = 0  # of the stores: unsynced writes that the power cuts took
    problems: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.kills += other.kills
        self.acknowledged += other.acknowledged
        self.lost += other.lost
        self.bytes_cut += other.bytes_cut
        self.problems += other.problems


class Series:
    def __init__(self, programs, shim, seed, fsync_ignored=False):
        self.lab = Lab(programs, amphorae=1)
        self.chance = random.Random(seed)
        self.fsync_ignored = fsync_ignored
        self.figures = Figures()
        self.lb = str(uuid.uuid4())
        self.record = Record()
        self.what = "at the start"
        for node in self.lab.nodes.values():
            node.environment["distributord"] = {"LD_PRELOAD": shim, "POWER_CUT_FOLDER": STATE, "POWER_CUT_JOURNAL": JOURNALS,
                                                "POWER_CUT_FSYNC": "ignored" if fsync_ignored else "kept"}

    def run(self, kills, stop_at_loss=False):
        """Until all kills are done; with stop_at_loss until something is lost."""
        with self.lab:
            self.lab.start()
            self.plug()
            for number in range(kills):
                try:
                    self.round()
                except (LabError, AssertionError) as error:
                    self.figures.problems.append(f"kill {number + 1}, {self.what}: {error}\n{self.story()}")
                    break
                if stop_at_loss and self.figures.lost:
                    break
        return self.figures

    def story(self, lines=14):
        """What both daemons said last, for a failure: the lab is gone when somebody looks."""
        parts = []
        for node in self.lab.nodes.values():
            with open(node.log_path("distributord"), encoding="utf-8", errors="replace") as file:
                parts.append(f"    {node.name}:\n" + "".join("      " + line for line in file.readlines()[-lines:]))
        return "".join(parts)

    def plug(self):
        api = self.lab.api()
        try:
            api.plug(self.lb, **self.lab.plug_fields()).expect()
        finally:
            api.close()

    def round(self):
        active, standby = self.wait_in_sync()
        victims, mode = self.draw(active, standby)
        self.what = f"{' and '.join('active' if one == active else 'standby' for one in victims)} killed, {mode}"
        writer = Writer(self.lab.api(timeout_s=8, replay=False), self.lb, self.record, self.chance)
        delay = self.chance.uniform(0.0, LATEST_KILL_S)
        writer.start()
        time.sleep(delay)  # the random moment itself
        in_parallel(*(lambda number=number: self.kill(number) for number in victims))
        for number in victims:
            self.figures.bytes_cut += power.cut(*self.disk(number), self.chance, mode)
            self.lab.nodes[number].supervise("distributord")
        # A killed follower is back while the stream goes on; a killed leader has ended it.
        wait_until(lambda: not writer.is_alive() or self.in_sync(quiet=False), BACK_S, "the pair to be in sync again")
        writer.stop()
        self.figures.kills += 1
        self.figures.acknowledged += writer.answered
        if writer.wrong:
            raise LabError(writer.wrong)
        self.compare(self.what)

    def draw(self, active, standby):
        """Who is killed, and what a disk keeps. Disks that lie about fsync lose all of it, on both sides: a part would be a damaged
        file, which a node refuses to start with, and that is not what is to be shown."""
        if self.fsync_ignored:
            return [active, standby], power.NOTHING_SURVIVES
        victims = self.chance.choice([[active], [active], [standby], [active, standby], [active, standby]])
        mode = self.chance.choice([power.NOTHING_SURVIVES, power.NOTHING_SURVIVES, power.ANY_PART, power.ANY_PART, power.EVERYTHING])
        return victims, mode

    def in_sync(self, quiet=True):
        """(active, standby) once both hold the same and one leads and owns; None before. Two nodes are asked one after the other: while
        changes stream (not quiet) their states need not be equal. Readiness, which comes a second later, is not waited for: kills in that
        second are welcome."""
        views = {number: self.lab.pair_of(number) for number in self.lab.nodes}
        own = {number: view["self"] for number, view in views.items()}
        leads = [number for number, member in own.items() if member["leads"] and member["gate_open"]]
        linked = all(view["peer_alive"] for view in views.values())
        equal = len({(member["state_digest"], member["committed_seq"]) for member in own.values()}) == 1
        if len(leads) != 1 or not linked or (quiet and not equal) or views[leads[0]]["phase"] != "leading":
            return None
        return leads[0], 3 - leads[0]

    def wait_in_sync(self):
        return wait_until(self.in_sync, BACK_S, "the pair to be in sync again")

    def kill(self, number):
        node = self.lab.nodes[number]
        node.kill("distributord", restart=False)
        wait_until(lambda: not node.service("distributord")["running"], 10, f"the daemon of {node.name} to be dead", 0.003)

    def disk(self, number):
        root = self.lab.nodes[number].root
        return root + STATE, root + JOURNALS

    def compare(self, what):
        owner, _ = self.wait_in_sync()  # equal digests on both nodes: one needs to be asked only
        api = self.lab.api(owner)
        try:
            answer = api.status(self.lb)
            lost = self.record.lost_if(slots_of(answer.expect().body) if answer.ok else None)
            view = api.pair().expect().body
        finally:
            api.close()
        told = [one for one in view["dropped"] if one["request_id"] not in self.record.uncertain_ids]
        if lost or told:
            self.figures.lost += max(lost, len(told))
            self.figures.problems.append(f"{what}: {lost} acknowledged changes lost, given up after they were acknowledged: {told}")
        if not answer.ok:  # even PLUG's acknowledgement was worth nothing
            self.record = Record()
            self.plug()
