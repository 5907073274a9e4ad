"""How each step of a drill is taken on a real node, by nothing but what this node can do to itself."""

import functools
import os
import signal
import subprocess
import time

from drills import model

CUT_MAX_S = 60  # a cut link heals by itself after that, whatever becomes of this program
TABLE = "distributor_drill"
SYNC_PORT = 9444
CANNOT = {
    model.PowerOff: "power is not cut from inside: cut it from outside, and watch traffic and distributorctl status on the other node",
    model.Wipe: "a disk is not wiped by a drill: do it by hand, after stopping the daemon",
    model.PutOldDisk: "an old disk is put in by hand, while the node is off",
    model.SaveDisk: "it belongs to a drill that needs the power cut",
    model.SmallDisk: "the state of a real node is not moved to another file system",
    model.RestartKeepalived: "its configuration is rendered from distributord.toml: change advert_interval_ms there by hand, and restart",
    model.Upgrade: "packages are installed by hand; then this node is drilled with `planned`",
    model.OwnClock: "the machine's own clock is not set by a drill",
    model.PlugMany: "no load balancers are made up on a real pair",
    model.RegisterApart: "no registrations are made up on a real pair",
}


def why_not(drill, role, target):
    """Why this drill cannot run on this node, or None."""
    for step in (*drill.prepare, *drill.steps):
        if type(step) in CANNOT:
            return CANNOT[type(step)]
        if acts(step) and getattr(step, "of", role) not in (role, "both"):
            return f"this node is the {role} one: run it on the other"
        if isinstance(step, (model.Kill, model.Stop)) and (unknown := [one for one in step.services if one not in target.units and one not in target.pid_files]):
            return f"units or pid_files of the target do not say what {', '.join(unknown)} is"
        if isinstance(step, (model.Cut, model.Unplug)) and not interface(step.network, target):
            return f"the target does not say which interface is its {step.network} one"
    return None


def acts(step):
    return not isinstance(step, (model.Wait, model.WaitOwner, model.WaitInSync, model.Switchover))


def interface(network, target):
    return target.frontend if network == "frontend" else target.management


@functools.singledispatch
def take(step, target, role):
    raise TypeError(f"no way to take {step} on a real node")


def send(target, services, number):
    for service in services:
        if service in target.units:
            target.run(["systemctl", "kill", f"--signal={number.name}", target.units[service]])
        else:
            with open(target.pid_files[service], encoding="ascii") as file:
                os.kill(int(file.read()), number)


@take.register
def _(step: model.Kill, target, role):
    send(target, step.services, signal.SIGKILL)


@take.register
def _(step: model.Stop, target, role):
    send(target, step.services, signal.SIGSTOP)


@take.register
def _(step: model.Continue, target, role):
    send(target, step.services, signal.SIGCONT)


@take.register
def _(step: model.Cut, target, role):
    matches = {"sync": (f"tcp dport {SYNC_PORT}", f"tcp sport {SYNC_PORT}"), "peer": (f"ip saddr {target.peer}", f"ip daddr {target.peer}")}
    rules = [f"table netdev {TABLE} {{"]
    for wanted, hook in ((step.to_node, "ingress"), (step.from_node, "egress")):
        if wanted:
            rules += [f'chain {hook} {{ type filter hook {hook} device "{interface(step.network, target)}" priority 0;',
                      *(f"{match} drop" for match in matches.get(step.network, ("",))), "}"]
    later(f"nft delete table netdev {TABLE}")
    subprocess.run(["nft", "-f", "-"], input="\n".join([*rules, "}"]), text=True, check=True)


def later(command):
    """Heals in any case, also if this program is lost with the link that it was started over."""
    subprocess.Popen(["sh", "-c", f"sleep {CUT_MAX_S}; {command}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     start_new_session=True)


@take.register
def _(step: model.Heal, target, role):
    target.run(["nft", "delete", "table", "netdev", TABLE], check=False)


@take.register
def _(step: model.Unplug, target, role):
    later(f"ip link set {interface(step.network, target)} up")
    target.run(["ip", "link", "set", interface(step.network, target), "down"])


@take.register
def _(step: model.Plug, target, role):
    target.run(["ip", "link", "set", interface(step.network, target), "up"])


@take.register
def _(step: model.Wait, target, role):
    time.sleep(step.seconds)


@take.register
def _(step: model.WaitOwner, target, role):
    wanted = "own" if step.of == role else "peer"
    target.wait(f"the {step.of} node to own", lambda: target.owner() == wanted)


@take.register
def _(step: model.WaitInSync, target, role):
    target.wait("both nodes to be in sync", target.in_sync)


@take.register
def _(step: model.Switchover, target, role):
    target.run([*target.ctl, "switchover"])
