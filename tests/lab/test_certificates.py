"""Certificates as Octavia rotates them: checked, on both nodes before the answer, no request fails (P2)."""

import os
import re
import signal
import threading
import time

import pytest

from lab.system import wait_until

ROTATIONS = int(os.environ.get("LAB_ROTATIONS", "100"))


@pytest.fixture(scope="module")
def lab_settings():
    return {"amphorae": 2, "tenants": 1, "second_tenant_amphorae": 0}


def put(client, pem):
    """As Octavia does: the PEM text without a Content-Type."""
    return client.raw("PUT", "/1.0/certificate", pem.encode())


def presented(lab, node=None):
    """Serial number of the certificate that a new connection sees."""
    client = lab.api(node)
    try:
        client.get("/").expect()
        return client.connection.sock.getpeercert()["serialNumber"]
    finally:
        client.close()


def both(lab):
    return {presented(lab, number) for number in lab.nodes}


def test_a_new_certificate_is_on_both_nodes_before_the_answer(lab, pair):
    before = both(lab)
    client = lab.api()
    answer = put(client, lab.certificates.new_server("server2", lab.distributor_id)).expect(202)
    assert answer.body["durability"] == "pair" and answer.body["changed"] is True
    assert sorted(answer.body["held_by"]) == ["node-1", "node-2"]
    after = both(lab)
    assert len(after) == 1 and after.isdisjoint(before)
    client.get("/1.0/info").expect()  # the old connection goes on
    files = [open(node.server_pem, encoding="ascii").read() for node in lab.nodes.values()]
    assert files[0] == files[1]
    assert all(os.stat(node.server_pem).st_mode & 0o777 == 0o600 for node in lab.nodes.values())
    again = put(client, files[0]).expect(202)  # a replay
    assert again.body["changed"] is False and again.body["durability"] == "pair"


def test_what_cannot_be_served_is_refused_and_the_old_one_stays(lab, pair):
    before = both(lab)
    good = lab.certificates.new_server("good", lab.distributor_id)
    other = lab.certificates.new_server("other", lab.distributor_id)
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL)
    bad = {"garbage": "garbage", "empty": "", "half": good[:len(good) // 2], "wrong key": key.sub("", good) + key.search(other)[0],
           "expired": lab.certificates.new_server("expired_server", lab.distributor_id, days=-1),
           "other name": lab.certificates.new_server("named", "another-distributor"), "no key": key.sub("", good)}
    client = lab.api()
    for what, pem in bad.items():
        answer = put(client, pem)
        assert (answer.status, answer.body["error"]) == (400, "invalid_certificate"), what
    assert both(lab) == before


def test_a_standby_takes_none(lab, pair):
    _, standby = pair
    before = both(lab)
    answer = put(lab.api(standby), lab.certificates.new_server("for_standby", lab.distributor_id))
    assert (answer.status, answer.body["error"]) == (503, "not_active")
    assert both(lab) == before


def test_a_node_that_was_away_gets_it_at_contact_and_serves_it_after_a_failover(lab, pair):
    active, standby = pair
    lab.nodes[standby].power_off()
    client = lab.api()
    answer = put(client, lab.certificates.new_server("alone", lab.distributor_id)).expect(202)
    assert answer.body["durability"] == "local" and "away" in answer.body["note"]
    wanted = presented(lab, active)
    lab.nodes[active].kill("distributord")  # what the peer lacks is remembered on disk
    lab.nodes[standby].power_on()
    lab.wait_in_sync()
    wait_until(lambda: both(lab) == {wanted}, 15, "both nodes to present the new certificate")
    owner, other = lab.wait_in_sync()
    lab.nodes[owner].power_off()
    wait_until(lambda: lab.api(timeout_s=2).get("/").ok, 15, "the other node to answer on the management address")
    assert presented(lab) == wanted
    lab.nodes[owner].power_on()
    lab.wait_in_sync()


def test_rotation_under_load_fails_no_request(lab, pair):
    pems = [lab.certificates.new_server(f"rotated{i}", lab.distributor_id) for i in range(3)]
    counts, failures, stop = [0, 0], [], threading.Event()

    def ask(index, keep):
        client = lab.api()
        client.replay = False
        while not stop.is_set():
            try:
                client.get("/1.0/info").expect(200)
                counts[index] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failed request
                failures.append(error)
            if not keep:
                client.close()

    askers = [threading.Thread(target=ask, args=(index, keep)) for index, keep in enumerate((True, False))]
    for asker in askers:
        asker.start()
    client, begun = lab.api(), time.monotonic()
    try:
        for i in range(ROTATIONS):
            answer = put(client, pems[i % len(pems)]).expect(202)
            assert answer.body["durability"] == "pair", answer.body
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    print(f"{ROTATIONS} rotations in {time.monotonic() - begun:.1f} s, {counts[0]} requests on one connection and {counts[1]} on "
          f"new ones, {len(failures)} failed")
    assert not failures and min(counts) > ROTATIONS // 10
    assert len(both(lab)) == 1


def test_client_cas_are_rotated_with_two_of_them_accepted(lab, pair):
    text, new_client = lab.certificates.new_client_ca("client_ca2")
    with open(lab.certificates.client_ca, encoding="ascii") as file:
        old = file.read()

    def accepted(certificate):
        client = lab.api(certificate=certificate, timeout_s=5)
        try:
            return client.get("/").ok
        except OSError:
            return False
        finally:
            client.close()

    def install(content):
        with open(lab.certificates.client_ca, "w", encoding="ascii") as file:
            file.write(content)
        for node in lab.nodes.values():
            node.kill("distributord", signal.SIGHUP)

    assert accepted(None) and not accepted(new_client)
    try:
        install(old + text)
        wait_until(lambda: accepted(new_client), 5, "the new CA to be accepted")
        assert accepted(None)
        install(text)
        wait_until(lambda: not accepted(None), 5, "the old CA to be refused")
        assert accepted(new_client)
    finally:
        install(old)
        wait_until(lambda: accepted(None), 5, "the old CA to be accepted again")
