"""A drill is data: steps, and the name of its budget. on_lab.py and on_target.py know how to take each step.

`of` names a node by what it was when the drill began: "active", "standby", or "both".
"""

import dataclasses

SERVICES = ("distributord", "keepalived", "ovs-vswitchd", "ovsdb-server", "gatekeeper")


@dataclasses.dataclass(frozen=True)
class Kill:
    """kill -9, all at once; the supervisor starts them again."""
    services: tuple
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Stop:
    """SIGSTOP: hung, or paused with the whole machine."""
    services: tuple
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Continue:
    services: tuple
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class PowerOff:
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class PowerOn:
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Wipe:
    """A new disk, while the power is off."""
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class SaveDisk:
    """Keeps a copy of the disk as it is now."""
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class PutOldDisk:
    """The saved copy takes the disk's place, while the power is off."""
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class SmallDisk:
    """The node restarts with its state on a small file system of its own, which can be filled."""
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class FillDisk:
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class FreeDisk:
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Cut:
    """Frames are lost silently. network: mgmt, frontend, sync (replication alone), peer (all between the nodes)."""
    network: str
    to_node: bool = True
    from_node: bool = True
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Heal:
    network: str
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Unplug:
    """The cable is pulled: both ends see it."""
    network: str
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Plug:
    network: str
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class PlugMany:
    """Further load balancers, each with an IPv4 and an IPv6 VIP, in VLANs of the trunk port."""
    count: int


@dataclasses.dataclass(frozen=True)
class Wait:
    """Time in which the fault lasts."""
    seconds: float
    why: str = "the fault lasts"


@dataclasses.dataclass(frozen=True)
class WaitOwner:
    """Until the node owns: master, gate open, leads, takes changes."""
    of: str = "standby"


@dataclasses.dataclass(frozen=True)
class WaitInSync:
    pass


@dataclasses.dataclass(frozen=True)
class RegisterApart:
    """A registration on each node, through the node's own address."""


@dataclasses.dataclass(frozen=True)
class Switchover:
    pass


@dataclasses.dataclass(frozen=True)
class RestartKeepalived:
    """Stopped in order and started with a changed configuration: another interval of adverts."""
    of: str
    interval_factor: float = 1.0


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """Daemon, gatekeeper and tool are replaced by another copy, and restarted. back: the first ones again."""
    of: str
    back: bool = False


@dataclasses.dataclass(frozen=True)
class OwnClock:
    """The daemon and keepalived restart with a wall clock that can be set; it is an hour ahead, so that setting it right sets it back
    (the lab's certificates are as young as the lab)."""
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class SetClock:
    """Seconds against the machine's own clock."""
    of: str = "active"
    seconds: int = 0


@dataclasses.dataclass(frozen=True)
class RealClock:
    of: str = "active"


@dataclasses.dataclass(frozen=True)
class Drill:
    name: str
    what: str  # one line for the reader
    steps: tuple
    budget: str  # a key of budgets.toml
    prepare: tuple = ()  # before traffic is watched; who is active is looked up again after it
    restore: tuple = ()  # after it was
    note: str = ""  # what is simulated, what to expect
    needs: tuple = ()  # names of prerequisites (on_lab.PREREQUISITES)
    series: int = 20  # runs of the long series
    spends: bool = False  # the lab cannot be used for other drills after it
    ci: bool = True  # False: only when it is named, or with the long series
