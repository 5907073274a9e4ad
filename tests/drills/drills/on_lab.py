"""How each step of a drill is taken in the lab."""

import functools
import glob
import os
import shutil
import signal
import uuid

from lab.system import LabError, in_parallel, run as command, wait_until

from support import wait_programmed

from drills import model, priority
from drills.profiles import PROFILES
from drills.writer import APART, Change, attempt

FIRST_VLAN = 1000
SMALL_DISK_BYTES = 24 << 20
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
PREREQUISITES = {
    "small-disk": lambda run: None if os.path.exists("/dev/loop-control") else "no loop devices here, to make a small disk of",
    "faketime": lambda run: None if glob.glob(FAKETIME) else "libfaketime is not installed (packaging/install-deps --tests)",
    "switchover": lambda run: None if "switchover" in command([run.programs.distributorctl, "--help"], check=False).stdout
    else "this distributorctl has no switchover",
}


@functools.singledispatch
def take(step, run):
    raise TypeError(f"no way to take {step} in the lab")


@take.register
def _(step: model.Kill, run):
    for node in run.nodes(step.of):
        for service in step.services:
            node.kill(service, signal.SIGKILL, tree=service == "keepalived")


@take.register
def _(step: model.Stop, run):
    for node in run.nodes(step.of):
        for service in step.services:
            node.kill(service, signal.SIGSTOP, tree=True)


@take.register
def _(step: model.Continue, run):
    for node in run.nodes(step.of):
        for service in step.services:
            node.kill(service, signal.SIGCONT, tree=True)


@take.register
def _(step: model.PowerOff, run):
    in_parallel(*(node.power_off for node in run.nodes(step.of)))


@take.register
def _(step: model.PowerOn, run):
    in_parallel(*(node.power_on for node in run.nodes(step.of)))


@take.register
def _(step: model.Wipe, run):
    for node in run.nodes(step.of):
        node.wipe()


def copy_of(node):
    return os.path.join(node.directory, "saved")


@take.register
def _(step: model.SaveDisk, run):
    for node in run.nodes(step.of):
        starts = node.service("distributord")["starts"]
        node.kill("distributord", restart=False)  # a file is copied whole only while nobody writes to it
        wait_until(lambda: not node.service("distributord")["running"], 5, "the daemon's end")
        shutil.rmtree(copy_of(node), ignore_errors=True)
        for part in ("distributor", "openvswitch"):
            shutil.copytree(os.path.join(node.directory, part), os.path.join(copy_of(node), part),
                            ignore=shutil.ignore_patterns("*.sock", "*.ctl"))
        node.supervise("distributord")
        wait_until(lambda: node.service("distributord")["starts"] > starts, 5, "the daemon's restart")


@take.register
def _(step: model.PutOldDisk, run):
    for node in run.nodes(step.of):
        node.wipe()
        for part in ("distributor", "openvswitch"):
            shutil.copytree(os.path.join(copy_of(node), part), os.path.join(node.directory, part), dirs_exist_ok=True)


@take.register
def _(step: model.SmallDisk, run):
    """An ext4 in a file, mounted where the daemon's state is, beneath the machine: a reboot brings it in. One node after another."""
    for node in run.nodes(step.of):
        image, state, moved = (os.path.join(node.directory, name) for name in ("small.img", "distributor", "moved"))
        if os.path.ismount(state):
            continue
        node.power_off()
        with open(image, "wb") as file:
            file.truncate(SMALL_DISK_BYTES)
        command(["mkfs.ext4", "-q", "-F", "-m", "0", image])
        os.rename(state, moved)
        os.makedirs(state)
        command(["mount", "-o", "loop", image, state])  # Lab.destroy takes it away
        shutil.copytree(moved, state, dirs_exist_ok=True)
        shutil.rmtree(moved)
        node.power_on()
        run.lab.wait_in_sync(60)


@take.register
def _(step: model.FillDisk, run):
    for node in run.nodes(step.of):
        with open(os.path.join(node.directory, "distributor", "filler"), "wb", buffering=0) as filler:
            size = 1 << 20
            while size:
                try:
                    filler.write(b"x" * size)
                except OSError:
                    size //= 2  # what is left is less than that


