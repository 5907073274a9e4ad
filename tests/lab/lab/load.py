"""The traffic of a drill in one process: long-lived TCP connections, and a steady stream of UDP from many clients. Runs in a
gateway's namespace. The specification is the first line on stdin, then commands, one a line; each is answered by one line of JSON.

{"streams": [client, ...], "connections": [client, ...], "vip4": ..., "vip6": ..., "port": ..., "interval_ms": ..., "line_interval_ms": ...}
-> {"open": N, "streams": N} when all connections stand.
"mark": a window begins; connections that broke are opened again first. -> {"at": T}
"collect": the window ends; every datagram of it has LATE_S to be answered, every connection one more round trip, LAST_ANSWER_S at
most. -> {"begun", "ended", "streams": [...], "connections": [...], "late_ms"}; the traffic goes on.

Times are of CLOCK_MONOTONIC. A gap is measured between the arrivals of two answers, less the interval; an answer that comes late is
a gap too. late_ms is how late this process itself sent at worst: what lies below it is not the pair's.
"""

import gc
import json
import os
import select
import socket
import sys
import time

from lab.packets import ClientSocket, is_v6

LATE_S = 1.0
LAST_ANSWER_S = 10.0
CONNECT_S = 15.0
HOLE_S = 0.06  # answers that are further apart are told as two runs of answers


class Streamer:
    """One client of the UDP stream."""

    def __init__(self, sockets, address):
        self.address = address
        self.socket = sockets[is_v6(address)]
        self.control = self.socket.control(address)
        self.home = None  # the amphora that answered last
        self.begin(0.0)

    def begin(self, now):
        self.sent = self.answered = 0
        self.waiting = {}  # sequence number -> when it was sent
        self.runs = []  # [from, to, amphora]: answers without a hole
        self.gap, self.gap_at = 0.0, now
        self.last = now if self.home else None

    def answer(self, sequence, name, now, interval_s):
        if self.waiting.pop(sequence, None) is None:
            return
        self.answered += 1
        if self.last is not None and now - self.last > self.gap:
            self.gap, self.gap_at = now - self.last, self.last
        self.last = now
        run = self.runs[-1] if self.runs else None
        if run is not None and run[2] == name and now - run[1] < max(2.5 * interval_s, HOLE_S):
            run[1] = now
        else:
            self.runs.append([now, now, name])

    def report(self, interval_s, ended):
        gap, at = self.gap, self.gap_at
        if self.last is not None and ended - self.last > gap:
            gap, at = ended - self.last, self.last
        names = [self.home] if self.home else []
        names += sorted({run[2] for run in self.runs} - set(names))
        return {"client": self.address, "sent": self.sent, "lost": self.sent - self.answered, "names": names,
                "gap_ms": round(max(0.0, gap - interval_s) * 1000, 2), "gap_at": at,
                "runs": [[round(a, 4), round(b, 4), name] for a, b, name in self.runs]}

    def end(self):
        if self.runs:
            self.home = self.runs[-1][2]


class Talker:
    """One long-lived connection: a line, its answer, and again after the interval."""

    def __init__(self, address, target):
        self.address, self.target = address, target
        self.socket, self.broken = None, "never opened"
        self.home = None
        self.begin()

    def begin(self):
        self.names = {self.home} if self.home else set()
        self.lines = 0
        self.owes = 0  # an answer to a later line than this is wanted

    def open(self):
        self.close()
        v6 = is_v6(self.address)
        self.socket = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.socket.bind((self.address, 0))
        self.number, self.pending, self.buffer, self.up, self.broken = 0, False, b"", False, None
        try:
            self.socket.connect(self.target)
        except BlockingIOError:
            pass

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def fail(self, why):
        self.broken = why
        self.close()

    def say(self):
        self.number += 1
        self.pending = True
        try:
            self.socket.send(b"%d\n" % self.number)
        except OSError as error:
            self.fail(str(error))

    def hear(self):
        """True if the answer to the last line is here."""
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return False
        except OSError as error:
            self.fail(str(error))
            return False
        if not data:
            self.fail("closed by the other side")
            return False
        self.buffer += data
        if not self.buffer.endswith(b"\n"):
            return False
        name, _, number = self.buffer.partition(b" ")
        if number != b"%d\n" % self.number:
            self.fail(f"wanted an answer to line {self.number}, found {self.buffer!r}")
            return False
        self.buffer, self.pending = b"", False
        self.lines += 1
        self.home = name.decode()
        self.names.add(self.home)
        return True


