"""What Octavia can say over REST, good and bad, on a running pair."""

import http.client
import json
import random
import ssl
import uuid

import pytest

from lab import plan
from lab.system import wait_until
from support import Balancer, assert_nodes_alike, buckets, digest, select_groups, wait_programmed


@pytest.fixture(scope="module")
def lab_settings():
    return {"tenants": 2}


@pytest.fixture
def balancer(lab):
    with Balancer(lab) as one:
        yield one


def listed(answer):
    return {one["position"]: one["mac_address"] for one in answer.body["amphorae"]}


def test_version_discovery_is_exactly_what_octavia_wants(lab, pair):  # P10
    assert lab.api().get("/").expect(200).body == {"api_version": "1.0"}


def test_a_change_is_on_both_nodes_before_the_answer_says_so(lab, balancer):  # H3, H2
    assert balancer.plugged["durability"] == balancer.registered["durability"] == "pair"
    assert set(balancer.registered["programmed"]) == {"node-1", "node-2"}
    for number in lab.nodes:
        own = lab.api(number).status(balancer.id).expect().body
        assert {one["position"]: one["mac_address"] for one in own["amphorae"]} == dict(enumerate(balancer.macs[:4]))
    assert digest(lab, 1) == digest(lab, 2)


def test_select_group_in_open_vswitch(lab, balancer):  # O1, O2
    wait_programmed(lab)
    seed = int(balancer.status()["hash_seed"], 16)
    for node in lab.nodes.values():
        ((_, text),) = select_groups(node).items()
        assert "selection_method=hash" in text and f"selection_method_param={seed}" in text
        assert "fields(ip_src,ipv6_src)" in text
        assert buckets(node) == list(enumerate(balancer.macs[:4]))
    assert_nodes_alike(lab)


def test_positions_are_never_renumbered(lab, balancer):  # O2, P6, P7
    api = balancer.api
    assert listed(api.unregister(balancer.id, [balancer.macs[1]]).expect()) == {
        0: balancer.macs[0], 2: balancer.macs[2], 3: balancer.macs[3]}
    wait_programmed(lab)
    assert buckets(lab.nodes[1]) == [(0, balancer.macs[0]), (2, balancer.macs[2]), (3, balancer.macs[3])]
    fresh = "02:00:00:01:01:77"
    assert listed(api.register(balancer.id, [{"mac_address": fresh}]).expect())[1] == fresh  # the lowest free one
    assert listed(api.replace(balancer.id, balancer.macs[0]).expect())[0] == balancer.macs[4]
    wait_programmed(lab)
    for node in lab.nodes.values():
        assert buckets(node) == [(0, balancer.macs[4]), (1, fresh), (2, balancer.macs[2]), (3, balancer.macs[3])]


def test_every_change_may_be_sent_again(lab, balancer):  # P5, P6, P7: Octavia's client replays POSTs
    api, macs = balancer.api, balancer.macs
    assert api.plug(balancer.id, **lab.plug_fields()).expect().body["changed"] is False
    assert api.register(balancer.id, [{"mac_address": macs[0], "position": 0}]).expect().body["changed"] is False
    assert api.replace(balancer.id, macs[1]).expect().body["changed"] is True
    again = api.replace(balancer.id, macs[1]).expect()
    assert again.body["changed"] is False and listed(again)[1] == macs[4]
    assert api.unregister(balancer.id, [macs[2]]).expect().body["changed"] is True
    assert api.unregister(balancer.id, [macs[2]]).expect().body["changed"] is False
    assert api.unplug(str(uuid.uuid4())).expect().body["changed"] is False


def test_random_changes_answer_what_status_says(lab, balancer):  # H2
    chance = random.Random(7)
    pool = [f"02:00:00:01:02:{i:02x}" for i in range(12)]
    for _ in range(60):
        macs = chance.sample(pool, chance.randint(1, 3))
        if chance.random() < 0.6:
            answer = balancer.api.register(balancer.id, [{"mac_address": mac} for mac in macs]).expect()
        else:
            answer = balancer.api.unregister(balancer.id, macs).expect()
        assert listed(answer) == balancer.positions()


