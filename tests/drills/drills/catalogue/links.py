"""Links that are cut: each, both ways and one way. Frames are lost silently; `unplugged` is a cable that both ends see pulled."""

from drills.model import Cut, Drill, Heal, Plug, RegisterApart, Unplug, Wait

CUT_S = 3
WAYS = (("both ways", "cut", True, True), ("frames to it", "cut-in", True, False), ("frames from it", "cut-out", False, True))
NETWORKS = (
    ("management", "mgmt", "partition", "The nodes lose sight of each other: either or both own until it heals."),
    ("sync", "sync", "nothing", "Replication alone: keepalived still sees the peer, so ownership stays."),
    ("front-end", "frontend", "front-end-silent",
     "No carrier is lost, so no node can see it by its own interface; the outage lasts as long as the cut."),
)


def cut(network, key, budget, note, ways, suffix, to_node, from_node):
    return Drill(f"{network}-{suffix}", f"the active node's {network} link loses {ways if to_node != from_node else 'all frames'} for {CUT_S} s",
                 (Cut(key, to_node, from_node), Wait(CUT_S), Heal(key)), budget, note=note)


DRILLS = (
    *(cut(*network, *way) for network in NETWORKS for way in WAYS),
    Drill("front-end-unplugged", f"the active node's front-end cable is pulled for {CUT_S} s",
          (Unplug("frontend"), Wait(CUT_S), Plug("frontend")), "front-end-unplugged",
          note="Ownership moves once the node has lacked a link that its peer has for a second: a flapping link must not move it."),
    Drill("partition", "the nodes do not hear each other for 10 s; both own, and both are given registrations",
          (Cut("peer"), Wait(4, "both own"), RegisterApart(), Wait(6), Heal("peer")), "partition",
          note="Changes answered `local` may be given up when it heals; each of those must be listed."),
)
