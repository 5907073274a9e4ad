"""A client that changes one load balancer without pause, and the record of what it was told."""

import http.client
import threading
import time
import uuid

from lab.changes import after, draw, send, slots_of


class Record:
    """What may be found: the state of the last answer `pair`, or one that a later change of unknown or `local` outcome made."""

    def __init__(self):
        self.acknowledged = [{}]  # the state after each change that was answered `pair`, in order
        self.since = []  # states that later changes may have made
        self.uncertain_ids = set()

    @property
    def newest(self):
        return self.since[-1] if self.since else self.acknowledged[-1]

    def lost_if(self, found):
        """How many acknowledged changes this state lacks; what is found is the truth from here on."""
        lost = 0
        if found not in [self.acknowledged[-1], *self.since]:
            back = [i for i, slots in enumerate(reversed(self.acknowledged)) if slots == found]
            lost = back[0] if back else len(self.acknowledged) - 1
            lost = max(1, lost)
        self.acknowledged, self.since = [found], []
        return lost


class Writer(threading.Thread):
    """Sends changes one after another until it is stopped or the connection breaks."""

    def __init__(self, api, lb, record, chance):
        super().__init__()
        self.api, self.lb, self.record, self.chance = api, lb, record, chance
        self.answered, self.wrong = 0, None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set() and self.wrong is None:
                self.once()
        except (OSError, http.client.HTTPException):
            pass  # the outcome of the change under way is unknown, and recorded so
        finally:
            self.api.close()

    def once(self):
        command = draw(self.chance, self.record.newest)
        wanted, request_id = after(self.record.newest, command), str(uuid.uuid4())
        self.record.since.append(wanted)
        self.record.uncertain_ids.add(request_id)
        answer = send(self.api, self.lb, command, request_id)
        if answer.status == 503:  # nobody promises anything: maybe it is done later, maybe not
            self.enough.set()
            return
        if not answer.ok or slots_of(answer.body) != wanted:
            self.wrong = f"{command} was answered {answer.status} {answer.body}, wanted {wanted}"
        elif answer.body["durability"] == "pair":
            # One client, one order: what was answered `pair` holds everything before it.
            self.record.acknowledged.append(wanted)
            self.record.since.clear()
            self.record.uncertain_ids.discard(request_id)
            self.answered += 1
        if len(self.record.acknowledged) > 5000:
            del self.record.acknowledged[:2500]

    def stop(self, grace_s=0.0):
        time.sleep(grace_s)
        self.enough.set()
        self.join()