def test_an_interface_that_is_not_there_yet(lab):  # P4
    lb = str(uuid.uuid4())
    api = lab.api()
    before = digest(lab)
    fields = lab.plug_fields(tenant=2)
    for number, node in lab.nodes.items():
        node.unplug_cable(2)
    wait_until(lambda: api.plug(lb, **fields).status == 404, 10, "PLUG to find no interface")
    refused = api.plug(lb, **fields).expect(404)
    assert "No suitable network interface found" in refused.body["details"] and refused.body["http_code"] == 404
    lab.nodes[1].plug_cable(2)
    assert api.plug(lb, **fields).status == 404  # node 2 still lacks it
    assert digest(lab) == before
    lab.nodes[2].plug_cable(2)
    wait_until(lambda: api.plug(lb, **fields).ok, 10, "PLUG to succeed once both are there")
    api.unplug(lb).expect()
    assert digest(lab) == before


def test_unplug_leaves_others_undisturbed(lab, balancer):  # P5
    clients = plan.clients(200, 200)
    before = balancer.who(clients)
    durations = {number: node.ovs.durations() for number, node in lab.nodes.items()}
    with Balancer(lab, tenant=2, amphorae=2, spare=False):
        wait_programmed(lab)
        assert all(len(select_groups(node)) == 2 for node in lab.nodes.values())
    wait_programmed(lab)
    for number, node in lab.nodes.items():
        after = node.ovs.durations()
        assert all(flow in after and after[flow] >= seconds for flow, seconds in durations[number].items())
    assert balancer.who(clients) == before


def test_node_address_lives_in_a_namespace_of_its_load_balancer(lab):  # H10, P3
    routes = [{"destination": "203.0.113.0/24", "nexthop": "192.0.2.1"}]
    with Balancer(lab, vrrp=True, host_routes=routes, amphorae=1, spare=False):
        wait_programmed(lab)
        for number, node in lab.nodes.items():
            def spaces():
                return [line.split()[0] for line in node.exec(["ip", "netns", "list"]).stdout.splitlines()]
            (space,) = wait_until(spaces, 5, "the load balancer's namespace")
            assert space.startswith("lb-")
            def routes_of_space():
                table = node.exec(["ip", "-n", space, "route"]).stdout
                return f"default via {plan.GATEWAY4}" in table and "203.0.113.0/24 via 192.0.2.1" in table
            wait_until(routes_of_space, 5, "the routes in the namespace")
            addresses = node.exec(["ip", "-n", space, "-o", "addr"]).stdout
            assert f" {plan.vrrp_ip(number)}/24 " in addresses
            assert plan.vrrp_ip(number) not in node.exec(["ip", "-o", "addr"]).stdout
            # It can be reached from its own network.
            wait_until(lambda: lab.gateway().exec(["ping", "-c", "1", "-W", "1", plan.vrrp_ip(number)], check=False).returncode == 0,
                       10, f"an answer from {plan.vrrp_ip(number)}", 0.2)
    wait_programmed(lab)
    for node in lab.nodes.values():
        wait_until(lambda: node.exec(["ip", "netns", "list"]).stdout.strip() == "", 5, "the namespace to be gone")


@pytest.mark.parametrize("amphorae", [2, 3, 5, 16, 64])
def test_where_agrees_with_open_vswitch(lab, amphorae):  # A5
    """1,000 clients for each cluster size, 5,000 in all; Open vSwitch's own trace is the judge."""
    with Balancer(lab, amphorae=0, spare=False) as balancer:
        macs = [f"02:00:00:01:03:{i:02x}" for i in range(amphorae)]
        balancer.api.register(balancer.id, [{"mac_address": mac} for mac in macs]).expect()
        wait_programmed(lab)
        active, _ = lab.wait_in_sync()
        ovs, own = lab.nodes[active].ovs, plan.front_mac(1, active)
        port = port_number(lab.nodes[active])
        for client in plan.clients(500, 500, start=amphorae * 1000):
            match = (f"ipv6,ipv6_src={client},ipv6_dst={plan.VIP6}" if ":" in client
                     else f"ip,nw_src={client},nw_dst={plan.VIP4}")
            said = balancer.api.where(balancer.id, client).expect().body
            traced = ovs.traced_bucket(f"in_port={port},dl_src={plan.gateway_mac(1)},dl_dst={own},{match}")
            assert (said["position"], said["mac_address"]) == (traced, macs[traced])


