"""Long-lived TCP connections, one per client address. Runs in a gateway's namespace; the specification is the first line
on stdin, then commands, one a line; each is answered by one line of JSON.

{"clients": [...], "vip4": ..., "vip6": ..., "port": ..., "interval_ms": 100} -> {"open": N} when all stand.
"mark": forget gaps seen so far. "report": what was seen. "stop": a last round trip on each (10 s at most), then a report.

A connection is broken if it was reset or closed, answered out of order, or had no answer to its last line.
"""

import asyncio
import json
import socket
import sys
import time

from lab.packets import is_v6

CONNECT_S = 15
LAST_ANSWER_S = 10


class Connection:
    def __init__(self, client):
        self.client = client
        self.names = []
        self.sent = self.received = 0
        self.last_answer = time.monotonic()
        self.longest_gap = 0.0
        self.broken = None

    async def open(self, spec):
        v6 = is_v6(self.client)
        plain = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setblocking(False)
        plain.bind((self.client, 0))
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(plain, (spec["vip6"] if v6 else spec["vip4"], spec["port"])), CONNECT_S)
        self.reader, self.writer = await asyncio.open_connection(sock=plain)

    async def talk(self, interval_s, stopping):
        """One line, its answer, and again; the gap is measured between answers."""
        try:
            self.last_answer = time.monotonic()
            while self.broken is None:
                last = stopping.is_set()
                self.sent += 1
                self.writer.write(b"%d\n" % self.sent)
                line = await self.reader.readline()
                now = time.monotonic()
                self.longest_gap = max(self.longest_gap, now - self.last_answer)
                self.last_answer = now
                name, _, number = line.partition(b" ")
                if not line:
                    self.broken = "closed by the other side"
                elif number != b"%d\n" % self.sent:
                    self.broken = f"wanted an answer to line {self.sent}, found {line!r}"
                else:
                    self.received += 1
                    if name.decode() not in self.names:
                        self.names.append(name.decode())
                if last:
                    return
                try:
                    await asyncio.wait_for(stopping.wait(), interval_s)
                except asyncio.TimeoutError:
                    pass
        except OSError as error:
            self.broken = str(error)

    def report(self, interval_s):
        gap = max(self.longest_gap, time.monotonic() - self.last_answer) - interval_s
        return {"client": self.client, "names": self.names, "lines": self.received, "broken": self.broken,
                "longest_gap_ms": round(max(0.0, gap) * 1000, 1)}


async def main():
    commands = asyncio.StreamReader(limit=16 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    spec = json.loads(await commands.readline())
    interval_s = spec["interval_ms"] / 1000
    stopping = asyncio.Event()
    everyone = [Connection(client) for client in spec["clients"]]

    def say(what):
        print(json.dumps(what), flush=True)

    opened = await asyncio.gather(*(one.open(spec) for one in everyone), return_exceptions=True)
    failed = [f"{one.client}: {result!r}" for one, result in zip(everyone, opened) if isinstance(result, BaseException)]
    if failed:
        say({"error": f"{len(failed)} of {len(everyone)} connections did not open; the first: {failed[0]}"})
        return
    talks = [asyncio.create_task(one.talk(interval_s, stopping)) for one in everyone]
    say({"open": len(everyone)})
    while command := (await commands.readline()).strip().decode():
        if command == "mark":
            for one in everyone:
                one.longest_gap = 0.0
            say({"marked": True})
            continue
        if command == "stop":
            stopping.set()
            await asyncio.wait(talks, timeout=LAST_ANSWER_S)
            for one, task in zip(everyone, talks):
                if not task.done():
                    one.broken = one.broken or f"no answer to line {one.sent}"
                    task.cancel()
        say({"connections": [one.report(interval_s) for one in everyone]})
        if command == "stop":
            return


if __name__ == "__main__":
    asyncio.run(main())
