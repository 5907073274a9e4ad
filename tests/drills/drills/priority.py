"""Real-time priority for lab and traffic on a machine that others use too (--realtime).

SCHED_RR, since a process in a session of its own escapes `nice` (autogroups). Traffic comes before the lab, and the lab before what
only looks at it.
"""

import contextlib
import os
import sys

LOOKING, LAB, TRAFFIC = 1, 2, 2
_on = False


def _set(level, pid=0):
    os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(level))  # of the calling thread; what it starts inherits it


def take():
    """True if this machine lets us."""
    global _on
    try:
        _set(LAB)
        _on = True
    except OSError as error:
        print(f"no real-time priority ({error}): what else the machine does counts as outage", file=sys.stderr)
    return _on


def raise_traffic(pid):
    if _on:
        _set(TRAFFIC, pid)


def lower():
    """For a thread that starts no process of the lab."""
    if _on:
        _set(LOOKING)


@contextlib.contextmanager
def looking():
    """While this thread polls: it takes no time from what it looks at."""
    lower()
    try:
        yield
    finally:
        if _on:
            _set(LAB)