class Load:
    def __init__(self, spec):
        self.interval_s, self.line_interval_s = spec["interval_ms"] / 1000, spec["line_interval_ms"] / 1000
        targets = {v6: (spec["vip6" if v6 else "vip4"], spec["port"]) for v6 in (False, True)}
        self.sockets = {v6: ClientSocket(*targets[v6]) for v6 in (False, True)}
        self.by_descriptor = {one.fileno(): one for one in self.sockets.values()}
        self.streamers = [Streamer(self.sockets, address) for address in spec["streams"]]
        self.talkers = [Talker(address, targets[is_v6(address)]) for address in spec["connections"]]
        self.poller = select.epoll()
        for descriptor in self.by_descriptor:
            self.poller.register(descriptor, select.EPOLLIN)
        self.by_talker = {}
        self.nonce = os.urandom(4).hex().encode()
        self.sequence, self.turn, self.talk_turn = 0, 0, 0
        self.due = self.talk_due = time.monotonic()
        self.recording = False
        self.late = 0.0
        self.ended, self.owing = None, set()  # of a window that is being collected

    def open_all(self):
        """Opens what is not open; returns what went wrong, or nothing."""
        opening = [one for one in self.talkers if one.socket is None]
        for one in opening:
            one.home = None
            one.open()
            self.by_talker[one.socket.fileno()] = one
            self.poller.register(one.socket.fileno(), select.EPOLLOUT)
        deadline = time.monotonic() + CONNECT_S
        while any(not one.up and one.broken is None for one in opening) and time.monotonic() < deadline:
            self.turn_once()
        failed = [f"{one.address}: {one.broken or 'no answer'}" for one in opening if not one.up]
        return f"{len(failed)} of {len(self.talkers)} connections did not open; the first: {failed[0]}" if failed else None

    def turn_once(self, lines=None):
        """Sends what is due, takes what has come; True if a command can be read."""
        commanded = False
        for descriptor, _ in self.poller.poll(self.send_due()):
            if descriptor in self.by_descriptor:
                self.receive(self.by_descriptor[descriptor])
            elif descriptor in self.by_talker:
                self.talker_ready(descriptor)
            elif lines is not None and descriptor == lines.fileno():
                commanded = True
        return commanded

    def send_due(self):
        """Spread evenly over the interval; returns the seconds until the next one."""
        now = time.monotonic()
        self.late = max(self.late, now - self.due)
        self.due = max(self.due, now - 0.05)  # after a pause of this process: no burst to catch up
        step = self.interval_s / max(1, len(self.streamers))
        while self.streamers and self.due <= now:
            one = self.streamers[self.turn]
            self.sequence += 1
            if self.recording:
                one.sent += 1
                one.waiting[self.sequence] = now
            one.socket.send(one.control, b"%s %d %d" % (self.nonce, self.turn, self.sequence))
            self.turn = (self.turn + 1) % len(self.streamers)
            self.due += step
        self.talk_due = max(self.talk_due, now - 0.05)
        talk_step = self.line_interval_s / max(1, len(self.talkers))
        while self.talkers and self.talk_due <= now:
            one = self.talkers[self.talk_turn]
            if one.socket is not None and one.up and not one.pending:
                one.say()
            self.talk_turn = (self.talk_turn + 1) % len(self.talkers)
            self.talk_due += talk_step
        return max(0.0005, min(self.due - now if self.streamers else 0.05, self.talk_due - now if self.talkers else 0.05))

    def receive(self, one):
        datagrams = one.receive()
        now = time.monotonic()
        for datagram in datagrams:
            fields = datagram.split(b" ")
            if len(fields) == 4 and fields[1] == self.nonce:
                self.streamers[int(fields[2])].answer(int(fields[3]), fields[0].decode(), now, self.interval_s)

    def talker_ready(self, descriptor):
        one = self.by_talker[descriptor]
        if not one.up:
            error = one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                one.fail(os.strerror(error))
            else:
                one.up = True
                self.poller.modify(descriptor, select.EPOLLIN)
        elif one.hear() and one.number > one.owes:
            self.owing.discard(one)
        if one.socket is None:
            self.owing.discard(one)
            del self.by_talker[descriptor]  # the closed socket has left the poller by itself

    def mark(self):
        problem = self.open_all()
        if problem:
            return {"error": problem}
        now = time.monotonic()
        for one in self.streamers:
            one.begin(now)
        for one in self.talkers:
            one.begin()
        self.recording, self.late, self.ended = True, 0.0, None
        return {"at": now}

    def begin_collecting(self):
        self.recording, self.ended = False, time.monotonic()
        self.owing = {one for one in self.talkers if one.broken is None}
        for one in self.talkers:
            one.owes = one.number

    def collected(self):
        """The report, once nothing of the window is outstanding or its time is up."""
        now = time.monotonic()
        if now < self.ended + LATE_S and any(one.waiting for one in self.streamers):
            return None
        self.owing = {one for one in self.owing if one.broken is None}
        if self.owing and now < self.ended + LAST_ANSWER_S:
            return None
        for one in self.owing:
            one.fail(f"no answer to line {one.number}")
        self.owing, ended, self.ended = set(), self.ended, None
        report = {"ended": ended, "late_ms": round(self.late * 1000, 2),
                  "streams": [one.report(self.interval_s, ended) for one in self.streamers],
                  "connections": [{"client": one.address, "names": sorted(one.names), "lines": one.lines, "broken": one.broken}
                                  for one in self.talkers]}
        for one in self.streamers:
            one.end()
        return report


def say(what):
    print(json.dumps(what, separators=(",", ":")), flush=True)


def main():
    gc.disable()  # a collection would be a gap of our own making; nothing here makes cycles
    lines = os.fdopen(os.dup(0), "rb", buffering=0)
    load = Load(json.loads(lines.readline()))
    load.poller.register(lines.fileno(), select.EPOLLIN)
    problem = load.open_all()
    say({"error": problem} if problem else {"open": len(load.talkers), "streams": len(load.streamers)})
    begun = 0.0
    while problem is None:
        if load.turn_once(lines):
            command = lines.readline().strip().decode()
            if command == "mark":
                answer = load.mark()
                begun = answer.get("at", begun)
                say(answer)
            elif command == "collect":
                load.begin_collecting()
            else:
                return
        if load.ended is not None and (report := load.collected()) is not None:
            say({"begun": begun, **report})


if __name__ == "__main__":
    main()
