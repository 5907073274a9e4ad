"""Processes that stand still and come back: SIGSTOP, SIGCONT."""

from drills.model import SERVICES, Continue, Drill, Stop, Wait

DRILLS = (
    Drill("daemon-paused", "distributord on the active node stands still for 5 s: longer than the gatekeeper's grace",
          (Stop(("distributord",)), Wait(5), Continue(("distributord",))), "handover"),
    Drill("keepalived-paused", "keepalived on the active node stands still for 3 s",
          (Stop(("keepalived",)), Wait(3), Continue(("keepalived",))), "keepalived-killed",
          note="The paused one still holds the management address: two owners until it is told."),
    Drill("node-paused", "everything on the active node stands still for 3 s: a paused VM",
          (Stop(SERVICES), Wait(3), Continue(SERVICES)), "power-off",
          note="Frames that reached it while it stood still are forwarded late, or not at all; it answers until it hears that the peer owns."),
)
