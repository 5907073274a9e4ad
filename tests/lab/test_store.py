"""The store of a node: full disks, backups and their return (H3, H13; docs/replication.md, "The store")."""

import os

import pytest

from lab.system import CommandFailed, wait_until
from support import Balancer, digest

STATE = "/var/lib/distributor"


@pytest.fixture
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab, amphorae=2, spare=False) as one:
        yield one


def restore(lab, node, file):
    return node.exec([lab.binaries.distributord, "--config", node.config, "--restore", file])


def toggle(api, balancer):
    """A change that is one: the last amphora in or out."""
    mac = balancer.macs[2]
    if mac in balancer.positions().values():
        return api.unregister(balancer.id, [mac])
    return api.register(balancer.id, [{"mac_address": mac, "position": 7}])


def test_an_old_backup_gives_way_to_the_peer(lab, balancer):  # H13, H3
    active, standby = lab.wait_in_sync()
    node, backup = lab.nodes[active], os.path.join(lab.nodes[active].directory, "backup.db")
    node.ctl("backup", backup)
    assert os.stat(backup).st_mode & 0o777 == 0o600
    with pytest.raises(CommandFailed, match="make new file"):
        node.ctl("backup", backup)  # never over an older one
    # After the backup: what the pair acknowledges now, the backup does not know.
    assert balancer.api.unregister(balancer.id, [balancer.macs[0]]).expect().body["durability"] == "pair"
    assert balancer.api.register(balancer.id, [{"mac_address": balancer.macs[3], "position": 5}]).expect().body["durability"] == "pair"
    wanted = balancer.positions()
    with pytest.raises(CommandFailed, match="is open in process"):
        restore(lab, node, backup)

    node.stop("distributord")
    said = restore(lab, node, backup).stdout
    assert "restored" in said and "is kept as" in said
    node.supervise("distributord")
    lab.wait_in_sync()
    for number in lab.nodes:
        status = lab.api(number).status(balancer.id).expect().body
        assert {one["position"]: one["mac_address"] for one in status["amphorae"]} == wanted
    assert digest(lab, active) == digest(lab, standby)
    assert lab.pair_of(active)["dropped"] == [], "a backup is no reason to give anything up"
    assert toggle(balancer.api, balancer).expect().body["durability"] == "pair"


def on_a_small_disk(lab, node):
    """Moves the node's store to a file system of 8 MB."""
    node.stop("distributord")
    node.exec(["cp", "-a", STATE, "/run/moved"])
    node.exec(["mount", "-t", "tmpfs", "-o", "mode=700,size=8m", "tmpfs", STATE])
    node.exec(["cp", "-a", "/run/moved/.", STATE])
    node.supervise("distributord")
    lab.wait_in_sync()


def fill(node):
    node.exec(["dd", "if=/dev/zero", f"of={STATE}/ballast", "bs=4k", "count=4096"], check=False)  # 16 MB into 8


def change_until(api, balancer, wanted, what):
    """Changes again and again, as Octavia does, until an answer is as wanted."""
    def once():
        answer = toggle(api, balancer)
        return answer if wanted(answer) else None
    return wait_until(once, 40, what)


def test_a_full_disk_hands_over_and_heals(lab, balancer):  # H6, H3
    active, standby = lab.wait_in_sync()
    on_a_small_disk(lab, lab.nodes[active])
    active, standby = lab.wait_in_sync()
    if lab.nodes[active].exec(["stat", "--file-system", "--format=%T", STATE]).stdout.strip() != "tmpfs":
        active, standby = standby, active  # the daemon was away for too long and ownership moved: the full node follows then
    node = lab.nodes[active]
    fill(node)
    change_until(balancer.api, balancer, lambda answer: answer.ok and answer.body["durability"] == "local", "the other node to take changes alone")
    lab.wait_owner(standby)
    view = lab.pair_of(active)
    assert view["phase"] == "failed" and "make room" in view["why_not"]
    # Reads go on there, changes are refused with the reason.
    assert lab.api(active).status(balancer.id).ok
    assert toggle(lab.api(active), balancer).status == 503

    node.exec(["rm", os.path.join(STATE, "ballast")])
    lab.wait_in_sync()
    change_until(balancer.api, balancer, lambda answer: answer.ok and answer.body["durability"] == "pair", "both disks to take changes again")
    assert digest(lab, active) == digest(lab, standby)
    assert node.service("distributord")["running"]
    log = open(node.log_path("distributord"), encoding="utf-8").read()
    assert "there is room on the disk again" in log
