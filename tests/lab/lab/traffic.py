"""Starts the traffic programs in a gateway's namespace and speaks with them."""

import json
import os
import subprocess
import sys

from lab import plan
from lab.system import LabError

_ROOT = os.path.dirname(os.path.dirname(__file__))


def _start(namespace, module):
    return namespace.popen([sys.executable, "-S", "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                           env={**os.environ, "PYTHONPATH": _ROOT})


def _targets(vip4, vip6):
    return {"vip4": vip4, "vip6": vip6, "port": plan.LINE_PORT}


def who_flows(namespace, flows, vip4=plan.VIP4, vip6=plan.VIP6, deadline_s=60):
    """[(client, source port)] -> the name that answered each, or None."""
    process = _start(namespace, "lab.who")
    spec = {"flows": [list(flow) for flow in flows], "deadline_s": deadline_s, **_targets(vip4, vip6)}
    try:
        text, _ = process.communicate(json.dumps(spec), timeout=deadline_s + 60)
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise LabError(f"the who sampler ended with {process.returncode}")
    return json.loads(text)["names"]


def who(namespace, addresses, **options):
    """client -> the amphora that answers it, for every address; LabError if one got no answer."""
    names = who_flows(namespace, [(address, 0) for address in addresses], **options)
    silent = [address for address, name in zip(addresses, names) if name is None]
    if silent:
        raise LabError(f"{len(silent)} of {len(addresses)} clients got no answer; the first: {silent[0]}")
    return dict(zip(addresses, names))


class Talk:
    """A traffic program that runs until it is stopped. Use as a context manager."""

    def __init__(self, namespace, module, vip4=plan.VIP4, vip6=plan.VIP6, **spec):
        self.process = _start(namespace, module)
        self.final = None
        try:
            self.opened = self._say(json.dumps({**spec, **_targets(vip4, vip6)}))
        except BaseException:
            self.close()
            raise

    def _say(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words tell why
        text = self.process.stdout.readline()
        if not text:
            raise LabError("the traffic program ended by itself")
        answer = json.loads(text)
        if "error" in answer:
            raise LabError(answer["error"])
        return answer

    def mark(self):
        self._say("mark")

    def report(self):
        (rows,) = self._say("report").values()
        return rows

    def stop(self):
        if self.final is None:
            (self.final,) = self._say("stop").values()
            self.close()
        return self.final

    def close(self):
        self.process.stdin.close() if not self.process.stdin.closed else None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.close()


def connections(namespace, clients, interval_ms=100, **options):
    """Long-lived TCP connections (lab/connections.py)."""
    return Talk(namespace, "lab.connections", clients=clients, interval_ms=interval_ms, **options)


def stream(namespace, clients, interval_ms=20, **options):
    """Steady UDP (lab/stream.py)."""
    return Talk(namespace, "lab.stream", clients=clients, interval_ms=interval_ms, **options)


class Load(Talk):
    """Connections and a stream in one process, window after window (lab/load.py)."""

    def __init__(self, namespace, streams, connections, interval_ms=25, line_interval_ms=1000, **options):
        super().__init__(namespace, "lab.load", streams=streams, connections=connections, interval_ms=interval_ms,
                         line_interval_ms=line_interval_ms, **options)

    def mark(self):
        """A window begins; returns when, monotonic seconds."""
        return self._say("mark")["at"]

    def collect(self):
        """The window ends; its report."""
        return self._say("collect")
