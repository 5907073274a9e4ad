"""What operators do on purpose, under load."""

from drills.model import Drill, RestartKeepalived, Switchover, Upgrade, Wait, WaitInSync, WaitOwner

DRILLS = (
    Drill("planned", "planned switchover: distributorctl switchover", (Switchover(), WaitOwner()), "planned", needs=("switchover",), series=100),
    Drill("rolling-upgrade", "programs replaced on the standby, planned switchover, programs replaced on the other node",
          (Upgrade("standby"), WaitInSync(), Switchover(), WaitOwner(), WaitInSync(), Upgrade("active")), "planned",
          restore=(Upgrade("standby", back=True), Upgrade("active", back=True)), needs=("switchover",),
          note="The old programs are those that --old names, else copies of the new ones under another path."),
    Drill("keepalived-restarted", "keepalived restarted with another interval of adverts, first on the standby, then on the active node",
          (RestartKeepalived("standby", 2.0), Wait(1, "the standby hears the active one"), WaitInSync(),
           RestartKeepalived("active", 2.0), WaitOwner()), "handover",
          restore=(RestartKeepalived("active"), WaitInSync(), RestartKeepalived("standby"))),
)
