"""Strangers at the sync link: no encryption, an unknown key, another pair. None gets in, nothing changes (X2)."""

import os
import shutil
import socket
import uuid

import pytest

from lab import node_config, plan
from lab.system import run, wait_until
from support import Balancer, digest

NULL_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
NULL_READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


@pytest.fixture
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab) as one:
        yield one


def log_of(node):
    with open(node.log_path("distributord"), encoding="utf-8", errors="replace") as file:
        return file.read()


def test_a_stranger_without_encryption_is_refused(lab, balancer):  # X2
    before = digest(lab)
    for number in lab.nodes:
        plain = lab.fabric.controller.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(40)
        with plain:
            plain.connect((plan.management_address(number), plan.SYNC_PORT))
            plain.sendall(NULL_GREETING)
            received = b""
            try:
                plain.sendall(NULL_READY)
                while chunk := plain.recv(4096):
                    received += chunk
            except ConnectionError:
                pass
        assert b"READY" not in received, "the handshake was accepted"
    assert digest(lab) == before
    lab.wait_in_sync()


def run_with(lab, node, refused, tmp_path, **changes):
    """Runs the standby's daemon with another configuration and an empty store until `refused()`; then as it was."""
    peer = 3 - node.number
    keys = os.path.join(lab.directory, "keys")
    settings = {"pair_id": lab.pair_id, "certificates": lab.certificates, "peer": peer, "own_keys": os.path.join(keys, f"n{node.number}"),
                "peer_public": os.path.join(keys, f"n{peer}.pub"), **changes}
    store = os.path.join(node.directory, "distributor")
    aside = tmp_path / "store"
    kept = node.config_text()
    node.stop("distributord")
    shutil.copytree(store, aside)
    empty(store)
    with open(node.config, "w", encoding="ascii") as file:
        file.write(node_config.render(node.number, **settings))
    try:
        node.supervise("distributord")
        wait_until(refused, 20, "the refusal to be reported")
        # It has the good node's address and speaks its protocol, and still knows nothing of what is configured there.
        listed = lab.api(node.number).get("/1.0/loadbalancer")
        assert not listed.ok or listed.body["total"] == 0
    finally:
        node.stop("distributord")
        empty(store)
        shutil.copytree(aside, store, dirs_exist_ok=True)
        with open(node.config, "w", encoding="ascii") as file:
            file.write(kept)
        node.supervise("distributord")


def empty(directory):
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def test_a_stranger_with_an_unknown_key_is_refused(lab, balancer, tmp_path):  # X2
    active, standby = lab.wait_in_sync()
    before, owner = digest(lab), lab.nodes[active]
    strange = str(tmp_path / "strange")
    run([lab.binaries.distributord, "--generate-keys", strange])
    reported = log_of(owner).count("refused a stranger")
    run_with(lab, lab.nodes[standby], lambda: log_of(owner).count("refused a stranger") > reported, tmp_path, own_keys=strange)
    assert digest(lab) == before
    assert lab.wait_in_sync() == (active, standby)


def test_the_other_pairs_node_is_refused_even_with_the_right_key(lab, balancer, tmp_path):  # X2
    active, standby = lab.wait_in_sync()
    before, owner, other_pair = digest(lab), lab.nodes[active], str(uuid.uuid4())
    run_with(lab, lab.nodes[standby], lambda: f"it says pair {other_pair}" in log_of(owner), tmp_path, pair_id=other_pair)
    assert digest(lab) == before
    assert lab.wait_in_sync() == (active, standby)
