"""A steady stream of UDP datagrams from many clients, each answered by its amphora. Runs in a gateway's namespace;
specification and commands as in connections.py.

{"clients": [...], "vip4": ..., "vip6": ..., "port": ..., "interval_ms": ...}: every client sends once per interval.
Report per client: sent, answered, lost (older than a second and unanswered), longest gap between answers, names seen.
"""

import json
import os
import select
import sys
import time

from lab.packets import ClientSocket, is_v6

LATE_S = 1.0


class Client:
    def __init__(self, sockets, address):
        self.address = address
        self.socket = sockets[is_v6(address)]
        self.control = self.socket.control(address)
        self.forget()

    def forget(self):
        self.sent = self.answered = 0
        self.waiting = {}  # sequence number -> when it was sent
        self.longest_gap = 0.0
        self.last_answer = None
        self.names = []

    def answer(self, sequence, name, now):
        if self.waiting.pop(sequence, None) is None:
            return
        self.answered += 1
        if self.last_answer is not None:
            self.longest_gap = max(self.longest_gap, now - self.last_answer)
        self.last_answer = now
        if name not in self.names:
            self.names.append(name)

    def report(self, interval_s):
        now = time.monotonic()
        open_gap = now - self.last_answer if self.last_answer is not None else now
        lost = sum(1 for at in self.waiting.values() if now - at > LATE_S)
        return {"client": self.address, "sent": self.sent, "answered": self.answered, "lost": lost, "names": self.names,
                "longest_gap_ms": round(max(0.0, max(self.longest_gap, open_gap) - interval_s) * 1000, 1)}


class Stream:
    def __init__(self, spec):
        self.interval_s = spec["interval_ms"] / 1000
        sockets = {v6: ClientSocket(spec["vip6" if v6 else "vip4"], spec["port"]) for v6 in (False, True)}
        self.sockets = list(sockets.values())
        self.clients = [Client(sockets, address) for address in spec["clients"]]
        self.nonce = os.urandom(4).hex().encode()
        self.sequence = 0
        self.sending = True
        self.turn, self.due = 0, time.monotonic()

    def send_due(self):
        """Sends what is due, spread evenly over the interval; returns the milliseconds until the next one."""
        step = self.interval_s / len(self.clients)
        now = time.monotonic()
        self.due = max(self.due, now - 0.05)  # after a pause of this process: no burst to catch up
        while self.sending and self.due <= now:
            client = self.clients[self.turn]
            self.sequence += 1
            client.sent += 1
            client.waiting[self.sequence] = now
            client.socket.send(client.control, b"%s %d %d" % (self.nonce, self.turn, self.sequence))
            self.turn = (self.turn + 1) % len(self.clients)
            self.due += step
        return max(1, int((self.due - now) * 1000)) if self.sending else 50

    def receive(self, one):
        now = time.monotonic()
        for datagram in one.receive():
            fields = datagram.split(b" ")
            if len(fields) == 4 and fields[1] == self.nonce:
                self.clients[int(fields[2])].answer(int(fields[3]), fields[0].decode(), now)

    def report(self):
        return {"streams": [client.report(self.interval_s) for client in self.clients]}

    def command(self, command):
        if command == "mark":
            for client in self.clients:
                client.forget()
            return {"marked": True}
        if command == "stop":
            self.sending = False
            end = time.monotonic() + LATE_S + 0.1
            while any(client.waiting for client in self.clients) and time.monotonic() < end:
                for one in select.select(self.sockets, [], [], 0.05)[0]:
                    self.receive(one)
        return self.report()


def main():
    lines = os.fdopen(os.dup(0), "rb")
    stream = Stream(json.loads(lines.readline()))
    print(json.dumps({"open": len(stream.clients)}), flush=True)
    while True:
        timeout_ms = stream.send_due()
        readable = select.select([lines, *stream.sockets], [], [], timeout_ms / 1000)[0]
        for one in readable:
            if one is not lines:
                stream.receive(one)
        if lines in readable:
            command = lines.readline().strip().decode()
            if not command:
                return
            print(json.dumps(stream.command(command)), flush=True)
            if command == "stop":
                return


if __name__ == "__main__":
    main()
