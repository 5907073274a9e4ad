"""The election can't be forged from the management segment (H5)."""

import socket
import struct
import threading

import pytest

from lab import plan
from lab.system import wait_until

VRRP = 112
ROUTER_ID = 51
VIP_MAC = "02:00:00:00:00:66"  # of the forger


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def forged_advert(source, target, target_mac, source_mac):
    """What keepalived sends, but of priority 255: Ethernet, IPv4 with TTL 255, VRRP version 3."""
    source, target, vip = (socket.inet_aton(one) for one in (source, target, plan.MANAGEMENT_VIP))
    body = struct.pack("!BBBBHH", 0x31, ROUTER_ID, 255, 1, 10, 0) + vip
    pseudo = source + target + struct.pack("!BBH", 0, VRRP, len(body))
    body = body[:6] + struct.pack("!H", checksum(pseudo + body)) + body[8:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0xC0, 20 + len(body), 1, 0, 255, VRRP, 0, source, target)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    mac = lambda text: bytes.fromhex(text.replace(":", ""))  # noqa: E731
    return mac(target_mac) + mac(source_mac) + b"\x08\x00" + header + body


class Forger(threading.Thread):
    """A host on the management segment that claims to be the peer, twice as often as the peer does."""

    def __init__(self, lab, victim):
        super().__init__()
        self.socket = lab.fabric.controller.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0))
        self.frame = forged_advert(plan.management_address(3 - victim), plan.management_address(victim), plan.management_mac(victim), VIP_MAC)
        self.sent = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.05):
            self.socket.send(self.frame)
            self.sent += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()
        self.socket.close()


@pytest.fixture(scope="module")
def lab_settings():
    return {"amphorae": 1}


def dropped(node):
    text = node.exec(["nft", "list", "table", "netdev", "distributor_election"]).stdout
    return sum(int(line.split("packets")[1].split()[0]) for line in text.splitlines() if "counter" in line)


def test_forged_adverts_move_nothing(lab):  # H5
    active, standby = lab.wait_in_sync()
    node = lab.nodes[active]
    before = dropped(node)
    with Forger(lab, active) as forger:
        wait_until(lambda: forger.sent > 40, 10, "forty forged adverts")
        wait_until(lambda: dropped(node) >= before + 40, 5, "their drops to be counted")
        member = lab.pair_of(active)["self"]
        assert member["role"] == "MASTER" and member["gate_open"] and member["leads"]
    assert lab.wait_in_sync() == (active, standby)


def test_the_forger_would_succeed_without_the_guard(lab):
    """Else the test above could not fail."""
    active, _ = lab.wait_in_sync()
    node = lab.nodes[active]
    node.exec(["nft", "delete", "table", "netdev", "distributor_election"])
    with Forger(lab, active):
        wait_until(lambda: lab.pair_of(active)["self"]["role"] == "BACKUP", 10, "the owner to believe the forger")
    # A restarted daemon puts the guard back.
    starts = node.service("distributord")["starts"]
    node.kill("distributord")
    wait_until(lambda: node.service("distributord")["starts"] > starts, 5, "its restart")
    lab.wait_in_sync()
    assert dropped(node) == 0


def test_the_guard_goes_with_an_orderly_end(lab):
    _, standby = lab.wait_in_sync()
    node = lab.nodes[standby]
    assert "distributor_election" in node.exec(["nft", "list", "ruleset"]).stdout
    node.stop("distributord")
    assert "distributor_election" not in node.exec(["nft", "list", "ruleset"]).stdout
    node.supervise("distributord")
    lab.wait_in_sync()
