"""Disks that are full."""

from drills.model import Drill, FillDisk, FreeDisk, Kill, SmallDisk, Wait

NOTE = "The state lies on a small file system of its own for this drill."

DRILLS = tuple(
    Drill(f"disk-full{suffix}", f"the disk of the {of} {'node ' if of == 'active' else ''}is full for 4 s; room is made and the daemon restarted",
          (FillDisk(of), Wait(4), FreeDisk(of), Kill(("distributord",), of)), budget, prepare=(SmallDisk("both"),), note=NOTE, needs=("small-disk",), spends=True)
    for of, suffix, budget in (("active", "", "handover"), ("standby", "-standby", "nothing")))
