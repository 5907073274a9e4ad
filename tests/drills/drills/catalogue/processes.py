"""Processes that die. The supervisor starts them again 100 ms later."""

from drills.model import SERVICES, Drill, Kill, Wait

DRILLS = (
    Drill("baseline", "nothing happens: what the traffic generator and the machine add by themselves", (Wait(1.5, "nothing happens"),), "nothing"),
    Drill("daemon-killed", "kill -9 of distributord on the active node", (Kill(("distributord",)),), "nothing"),
    Drill("keepalived-killed", "kill -9 of keepalived on the active node", (Kill(("keepalived",)),), "keepalived-killed",
          note="The node that keepalived left goes on answering until the peer owns."),
    Drill("vswitchd-killed", "kill -9 of ovs-vswitchd on the active node", (Kill(("ovs-vswitchd",)),), "vswitchd-killed",
          note="Userspace datapath: nothing is forwarded there until it is back and programmed."),
    Drill("ovsdb-killed", "kill -9 of ovsdb-server on the active node", (Kill(("ovsdb-server",)),), "ovsdb-killed",
          note="Userspace datapath: ovs-vswitchd runs no bridge without its database; the kernel's datapath goes on."),
    Drill("gatekeeper-killed", "kill -9 of distributor-gatekeeper on the active node", (Kill(("gatekeeper",)),), "nothing"),
    Drill("all-killed", "kill -9 of all five processes on the active node at once", (Kill(SERVICES),), "power-off"),
    Drill("standby-all-killed", "kill -9 of all five processes on the standby at once", (Kill(SERVICES, of="standby"),), "nothing"),
)
