"""distributorctl on the nodes of a running pair: what it shows, what it changes, and its exit codes."""

import json
import os
import shutil
import subprocess
import time

import pytest
from support import Balancer

from lab.system import wait_until


@pytest.fixture(scope="module")
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab) as plugged:
        plugged.who([f"198.18.4.{i}" for i in range(1, 33)])
        yield plugged


def ctl(node, *arguments):
    return node.exec([node.binaries.distributorctl, *arguments]).stdout


def ctl_json(node, *arguments):
    return json.loads(ctl(node, *arguments, "--json"))


def exit_code(node, *arguments):
    """The exit code, and what was said about it."""
    done = node.exec([node.binaries.distributorctl, *arguments], check=False)
    return done.returncode, done.stderr


def test_status_tells_the_pair_on_one_screen(lab, balancer):
    owner, standby = (lab.nodes[number] for number in lab.wait_in_sync())
    screen = ctl(owner, "status")
    assert len(screen.splitlines()) <= 24 and "\033" not in screen
    assert "all well" in screen and "answers for the VIPs" in screen and "ready to take over" in screen and balancer.id in screen
    seen = ctl_json(standby, "status")
    assert seen["ok"] and seen["pair"]["peer_alive"] and seen["loadbalancers_total"] == 1 and seen["concerns"] == []
    assert len(seen["loadbalancers"][0]["buckets"]) == 4


def test_watch_shows_the_rates_of_every_position(lab, balancer):
    owner = lab.nodes[lab.wait_in_sync()[0]]
    watching = subprocess.Popen(["nsenter", "--target", str(owner.init_pid), "--mount", "--pid", "--net", "--", owner.binaries.distributorctl,
                                 "watch", "--once", "--interval", "3", "--json"], stdout=subprocess.PIPE, text=True)
    while watching.poll() is None:
        balancer.who([f"198.18.5.{i}" for i in range(1, 33)])
    seen = json.loads(watching.stdout.read())
    assert watching.returncode == 0
    rates = [bucket["packets_per_s"] for bucket in seen["loadbalancers"][0]["buckets"]]
    assert len(rates) == 4 and sum(rates) > 1 and abs(sum(rates) - seen["loadbalancers"][0]["packets_per_s"]) < 0.1
    assert "packets/s" in ctl(owner, "watch", "--once", "--interval", "0.2")


def test_watch_lives_in_a_terminal_and_leaves_it_as_it_was(lab, balancer, tmp_path):
    if shutil.which("tmux") is None:
        pytest.skip("not installed: tmux (packaging/install-deps --full)")
    owner = lab.nodes[lab.wait_in_sync()[0]]
    socket = str(tmp_path / "tmux")

    def tmux(*arguments):
        return subprocess.run(["tmux", "-S", socket, *arguments], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}).stdout

    program = f"nsenter --target {owner.init_pid} --mount --pid --net -- {owner.binaries.distributorctl} watch --interval 0.2"
    tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "24", f"{program}; echo ended with $?; exec sleep 600")
    try:
        wait_until(lambda: "packets/s" in tmux("capture-pane", "-p"), 15, "watch to draw its screen", 0.1)
        seen = tmux("capture-pane", "-p")
        assert balancer.macs[0] in seen and "distributor pair" in seen
        tmux("send-keys", "q")
        wait_until(lambda: "ended with 0" in tmux("capture-pane", "-p"), 15, "watch to end at q", 0.1)
        assert "packets/s" not in tmux("capture-pane", "-p"), "the screen is as it was before"
    finally:
        tmux("kill-server")


def test_diff_says_equal_and_resync_keeps_it_so(lab, balancer):
    owner, standby = (lab.nodes[number] for number in lab.wait_in_sync())
    for node in (owner, standby):
        seen = ctl_json(node, "diff")
        assert seen["equal"] and seen["here"] == seen["peer"] and seen["differences"] == []
    assert "both nodes hold the same" in ctl(owner, "diff")
    code, said = exit_code(owner, "resync")
    assert code == 1 and "run it on the follower" in said
    ctl(standby, "resync")
    wait_until(lambda: ctl_json(standby, "diff")["equal"], 15, "both nodes to be equal after the snapshot", 0.2)
    lab.wait_in_sync()
    assert "no change was lost" in ctl(standby, "losses") and "no change was lost" in ctl(owner, "losses")
    assert ctl_json(owner, "losses") == {"dropped_total": 0, "dropped_mark": None, "dropped": []}


def test_check_finds_what_was_made_wrong(lab, balancer):
    node = lab.nodes[2]
    arguments = ("check", "--node-config", node.config)
    before = {one["name"]: one for one in json.loads(node.exec([node.binaries.distributorctl, *arguments, "--json"], check=False).stdout)["findings"]}
    for name in ("ip_forward", "neighbour_retransmission", "open_vswitch.version", "open_vswitch.bridge", "keys.own", "keys.peer", "distributord", "gatekeeper",
                 "certificate.client_ca", "management_address", "keepalived"):
        assert before[name]["level"] == "OK", before[name]
    node.namespace.sysctl({"net.ipv4.ip_forward": 1})
    try:
        code, said = exit_code(node, *arguments)
        assert code == 1
        found = {one["name"]: one for one in json.loads(node.exec([node.binaries.distributorctl, *arguments, "--json"], check=False).stdout)["findings"]}
        assert found["ip_forward"]["level"] == "FAIL" and "sysctl -w net.ipv4.ip_forward=0" in found["ip_forward"]["fix"]
    finally:
        node.namespace.sysctl({"net.ipv4.ip_forward": 0})


def test_exit_codes_are_those_of_the_man_page(lab, balancer):
    node = lab.nodes[1]
    assert exit_code(node, "status")[0] == 0
    assert exit_code(node, "init", "--alone")[0] == 1
    code, said = exit_code(node, "no-such-command")
    assert code == 2
    code, said = exit_code(node, "lb", "list")
    assert code == 2 and "--address" in said, "says what to give"
    code, said = exit_code(node, "status", "--admin-socket", "/nonexistent.sock")
    assert code == 3 and "is distributord running" in said
    own = ["--address", "127.0.0.1", "--ca", lab.certificates.server_ca]
    assert exit_code(node, "lb", "list", *own, "--cert", lab.certificates.client)[0] == 0
    assert exit_code(node, "lb", "list", *own, "--cert", "/nonexistent.pem")[0] == 4
    assert exit_code(node, "watch")[0] == 2, "no terminal"


def test_over_rest_the_same_from_elsewhere(lab, balancer):
    node = lab.nodes[1]
    remote = ["--address", "127.0.0.1", "--ca", lab.certificates.server_ca, "--cert", lab.certificates.client]
    assert balancer.id in ctl(node, "watch", "--once", "--interval", "0.2", *remote)
    assert "no change was lost" in ctl(node, "losses", *remote)


def test_a_dead_peer_is_a_problem_and_diff_says_what_to_do(lab, balancer):
    owner, standby = (lab.nodes[number] for number in lab.wait_in_sync())
    standby.stop("distributord")
    try:
        wait_until(lambda: "PROBLEM the peer is away" in ctl(owner, "status"), 20, "status to name the missing peer", 0.2)
        begun = time.monotonic()
        code, said = exit_code(owner, "diff")
        assert code == 1 and "the peer did not answer" in said and time.monotonic() - begun < 20
    finally:
        standby.start("distributord")
        lab.wait_in_sync()
