"""Planned switchover: nothing is lost, broken or refused (H7)."""

import http.client
import json
import signal
import threading
import time

import pytest

from lab import plan, traffic
from lab.system import wait_until
from support import Balancer, gate_flows, wait_programmed


class OctaviaLike(threading.Thread):
    """Changes all the time by the management address, as Octavia's client makes them: a call whose connection fails is replayed
    on a new one after a pause, an answer with an error status is a failure at once. It registers a spare and takes it away
    again: no client's amphora changes by that."""

    PAUSE_S = 0.2  # Octavia's is 5 s: a shorter one asks more often in the worst moment

    def __init__(self, lab, lb, mac):
        super().__init__()
        self.api = lab.api(timeout_s=60, replay=False)
        self.lb, self.mac = lb, mac
        self.calls, self.replays, self.longest_s = 0, 0, 0.0
        self.failures = []
        self.stopping = threading.Event()

    def once(self, register):
        begun = time.monotonic()
        for _ in range(120):
            try:
                if register:
                    answer = self.api.register(self.lb, [{"mac_address": self.mac, "role": "standby"}])
                else:
                    answer = self.api.unregister(self.lb, [self.mac])
                break
            except (OSError, http.client.HTTPException):
                self.replays += 1
                time.sleep(self.PAUSE_S)
        else:
            return self.failures.append("no answer to 120 tries")
        self.calls += 1
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        if not answer.ok or answer.body["durability"] != "pair":
            self.failures.append(answer)
        elif register != any(one["mac_address"] == self.mac for one in answer.body["spares"]):
            self.failures.append(answer)

    def run(self):
        register = True
        while not self.stopping.is_set():
            self.once(register)
            register = not register

    def __enter__(self):
        self.start()
        wait_until(lambda: self.calls > 20, 10, "the first changes")
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()
        self.api.close()


@pytest.fixture
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab) as one:
        wait_programmed(lab)
        yield one


def gate_is_open(node):
    (flow,) = gate_flows(node)
    return "resubmit" in flow


def roles(lab):
    """(active, standby), both ready. Under changes the two views never show one state at one moment: that is not asked for."""
    def settled():
        own = {number: lab.pair_of(number)["self"] for number in lab.nodes}
        owners = [number for number, member in own.items() if member["role"] == "MASTER" and member["gate_open"] and member["leads"]]
        return (owners[0], 3 - owners[0]) if len(owners) == 1 and all(member["ready"] for member in own.values()) else None
    return wait_until(settled, 30, "one owner and a ready standby")


def switch_over(lab, *options):
    """One planned switchover to the other node, told to the owner; returns (new owner, what it answered)."""
    active, standby = roles(lab)
    said = lab.nodes[active].ctl("--json", "switchover", *options)
    return standby, json.loads(said.stdout)


def test_switchovers_in_a_row_lose_nothing(lab, balancer):  # H7
    clients = plan.clients(10, 10)
    moves = 6
    with OctaviaLike(lab, balancer.id, "02:00:00:00:05:77") as octavia, \
            traffic.stream(lab.gateway(), clients, interval_ms=20) as stream, \
            traffic.connections(lab.gateway(), plan.clients(50, 50)) as talk:
        wait_until(lambda: all(row["answered"] > 10 for row in stream.report()), 10, "a steady stream")
        stream.mark()
        for _ in range(moves):
            owner, said = switch_over(lab, "--wait")
            assert said["ok"], said
            print("switchover", said)
            assert roles(lab)[0] == owner
            before = octavia.calls
            wait_until(lambda: octavia.calls > before + 5, 10, "changes on the new owner")
        rows = stream.stop()
        talks = talk.stop()
    print("octavia", octavia.calls, "calls", octavia.replays, "replays, longest", round(octavia.longest_s, 3), "s")
    assert octavia.failures == []
    assert [row for row in rows if row["lost"]] == []
    assert [row for row in rows if len(row["names"]) != 1] == []
    assert [row for row in talks if row["broken"] or len(row["names"]) != 1] == []


