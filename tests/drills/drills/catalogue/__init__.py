"""All drills, one file per family. The order is the one in which they run."""

from drills.catalogue import changes, clocks, disks, links, machines, pauses, processes

DRILLS = (*processes.DRILLS, *pauses.DRILLS, *links.DRILLS, *machines.DRILLS, *disks.DRILLS, *changes.DRILLS, *clocks.DRILLS)
BY_NAME = {drill.name: drill for drill in DRILLS}
assert len(BY_NAME) == len(DRILLS), "two drills have one name"