@take.register
def _(step: model.FreeDisk, run):
    for node in run.nodes(step.of):
        os.unlink(os.path.join(node.directory, "distributor", "filler"))


@take.register
def _(step: model.Cut, run):
    for node in run.nodes(step.of):
        node.cut(step.network, step.to_node, step.from_node)


@take.register
def _(step: model.Heal, run):
    for node in run.nodes(step.of):
        node.heal(step.network)


@take.register
def _(step: model.Unplug, run):
    for node in run.nodes(step.of):
        node.carrier(step.network, False)


@take.register
def _(step: model.Plug, run):
    for node in run.nodes(step.of):
        node.carrier(step.network, True)


@take.register
def _(step: model.PlugMany, run):
    client = run.lab.api(timeout_s=10)
    try:
        for index in range(step.count):
            fields = run.lab.plug_fields()
            fields["nodes"] = [{**interface, "vlan": FIRST_VLAN + index} for interface in fields["nodes"]]
            client.plug(str(uuid.uuid5(uuid.NAMESPACE_OID, f"vlan {FIRST_VLAN + index}")), **fields).expect()  # of an earlier run on this stage: stands already
    finally:
        client.close()
    with priority.looking():
        wait_programmed(run.lab, 60)


@take.register
def _(step: model.Wait, run):
    run.stage.pause(step.seconds)


@take.register
def _(step: model.WaitOwner, run):
    (number,) = run.numbers(step.of)
    with priority.looking():
        run.lab.wait_owner(number, 30)


@take.register
def _(step: model.WaitInSync, run):
    with priority.looking():
        run.lab.wait_in_sync(60)


@take.register
def _(step: model.RegisterApart, run):
    for number in run.lab.nodes:
        client = run.lab.api(number, timeout_s=5)
        try:
            mac = APART[number]
            present = mac not in {one["mac_address"] for one in client.status(run.stage.lb).expect().body["amphorae"]}
            change = Change(mac, present, str(uuid.uuid4()))
            change.durability = attempt(client, run.stage.lb, change).expect().body["durability"]
            run.apart.append(change)
        finally:
            client.close()


@take.register
def _(step: model.Switchover, run):
    """A refusal changes nothing: a peer that has just come back is asked again until it is ready to own."""
    (node,) = run.nodes("active")

    def accepted():
        done = node.ctl("switchover", check=False)
        if done.returncode != 0:
            raise LabError(f"distributorctl switchover: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return True
    wait_until(accepted, 15, "the switchover to be accepted", 0.2)


@take.register
def _(step: model.RestartKeepalived, run):
    interval = int(PROFILES[run.settings.profile]["advert_interval_ms"] * step.interval_factor)
    for node in run.nodes(step.of):
        text = node.config_text()
        changed = "\n".join(f"advert_interval_ms = {interval}" if line.startswith("advert_interval_ms") else line for line in text.split("\n"))
        with open(node.config, "w", encoding="ascii") as file:
            file.write(changed)
        node.stop("keepalived")
        node.start_keepalived()


@take.register
def _(step: model.Upgrade, run):
    for node in run.nodes(step.of):
        node.binaries = run.lab.binaries if step.back else run.other_programs()
        for service in ("gatekeeper", "distributord"):
            node.stop(service)
            node.start(service)


@take.register
def _(step: model.OwnClock, run):
    (library,) = glob.glob(FAKETIME)
    for node in run.nodes(step.of):
        offset = os.path.join(node.directory, "clock")
        set_clock(offset, 3600)
        environment = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                       "DONT_FAKE_MONOTONIC": "1"}
        restart_clocked(node, environment)


CLOCKED = ("distributord", "keepalived")


def restart_clocked(node, environment):
    for service in CLOCKED:
        node.kill(service, restart=False, tree=True)
        wait_until(lambda service=service: not node.service(service)["running"], 5, f"the end of {service}")
        node.environment[service] = environment
        node.start(service)


def set_clock(path, seconds):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"{seconds:+d}\n")
    os.rename(path + ".new", path)


@take.register
def _(step: model.SetClock, run):
    for node in run.nodes(step.of):
        set_clock(os.path.join(node.directory, "clock"), step.seconds)


@take.register
def _(step: model.RealClock, run):
    for node in run.nodes(step.of):
        restart_clocked(node, {})