def test_the_standby_says_that_it_cannot_hand_over(lab, balancer):  # H7
    active, standby = lab.wait_in_sync()
    refused = lab.nodes[standby].ctl("switchover", check=False)
    assert refused.returncode == 1 and lab.nodes[active].name in refused.stderr
    with_api = lab.api(standby).post("/1.0/pair/switchover", {})
    assert with_api.status == 409 and with_api.body["error"] == "switchover_refused", with_api
    assert lab.wait_in_sync() == (active, standby)


def test_the_owner_refuses_while_the_peer_is_not_ready(lab, balancer):  # H7
    active, standby = lab.wait_in_sync()
    lab.nodes[standby].ctl("maintenance", "on")
    refused = wait_until(lambda: not lab.pair_of(active)["peer"]["ready"] and lab.api().post("/1.0/pair/switchover", {}), 5, "the peer not to be ready")
    assert refused.status == 409 and lab.nodes[standby].name in refused.body["details"], refused
    assert gate_is_open(lab.nodes[active])
    lab.nodes[standby].ctl("maintenance", "off")
    assert lab.wait_in_sync() == (active, standby)


def test_the_api_hands_over_and_says_when(lab, balancer):  # H7
    active, standby = lab.wait_in_sync()
    # By the node's own address: the answer comes when all is done.
    done = lab.api(active).post("/1.0/pair/switchover", {}).expect(200).body
    assert done["completed"] and done["to"] == lab.nodes[standby].name and done["moved_ms"] >= done["peer_open_ms"] >= done["drained_ms"]
    assert lab.wait_in_sync() == (standby, active)
    assert lab.pair_of(active)["last_switchover"] == done
    # By the management address, which moves: the answer comes before it does.
    begun = lab.api().post("/1.0/pair/switchover", {}).expect(202).body
    assert not begun["completed"] and begun["to"] == lab.nodes[active].name
    lab.wait_owner(active)
    assert lab.wait_in_sync() == (active, standby)


def test_a_daemon_that_is_told_to_end_hands_over_first(lab, balancer):  # H7: systemctl stop
    active, standby = lab.wait_in_sync()
    clients = plan.clients(10, 10)
    with OctaviaLike(lab, balancer.id, "02:00:00:00:05:77") as octavia, traffic.stream(lab.gateway(), clients, interval_ms=20) as stream:
        wait_until(lambda: all(row["answered"] > 10 for row in stream.report()), 10, "a steady stream")
        stream.mark()
        lab.nodes[active].kill("distributord", signal.SIGTERM, restart=False)
        wait_until(lambda: not lab.nodes[active].service("distributord")["running"], 10, "the daemon to end")
        lab.nodes[active].supervise("distributord")  # whatever the verdict
        assert lab.pair_of(standby)["self"]["leads"] and gate_is_open(lab.nodes[standby])
        # Changes go on alone once the peer is given up; until then they wait.
        rows = stream.stop()
    assert [one for one in octavia.failures if not (one.ok and one.body["durability"] == "local")] == []
    assert sum(row["lost"] for row in rows) == 0
    assert lab.wait_in_sync() == (standby, active)


def test_maintenance_hands_over_stays_away_and_survives_a_restart(lab, balancer):  # H7
    active, standby = lab.wait_in_sync()
    node = lab.nodes[active]
    said = json.loads(node.ctl("--json", "maintenance", "on").stdout)
    assert said["ok"] and said["to"] == lab.nodes[standby].name
    lab.wait_owner(standby)
    starts = node.service("distributord")["starts"]
    node.kill("distributord")
    wait_until(lambda: node.service("distributord")["starts"] > starts, 5, "its restart")
    wait_until(lambda: lab.pair_of(active)["maintenance"] and lab.pair_of(active)["phase"] == "following", 10, "it to follow, in maintenance")
    assert not lab.pair_of(standby)["peer"]["ready"]
    # Better than nobody: it takes over from a dead peer, and hands back as soon as that one is ready again.
    lab.nodes[standby].power_off()
    lab.wait_owner(active)
    lab.nodes[standby].power_on()
    lab.wait_owner(standby, timeout_s=30)
    node.ctl("maintenance", "off")
    assert lab.wait_in_sync() == (standby, active)