def port_number(node, tenant=1):
    return int(node.ovs.vsctl("get", "Interface", f"eth{tenant}", "ofport").strip())


def test_two_load_balancers_with_the_same_amphorae_choose_differently(lab, balancer):  # A6
    clients = plan.clients(200, 200)
    with Balancer(lab, tenant=2, amphorae=0, spare=False) as other:
        other.api.register(other.id, [{"mac_address": mac, "position": i} for i, mac in enumerate(balancer.macs[:4])]).expect()
        assert other.status()["hash_seed"] != balancer.status()["hash_seed"]
        differ = sum(balancer.api.where(balancer.id, client).expect().body["position"]
                     != other.api.where(other.id, client).expect().body["position"] for client in clients)
        assert differ > len(clients) / 2  # 3 of 4 are expected


def test_the_mapping_comes_back_from_positions_and_seed_alone(lab):  # A4, H1
    clients = plan.clients(1000, 1000)
    with Balancer(lab) as first:
        seed, macs, before = first.status()["hash_seed"], first.macs, first.who(clients)
    with Balancer(lab, amphorae=0, spare=False, hash_seed=seed) as second:
        order = [3, 1, 0, 2]
        second.api.register(second.id, [{"mac_address": macs[i], "position": i} for i in order]).expect()
        wait_programmed(lab)
        assert second.who(clients) == before


# -- bad input ---------------------------------------------------------------------------------------------------------

PLUG_REFUSALS = [
    ({"surprise": 1}, "surprise"), ({"vip_address": 7}, "vip_address"), ({"vip_address": "192.0.2.300"}, "vip_address"),
    ({"vip_address": "198.51.100.1"}, "vip_address"), ({"subnet_cidr": "192.0.2.0/40"}, "subnet_cidr"),
    ({"subnet_cidr": None}, "subnet_cidr"), ({"gateway": "not an address"}, "gateway"),
    ({"nodes": [{"node_id": "node-1", "mac_address": "02:00:zz"}]}, "mac_address"), ({"nodes": "all"}, "nodes"),
    ({"host_routes": [{"destination": "10.0.0.0/8"}]}, "nexthop"), ({"alg_extras": {"algorithm": "random"}}, "algorithm"),
    ({"alg_extras": {"algorithm": "hash", "affinity": "Destination"}}, "affinity"), ({"cluster_size": 0}, "cluster_size"),
    ({"mtu": 99}, "mtu"), ({"hash_seed": "xyz"}, "hash_seed"), ({"lb_id": str(uuid.UUID(int=9))}, "lb_id"),
]


@pytest.mark.parametrize("change,field", PLUG_REFUSALS, ids=[json.dumps(change)[:40] for change, _ in PLUG_REFUSALS])
def test_plug_refuses(lab, change, field):  # P3, P8
    before = digest(lab)
    fields = {**lab.plug_fields(), **change}
    refused = lab.api().plug(str(uuid.uuid4()), **fields).expect(400)
    assert field in refused.body["details"] and refused.body["http_code"] == 400
    assert digest(lab) == before


REGISTER_REFUSALS = [
    ([{"mac_address": "02:00:00:00:00"}], 400, "mac_address"), ([{"mac_address": 5}], 400, "mac_address"),
    ([{"mac_address": "03:00:00:00:00:01"}], 400, "mac_address"), ([], 400, "amphorae"),
    ([{"mac_address": "02:00:00:01:09:01", "position": 256}], 400, "position"),
    ([{"mac_address": "02:00:00:01:09:01", "position": -1}], 400, "position"),
    ([{"mac_address": "02:00:00:01:09:01", "position": "0"}], 400, "position"),
    ([{"mac_address": "02:00:00:01:09:01", "position": 0}], 409, "position"),
    ([{"mac_address": "02:00:00:01:09:01", "role": "boss"}], 400, "role"),
    ([{"mac_address": "02:00:00:01:09:01", "colour": "red"}], 400, "colour"),
    # All or nothing: the first would be fine by itself.
    ([{"mac_address": "02:00:00:01:09:01"}, {"mac_address": "02:00:00:01:09:02", "position": 0}], 409, "position"),
]


