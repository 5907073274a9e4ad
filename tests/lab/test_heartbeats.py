"""Heartbeats of a running pair: what arrives, from whom, and when none does; settings by PUT /1.0/config (L2, P2)."""

import hashlib
import hmac
import json
import socket
import time
import zlib

import pytest

from lab import plan
from lab.system import wait_until
from support import Balancer

PORT = 5556


@pytest.fixture(scope="module")
def lab_settings():
    return {"amphorae": 3, "tenants": 1}


class Receiver:
    """Octavia's health manager as far as its wire goes; unwraps as its unwrap_envelope does."""

    def __init__(self, lab, port=PORT):
        self.socket = lab.fabric.controller.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((plan.CONTROLLER_ADDRESS, port))
        self.socket.settimeout(0.2)
        self.latest, self.count, self.foreign = {}, {}, 0

    def drain(self, key):
        while True:
            try:
                datagram = self.socket.recv(65536)
            except TimeoutError:
                return
            assert len(datagram) <= 1400
            payload, signature = datagram[:-64], datagram[-64:]
            if not hmac.compare_digest(hmac.new(key.encode(), payload, hashlib.sha256).hexdigest().encode(), signature):
                self.foreign += 1
                continue
            beat = json.loads(zlib.decompress(payload))
            self.latest[beat["node_id"]] = beat
            self.count[beat["node_id"]] = self.count.get(beat["node_id"], 0) + 1

    def wait(self, key, condition, what, timeout_s=15):
        def seen():
            self.drain(key)
            return condition(self)
        return wait_until(seen, timeout_s, what)

    def close(self):
        self.socket.close()


def agent_config(lab, key, port=PORT, interval=1):
    return (f"[health_manager]\ncontroller_ip_port_list = {plan.CONTROLLER_ADDRESS}:{port}\nheartbeat_interval = {interval}\n"
            f"heartbeat_key = {key}\n[amphora_agent]\namphora_id = {lab.distributor_id}\n")


def put(client, text):
    return client.raw("PUT", "/1.0/config", text.encode())


@pytest.fixture
def receiver(lab):
    receiver = Receiver(lab)
    yield receiver
    receiver.close()


def test_both_nodes_beat_with_what_octavia_needs_and_what_they_are(lab, pair, receiver):
    active, standby = pair
    answer = put(lab.api(), agent_config(lab, "one")).expect(202)
    assert answer.body["durability"] == "pair" and answer.body["note"] is None
    receiver.wait("one", lambda r: set(r.latest) == {"node-1", "node-2"}, "heartbeats of both nodes")
    own, other = receiver.latest[f"node-{active}"], receiver.latest[f"node-{standby}"]
    for beat in (own, other):
        assert (beat["id"], beat["ver"], beat["listeners"], beat["pools"]) == (lab.distributor_id, 3, {}, {})
        assert beat["sync"]["in_sync"] is True
    assert own["role"] == "MASTER" and other["role"] == "BACKUP"
    first = own["seq"]
    receiver.wait("one", lambda r: r.latest[f"node-{active}"]["seq"] > first, "the next heartbeat")
    with Balancer(lab, amphorae=2, spare=True) as balancer:
        balancer.who(plan.clients(20, 20))
        receiver.wait("one", lambda r: r.latest[f"node-{active}"]["load_balancers"].get(balancer.id, {}).get("packets", 0) >= 20,
                      "the packets of the load balancer")
        told = receiver.latest[f"node-{active}"]["load_balancers"][balancer.id]
        assert (told["size"], told["registered"], told["spares"]) == (2, 2, 1)
        assert receiver.latest[f"node-{active}"]["totals"] == {"load_balancers": 1, "registered": 2, "spares": 1}


def test_key_and_receiver_change_at_run_time_and_survive_a_restart(lab, pair, receiver):
    put(lab.api(), agent_config(lab, "two")).expect(202)
    receiver.wait("two", lambda r: set(r.latest) == {"node-1", "node-2"}, "heartbeats with the new key")
    for node in lab.nodes.values():
        node.kill("distributord")
    receiver.latest.clear()
    receiver.wait("two", lambda r: set(r.latest) == {"node-1", "node-2"}, "heartbeats after a restart", 30)
    lab.wait_in_sync()


def test_octavias_own_health_manager_hears_nothing(lab, pair, receiver):
    octavia = Receiver(lab, 5555)
    try:
        answer = put(lab.api(), agent_config(lab, "three", port=5555)).expect(202)
        assert "5556" in answer.body["note"]
        receiver.wait("three", lambda r: min(r.count.get(node, 0) for node in ("node-1", "node-2")) >= 2, "heartbeats on our own port")
        octavia.drain("three")
        assert not octavia.count and not octavia.foreign
    finally:
        octavia.close()


def test_garbage_is_refused_and_the_old_settings_stay(lab, pair, receiver):
    put(lab.api(), agent_config(lab, "four")).expect(202)
    kept = [open(node.agent_config, encoding="ascii").read() for node in lab.nodes.values()]
    other = agent_config(lab, "five").replace(lab.distributor_id, "another-id")
    for bad in ("garbage", "", agent_config(lab, "five", interval=0), other, agent_config(lab, "five").replace(plan.CONTROLLER_ADDRESS, "host")):
        answer = put(lab.api(), bad)
        assert (answer.status, answer.body["error"]) == (400, "invalid_config"), bad
    assert [open(node.agent_config, encoding="ascii").read() for node in lab.nodes.values()] == kept
    receiver.wait("four", lambda r: set(r.latest) == {"node-1", "node-2"}, "heartbeats with the old key")
    assert receiver.foreign == 0 or receiver.count


def test_none_while_keepalived_does_not_run(lab, pair, receiver):
    _, standby = pair
    name = f"node-{standby}"
    put(lab.api(), agent_config(lab, "six")).expect(202)
    receiver.wait("six", lambda r: name in r.latest, "a heartbeat of the standby")
    lab.nodes[standby].stop("keepalived")
    try:
        time.sleep(1.2)  # what was on its way; an interval is a second
        receiver.drain("six")
        before = dict(receiver.count)
        receiver.wait("six", lambda r: sum(r.count.values()) >= sum(before.values()) + 3, "three more heartbeats")
        assert receiver.count[name] == before[name]
    finally:
        lab.nodes[standby].start_keepalived()
    receiver.wait("six", lambda r: r.count[name] > before[name], "the standby's heartbeats again")
    lab.wait_in_sync()
