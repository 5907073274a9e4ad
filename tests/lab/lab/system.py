"""Commands, network namespaces and awaiting events. Everything else in the lab stands on these."""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Something that the lab needed did not happen. Says what was wanted and what was found."""


class CommandFailed(LabError):
    pass


def run(argv, *, stdin=None, timeout_s=60, check=True):
    """Runs a command to its end and returns it; a failure carries what the command printed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout_s)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def wait_until(predicate, timeout_s, what, interval_s=0.02):
    """Polls until predicate() is true and returns its value. LabError after timeout_s, with the last value seen."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            value, problem = predicate(), None
        except (OSError, LabError, ValueError, KeyError) as error:
            value, problem = None, error
        if value:
            return value
        if time.monotonic() >= deadline:
            raise LabError(f"waited {timeout_s} s for {what}; last: {problem if problem is not None else value!r}")
        time.sleep(interval_s)  # pace of the polling; the event itself ends the wait


def in_parallel(*calls):
    """Runs the calls in threads and waits for all; the first failure is raised."""
    failures = []

    def guarded(call):
        try:
            call()
        except BaseException as error:  # noqa: B036 - handed over to the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Namespace:
    """A named network namespace."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"

    def create(self):
        run(["ip", "netns", "add", self.name])
        self.sysctl({"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0})
        self.ip("link set lo up")

    def delete(self):
        """Ends every process in the namespace, then the namespace. Absent: nothing happens."""
        if not os.path.exists(self.path):
            return
        for _ in range(50):
            pids = run(["ip", "netns", "pids", self.name], check=False).stdout.split()
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            time.sleep(0.01)  # the kernel takes a moment to bury them
        run(["ip", "netns", "del", self.name], check=False)

    def ip(self, *lines, check=True):
        """Runs lines of `ip -batch` in the namespace."""
        return run(["ip", "-n", self.name, "-batch", "-"], stdin="\n".join(lines) + "\n", check=check)

    def exec(self, argv, **options):
        return run(["nsenter", f"--net={self.path}", *argv], **options)

    def popen(self, argv, **options):
        return subprocess.Popen(["nsenter", f"--net={self.path}", *argv], **options)

    def sysctl(self, values):
        with self.entered():
            for key, value in values.items():
                with open("/proc/sys/" + key.replace(".", "/"), "w", encoding="ascii") as knob:
                    knob.write(str(value))

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in this namespace for the block. Sockets made there stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)

    def socket(self, family, kind, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
