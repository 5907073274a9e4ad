"""Wall clocks that jump."""

from drills.model import Drill, OwnClock, RealClock, SetClock, Wait

DRILLS = (
    Drill("clock-back", "the active node's wall clock is set back by an hour", (SetClock(), Wait(3, "time goes on from there")), "nothing",
          prepare=(OwnClock("both"),), restore=(RealClock("both"),), needs=("faketime",),
          note="By libfaketime in the daemon and keepalived: a network namespace has no clock of its own. Monotonic time is left alone, as by a real step."),
)
