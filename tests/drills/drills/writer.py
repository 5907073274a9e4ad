"""A client that changes registrations as Octavia does, through the management address, all through a drill; and the reckoning.

Each change adds or removes one amphora of a pool, so the last answered change of each amphora says what must be found. A change that
got no answer is sent again until it is answered, with the same request id.
"""

import dataclasses
import http.client
import random
import threading
import time
import uuid

from drills import priority

POOL = [f"02:00:00:02:{i >> 8:02x}:{i & 0xff:02x}" for i in range(64)]
APART = {1: "02:00:00:02:ff:01", 2: "02:00:00:02:ff:02"}  # registered on each node by itself
PAUSE_S = 0.04
FINISH_S = 30.0  # for the last change, once the drill is over


@dataclasses.dataclass
class Change:
    mac: str
    present: bool
    request_id: str
    durability: str = ""  # of the answer
    hollow: bool = False  # answered `local` at the first try, and nothing was changed: nothing was written that could be given up


def attempt(client, lb, change):
    """One request; the answer, or the failure of the connection."""
    if change.present:
        return client.register(lb, [{"mac_address": change.mac}], change.request_id)
    return client.unregister(lb, [change.mac], change.request_id)


class Writer(threading.Thread):
    def __init__(self, lab, lb, seed):
        super().__init__(daemon=True)
        self.client = lab.api(timeout_s=5, replay=False)
        self.lb, self.chance = lb, random.Random(seed)
        self.last = {}  # MAC -> the last Change that was answered
        self.changes = {"pair": 0, "local": 0}
        self.failures = []  # (when, what): requests that failed as Octavia's client sees it: an error was answered
        self.requests, self.unreached, self.worst_ms = 0, 0, 0.0
        self.unanswered = None
        self.ending, self.deadline = threading.Event(), None

    def run(self):
        priority.lower()
        while not self.ending.is_set():
            mac = self.chance.choice(POOL)
            before = self.last.get(mac)
            change = Change(mac, not (before and before.present), str(uuid.uuid4()))
            if not self.carry_through(change):
                self.unanswered = change
                break
            self.last[mac] = change
            self.changes[change.durability] += 1
            self.ending.wait(PAUSE_S)
        self.client.close()

    def carry_through(self, change):
        """Until it is answered; False if that took too long after the end of the drill. Octavia's client tries again by itself where
        no connection is to be had, or it breaks; an error that is answered is a failure to it."""
        begun, tries = time.monotonic(), 0
        while self.deadline is None or time.monotonic() < self.deadline:
            self.requests += 1
            tries += 1
            try:
                answer = attempt(self.client, self.lb, change)
            except (OSError, http.client.HTTPException):
                self.unreached += 1
            else:
                if answer.ok:
                    self.worst_ms = max(self.worst_ms, (time.monotonic() - begun) * 1000)
                    change.durability = answer.body["durability"]
                    change.hollow = tries == 1 and change.durability == "local" and not answer.body["changed"]
                    return True
                self.failures.append((time.monotonic(), f"{answer.status}: {answer.body.get('details') or answer.body}"))
            time.sleep(PAUSE_S)
        return False

    def stop(self):
        self.deadline = time.monotonic() + FINISH_S
        self.ending.set()
        self.join()

    def reckon(self, found, extra=()):
        """What is missing. found: node number -> the set of MACs that it holds. extra: changes answered elsewhere."""
        lost = {"pair": [], "local": []}
        for change in [*self.last.values(), *extra]:
            if self.unanswered is not None and self.unanswered.mac == change.mac:
                continue  # it may have happened or not
            if any((change.mac in macs) != change.present for macs in found.values()):
                lost[change.durability].append(change)
        return lost