@pytest.mark.parametrize("amphorae,status,field", REGISTER_REFUSALS)
def test_register_refuses_and_changes_nothing(lab, balancer, amphorae, status, field):  # P6
    before = digest(lab)
    refused = balancer.api.register(balancer.id, amphorae).expect(status)
    assert field in refused.body["details"]
    assert digest(lab) == before


def test_unknown_things_are_404_as_octavia_reads_them(lab, balancer):
    before = digest(lab)
    nobody = str(uuid.uuid4())
    for answer in (lab.api().register(nobody, [{"mac_address": "02:00:00:01:09:01"}]), lab.api().status(nobody),
                   lab.api().get("/1.0/nothing"), balancer.api.replace(balancer.id, "02:00:00:01:09:09")):
        answer.expect(404)
        assert isinstance(answer.body["details"], str) and "No suitable network interface found" not in answer.body["details"]
    assert digest(lab) == before


def raw_refused(lab, body, path="/1.0/loadbalancer/%s/register" % uuid.UUID(int=3)):
    """A clear 400, or a connection that was closed on us."""
    client = lab.api()
    try:
        return client.raw("POST", path, body).status == 400
    except (OSError, http.client.HTTPException):
        return True
    finally:
        client.close()


def test_garbage_changes_nothing(lab, balancer):  # X3
    before = digest(lab)
    chance = random.Random(3)
    for body in (b'{"amphorae":[{"mac_address":"02:00:00:01:09:01"', b"", b"null", b"[]", b'{"a":' * 5000, b"\xff\xfe{}",
                 b'{"amphorae":[]}' + b" " * 300_000, chance.randbytes(1 << 20)):
        assert raw_refused(lab, body)
    assert digest(lab) == before


def test_noise_instead_of_tls_and_http(lab, balancer):  # X3
    before = digest(lab)
    chance = random.Random(4)
    import socket
    plain = lab.fabric.controller.socket(socket.AF_INET, socket.SOCK_STREAM)
    plain.settimeout(10)
    with plain:
        plain.connect((plan.MANAGEMENT_VIP, plan.API_PORT))
        try:
            plain.sendall(chance.randbytes(1 << 20))
            while plain.recv(65536):
                pass  # an alert may come before the end
        except OSError:
            pass
    client = lab.api()
    client.connection.connect()
    try:
        client.connection.sock.sendall(chance.randbytes(1 << 20))
        first = client.connection.sock.recv(65536)
        assert first == b"" or b" 400 " in first.split(b"\r\n")[0]
    except OSError:
        pass  # reset: refused as well
    finally:
        client.close()
    assert digest(lab) == before


@pytest.mark.parametrize("who", ["nobody", "stranger", "expired"])
def test_a_client_without_a_good_certificate_is_refused(lab, balancer, who):  # P1
    before = digest(lab)
    options = {"anonymous": True} if who == "nobody" else {"certificate": getattr(lab.certificates, who)()}
    client = lab.api(**options)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        client.register(balancer.id, [{"mac_address": "02:00:00:01:09:01"}])
    assert digest(lab) == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_spoken(lab, pair, version):  # P1
    assert lab.api(tls=version).pair().ok


def test_the_standby_answers_reads_and_refuses_changes(lab, balancer):
    _, standby = lab.wait_in_sync()
    there = lab.api(standby)
    assert there.status(balancer.id).expect().body["lb_id"] == balancer.id
    refused = there.register(balancer.id, [{"mac_address": "02:00:00:01:09:01"}]).expect(503)
    assert refused.body["details"]


def test_counters_grow(lab, balancer):  # P9
    wait_programmed(lab)
    before = balancer.status()["packets"]
    balancer.who(plan.clients(100, 100))
    wait_until(lambda: balancer.status()["packets"] >= before + 200, 10, "the packet counters to show the traffic")
    after = balancer.status()
    assert sum(one["packets"] for one in after["amphorae"]) == after["packets"]
