"""Whole nodes: power off, and back."""

from drills.model import Drill, PlugMany, PowerOff, PowerOn, PutOldDisk, SaveDisk, Wait, WaitOwner, Wipe

DRILLS = (
    Drill("power-off", "the active node loses power: links and processes are gone at once",
          (PowerOff(), WaitOwner(), Wait(0.5, "clients go on"), PowerOn()), "power-off", series=100),
    Drill("power-off-1000-vips", "the active node of 500 load balancers, each with an IPv4 and an IPv6 VIP in a VLAN of the trunk port, loses power",
          (PowerOff(), WaitOwner(), Wait(0.5, "clients go on"), PowerOn()), "power-off", prepare=(PlugMany(500),), spends=True, ci=False),
    Drill("power-off-standby", "the standby loses power", (PowerOff("standby"), Wait(2.5), PowerOn("standby")), "nothing"),
    Drill("both-booted", "both nodes lose power, and are booted at the same time", (PowerOff("both"), PowerOn("both")), "cold-start",
          note="The outage is the time to boot; it has no budget."),
    Drill("empty-disk", "the active node loses power and comes back with an empty disk",
          (PowerOff(), WaitOwner(), Wipe(), PowerOn()), "power-off"),
    Drill("old-disk", "the active node loses power and comes back with the disk that it had before the last changes",
          (PowerOff(), WaitOwner(), PutOldDisk(), PowerOn()), "power-off", prepare=(SaveDisk(),)),
)
