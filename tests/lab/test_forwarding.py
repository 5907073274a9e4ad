"""The data path: who answers for the VIP, where packets go, and what moves when an amphora is replaced."""

import contextlib
import socket
import time
import uuid

import pytest

from lab import frames, plan, traffic
from lab.frames import Wire
from lab.system import wait_until
from support import Balancer, assert_nodes_alike, forwarding_flows, metric, only_select_group, select_groups, wait_programmed

MINE = plan.gateway_mac(1)


@pytest.fixture(scope="module")
def lab_settings():
    return {"tenants": 2}


@pytest.fixture
def balancer(lab):
    with Balancer(lab) as one:
        wait_programmed(lab)
        yield one


@pytest.fixture
def own_mac(lab, balancer):
    active, _ = lab.wait_in_sync()
    return plan.front_mac(1, active)


def arp_replies(wire, target, timeout_s=1.0):
    wire.drain()
    wire.send(frames.arp_request(MINE, plan.GATEWAY4, target))
    return [frame.arp() for frame in wire.collect(lambda f: f.arp() and f.arp()[0] == 2, timeout_s)]


def adverts(wire, source, target, timeout_s=1.0):
    wire.drain()
    wire.send(frames.neighbour_solicitation(MINE, source, target))
    solicited = [frame.neighbour_advertisement() for frame in wire.collect(lambda f: f.neighbour_advertisement(), timeout_s)]
    return [advert for advert in solicited if advert[2] == target and (source == "::" or advert[1] != "ff02::1")]


def test_arp_for_the_vip_has_one_answer_with_the_owners_mac(lab, own_mac):  # D2
    with Wire(lab.gateway()) as wire:
        assert arp_replies(wire, plan.VIP4) == [(2, own_mac, plan.VIP4, MINE, plan.GATEWAY4)]


def test_arp_is_answered_while_the_daemon_is_dead(lab, balancer, own_mac):  # D2
    active, _ = lab.wait_in_sync()
    node = lab.nodes[active]
    node.kill("distributord", restart=False)
    wait_until(lambda: not node.service("distributord")["running"], 5, "the daemon to be dead")
    with Wire(lab.gateway()) as wire:
        try:
            assert arp_replies(wire, plan.VIP4, 0.5) == [(2, own_mac, plan.VIP4, MINE, plan.GATEWAY4)]
        finally:
            node.supervise("distributord")
    lab.wait_in_sync()


def test_neighbour_solicitation_is_answered_solicited_and_override(lab, own_mac):  # D3
    with Wire(lab.gateway()) as wire:
        assert adverts(wire, plan.GATEWAY6, plan.VIP6) == [(plan.VIP6, plan.GATEWAY6, plan.VIP6, "SO", own_mac)]


def test_a_dad_probe_for_the_vip_is_answered_to_all_nodes(lab, own_mac):  # D3
    with Wire(lab.gateway()) as wire:
        # Announcements of the VIP may be under way, too: they carry the MAC as an option, the answer cannot.
        answers = [advert for advert in adverts(wire, "::", plan.VIP6) if advert[4] is None]
        assert [answer[:4] for answer in answers] == [(plan.VIP6, "ff02::1", plan.VIP6, "O")]


def test_other_addresses_are_not_answered_for(lab, balancer):  # D3, D4
    with Wire(lab.gateway()) as wire:
        assert arp_replies(wire, "192.0.2.99") == []
        assert adverts(wire, plan.GATEWAY6, "2001:db8:1::99") == []


def test_nothing_answers_after_unplug(lab):  # D4, P5
    with Balancer(lab):
        wait_programmed(lab)
        with Wire(lab.gateway()) as wire:
            assert len(arp_replies(wire, plan.VIP4, 0.5)) == 1
    wait_programmed(lab)
    with Wire(lab.gateway()) as wire:
        assert arp_replies(wire, plan.VIP4) == [] and adverts(wire, plan.GATEWAY6, plan.VIP6) == []
    for node in lab.nodes.values():
        assert node.ovs.groups() == {}


def test_plug_is_announced_more_than_once(lab):  # D5
    active, _ = lab.wait_in_sync()
    own = plan.front_mac(1, active)

    def announces(frame):
        arp, advert = frame.arp(), frame.neighbour_advertisement()
        return frame.source == own and bool((arp and arp[2] == arp[4] == plan.VIP4)
                                            or (advert and advert[2] == plan.VIP6 and advert[1] == "ff02::1"))

    with Wire(lab.gateway()) as wire, Balancer(lab):
        seen, needed = [], {"arp": 2, "nd": 2}

        def enough():
            seen.extend(wire.collect(announces, 0.2))
            arps = sum(1 for frame in seen if frame.arp())
            return arps >= needed["arp"] and len(seen) - arps >= needed["nd"]

        wait_until(enough, 15, "repeated gratuitous ARP and unsolicited NA")
        for frame in seen:
            assert frame.destination in ("ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01")
            if advert := frame.neighbour_advertisement():
                assert advert[4] == own and "O" in advert[3]


def test_every_vip_is_announced_again_while_this_node_owns(lab):  # D5
    """More of them than go out in one turn."""
    node = lab.nodes[lab.wait_in_sync()[0]]
    api, balancers = lab.api(), [str(uuid.uuid4()) for _ in range(100)]
    said = [(time.monotonic(), metric(node, "announcements_sent_total"))]

    def quiet_since():
        if (now := metric(node, "announcements_sent_total")) != said[-1][1]:
            said.append((time.monotonic(), now))
        return time.monotonic() - said[-1][0]

    try:
        for vlan, balancer in enumerate(balancers, 100):
            fields = lab.plug_fields()
            api.plug(balancer, **{**fields, "nodes": [{**one, "vlan": vlan} for one in fields["nodes"]]}).expect()
        wait_until(lambda: quiet_since() > 2.5, 30, "the announcements of PLUG to be over")
        before = said[-1][1]
        wait_until(lambda: quiet_since() > 1 and said[-1][1] > before, 30, "a refresh")
        assert said[-1][1] == before + 2 * len(balancers), "each VIP once, IPv4 and IPv6"
    finally:
        for balancer in balancers:
            api.unplug(balancer)
        api.close()
        wait_programmed(lab)


@pytest.mark.parametrize("source,vip", [("198.18.3.4", plan.VIP4), ("2001:db8:c000::34", plan.VIP6)])
def test_forwarding_changes_the_macs_and_nothing_else(lab, balancer, own_mac, source, vip):  # D6, D1
    packet = frames.udp(source, vip, 5555, plan.LINE_PORT, b"as it was")
    kind = 0x86DD if ":" in source else 0x0800
    amphora = balancer.who([source])[source]
    target = next(one for one in lab.amphorae[1] if one.name == amphora)
    with Wire(lab.gateway()) as wire, Wire(target.namespace) as there:
        there.drain()
        wire.send(frames.ethernet(own_mac, MINE, kind, packet))
        (arrived,) = there.collect(lambda frame: frame.payload[:len(packet)].endswith(b"as it was") and frame.destination == target.mac,
                                   3, enough=1)
    assert arrived.source == own_mac
    assert arrived.payload[:len(packet)] == packet  # addresses, ports, TTL, DF, checksum and payload


def test_replies_do_not_pass_the_distributor(lab, balancer):  # D7
    active, _ = lab.wait_in_sync()
    port = lab.nodes[active].front_port(1)
    size = 2_000_000
    before = lab.fabric.port_bytes(port)
    with lab.gateway().entered():
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(20)
    with connection:
        connection.bind(("198.18.9.9", 0))
        connection.connect((plan.VIP4, plan.HTTP_PORT))
        connection.sendall(b"GET /?size=%d HTTP/1.0\r\n\r\n" % size)
        received = 0
        while chunk := connection.recv(65536):
            received += len(chunk)
    to_node, from_node = (after - earlier for after, earlier in zip(lab.fabric.port_bytes(port), before))
    assert received > size
    # Requests and acknowledgements pass it, twice by the same port; the two million bytes do not.
    assert 0 < to_node < size / 2 and 0 < from_node < size / 2


def spoofed_frames(own, other_own):
    """Frames of many kinds, to the owner's MAC of each network, to everybody, and to multicast groups."""
    payload = b"crossing?" + bytes(40)
    for destination in (own, other_own, "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"):
        for source in (MINE, plan.gateway_mac(2), "02:00:00:00:99:99", own):  # own last: the bridge learns it
            for client, vip in (("198.18.5.5", plan.VIP4), ("192.0.2.100", plan.VIP4), ("198.18.5.5", "198.51.100.9")):
                yield frames.ethernet(destination, source, 0x0800, frames.udp(client, vip, 67, 68, payload))
            for client, vip in (("2001:db8:c000::5", plan.VIP6), (plan.VIP6, "2001:db8:2::9")):
                yield frames.ethernet(destination, source, 0x86DD, frames.udp(client, vip, 546, 547, payload))
            yield frames.ethernet(destination, source, 0x88CC, payload)  # LLDP
            yield frames.ethernet(destination, source, 0x8100, b"\0\x05\x08\0" + payload)  # a VLAN tag
            yield frames.arp(1, source, plan.GATEWAY4, "00:00:00:00:00:00", plan.VIP4, destination)
            yield frames.arp(2, source, plan.VIP4, own, plan.GATEWAY4, destination)
            yield frames.neighbour_solicitation(source, plan.GATEWAY6, plan.VIP6)


def test_nothing_crosses_between_two_tenants(lab):  # D8
    """Two tenants with the same addresses: whatever is sent on one network, the distributor emits nothing on the other."""
    for node in lab.nodes.values():
        if 2 not in node.attached:
            node.plug_cable(2)
    with Balancer(lab, tenant=1), Balancer(lab, tenant=2, amphorae=2, spare=False):
        wait_programmed(lab)
        active, standby = lab.wait_in_sync()
        for tenant, other in ((1, 2), (2, 1)):
            own, other_own = plan.front_mac(tenant, active), plan.front_mac(other, active)
            sent = list(spoofed_frames(own, other_own)) + list(spoofed_frames(plan.front_mac(tenant, standby), other_own))
            # On the other network everything that a node emits shows at its own port: nothing but announcements may.
            ports = [Wire(lab.fabric.namespace, lab.nodes[number].front_port(other)) for number in lab.nodes]
            with Wire(lab.gateway(tenant)) as wire:
                for port in ports:
                    port.drain()
                for frame in sent:
                    wire.send(frame)
                # The last one must come back by its own network: then all before it have been dealt with.
                marker = frames.arp_request(plan.gateway_mac(tenant), plan.GATEWAY4, plan.VIP4)
                wire.drain()
                wire.send(marker)
                assert wire.collect(lambda f: f.arp() and f.arp()[0] == 2 and f.arp()[4] == plan.GATEWAY4, 3, enough=1)
            crossed = []
            for port in ports:
                for frame in port.drain():
                    arp, advert = frame.arp(), frame.neighbour_advertisement()
                    announces = (arp and arp[2] == arp[4]) or (advert and advert[1] == "ff02::1")
                    if not announces and not answers_somebody_there(frame, other):
                        crossed.append(frame)
                port.close()
            assert crossed == []


def answers_somebody_there(frame, tenant):
    """ARP and ND answers to the gateway of that very network, which asks by itself now and then."""
    arp, advert = frame.arp(), frame.neighbour_advertisement()
    return frame.destination == plan.gateway_mac(tenant) and bool(arp or advert)


def test_every_flow_of_one_source_reaches_one_amphora_whatever_the_port(lab, balancer):  # A1, A2
    for client in ("198.18.77.7", "2001:db8:c000::77"):
        names = traffic.who_flows(lab.gateway(), [(client, 20_000 + port) for port in range(500)])
        assert len(set(names)) == 1 and names[0] is not None
        # TCP too, and by the same amphora.
        with traffic.connections(lab.gateway(), [client] * 20, interval_ms=20) as talk:
            assert {name for row in talk.stop() for name in row["names"]} == set(names)


def test_a_long_flow_stays_on_one_amphora(lab, balancer):  # A1
    names = traffic.who_flows(lab.gateway(), [("198.18.44.4", 0)] * 10_000)
    assert len(set(names)) == 1 and names[0] is not None


@pytest.mark.parametrize("position", range(4))
def test_replace_moves_only_the_failed_ones_clients(lab, balancer, position):  # F1, F2, F3
    clients = plan.clients(1000, 1000)
    before = balancer.who(clients)
    node = lab.nodes[lab.wait_in_sync()[0]]
    rules_before = (only_select_group(node), forwarding_flows(node))
    failed, spare = balancer.macs[position], balancer.macs[4]
    answer = balancer.api.replace(balancer.id, failed).expect().body
    assert {one["position"]: one["mac_address"] for one in answer["amphorae"]}[position] == spare
    after = balancer.who(clients)
    for client in clients:
        assert after[client] == (balancer.name(4) if before[client] == balancer.name(position) else before[client])
    # F2: the failed one's MAC is the only thing that differs, in its bucket and in the loop rules.
    rules_after = (only_select_group(node), forwarding_flows(node))
    assert rules_after[0] == rules_before[0].replace(failed, spare)
    assert sorted(rules_after[1]) == sorted(flow.replace(failed, spare) for flow in rules_before[1])
    # F3: the recreated one comes back as the spare, and no rule changes.
    balancer.api.register(balancer.id, [{"mac_address": failed, "role": "standby"}]).expect()
    assert (only_select_group(node), forwarding_flows(node)) == rules_after
    assert balancer.spares() == [failed]


def test_a_frame_from_a_clusters_own_amphora_to_its_vip_dies(lab, balancer, own_mac):  # D12
    amphora = lab.amphorae[1][0]
    port = lab.nodes[lab.wait_in_sync()[0]].front_port(1)
    packet = frames.udp("198.18.6.6", plan.VIP4, 5555, plan.LINE_PORT, b"round and round")
    with Wire(amphora.namespace) as inside, Wire(lab.fabric.namespace, port) as emitted, Wire(lab.gateway()) as wire:
        emitted.drain()
        inside.send(frames.ethernet(own_mac, amphora.mac, 0x0800, packet))
        wire.send(frames.ethernet(own_mac, MINE, 0x0800, frames.udp("198.18.6.6", plan.VIP4, 5556, plan.LINE_PORT, b"marker")))
        seen = []

        def marker_came():
            seen.extend(emitted.drain())
            return any(frame.payload.rstrip(b"\0").endswith(b"marker") for frame in seen)

        wait_until(marker_came, 3, "the marker to be forwarded")
        assert not [frame for frame in seen if b"round and round" in frame.payload]


def test_unregister_takes_effect_with_the_next_packet_of_a_flow(lab, balancer):  # F6
    client = plan.clients(1, 0)[0]
    name = balancer.who([client])[client]
    mac = next(one.mac for one in lab.amphorae[1] if one.name == name)
    others = plan.clients(500, 500)
    before = balancer.who(others)
    balancer.api.unregister(balancer.id, [mac]).expect()
    assert balancer.who([client])[client] != name
    after = balancer.who(others)
    assert all(after[one] == before[one] for one in others if before[one] != name)  # vacant: only its own clients move
    assert name not in after.values()
    position = next(i for i in range(4) if lab.mac(i) == mac)
    balancer.api.register(balancer.id, [{"mac_address": mac, "position": position}]).expect()
    assert balancer.who(others) == before  # and they come back


def test_no_amphora_no_forwarding(lab):
    with Balancer(lab, amphorae=0, spare=False) as empty:
        wait_programmed(lab)
        names = traffic.who_flows(lab.gateway(), [("198.18.1.2", 0)], deadline_s=1)
        assert names == [None]
        assert all("bucket=" not in text for number in lab.nodes for text in select_groups(lab.nodes[number]).values())
        empty.api.register(empty.id, [{"mac_address": empty.macs[0]}]).expect()
        assert set(empty.who(plan.clients(20, 20)).values()) == {empty.name(0)}


@contextlib.contextmanager
def standby_out_of_reach(lab, active, standby):
    """Of replication alone: it stays the standby, and takes in one step what happened meanwhile."""
    lab.nodes[standby].cut("sync")
    try:
        wait_until(lambda: lab.pair_of(active)["phase"] == "solo", 10, "the standby to be out of reach")
        yield
    finally:
        lab.nodes[standby].heal("sync")
        lab.wait_in_sync()


def test_what_ends_and_what_begins_in_one_step_may_share_an_ordinal_and_a_vlan(lab):  # D8, H1
    """The new load balancer gets the lowest free ordinal. The standby takes both changes in one step, the new one's id comes first."""
    active, standby = lab.wait_in_sync()
    api, nodes, serial = lab.api(), lab.nodes, str(uuid.uuid4())[1:]
    ends, begins = "f" + serial, "0" + serial
    fields = lab.plug_fields()
    fields["nodes"] = [{**one, "vlan": 100} for one in fields["nodes"]]
    amphora = [{"mac_address": lab.amphorae[1][0].mac, "position": 0}]
    try:
        api.plug(ends, **fields).expect()
        api.register(ends, amphora).expect()
        wait_programmed(lab)
        with standby_out_of_reach(lab, active, standby):
            api.unplug(ends).expect()
            api.plug(begins, **fields).expect()
            api.register(begins, amphora).expect()
        wait_programmed(lab)
        assert len(select_groups(nodes[standby])) == 1
        assert_nodes_alike(lab)
        assert len(forwarding_flows(nodes[standby])) == len(forwarding_flows(nodes[active])) > 0
    finally:
        for one in (ends, begins):
            api.unplug(one)
        api.close()


def test_the_whole_state_takes_away_what_a_load_balancer_had_before(lab):  # D8, H1
    """The standby gets a snapshot, as its log was left behind by 10,000 changes. Another VLAN, another ordinal, one id."""
    active, standby = lab.wait_in_sync()
    api, nodes, first, moves = lab.api(), lab.nodes, str(uuid.uuid4()), str(uuid.uuid4())
    fields = lab.plug_fields()

    def on_vlan(vlan):
        return {**fields, "nodes": [{**one, "vlan": vlan} for one in fields["nodes"]]}

    def change_much():
        client, mac = lab.api(), "02:00:ff:00:00:03"
        for _ in range(1300):
            client.register(moves, [{"mac_address": mac}]).expect()
            client.unregister(moves, [mac]).expect()
        client.close()

    try:
        api.plug(first, **on_vlan(100)).expect()
        api.plug(moves, **on_vlan(101)).expect()
        wait_programmed(lab)
        with standby_out_of_reach(lab, active, standby):
            api.unplug(first).expect()
            api.unplug(moves).expect()
            api.plug(moves, **on_vlan(102)).expect()
            for _ in range(4):
                change_much()
            api.register(moves, [{"mac_address": lab.amphorae[1][0].mac, "position": 0}]).expect()
        wait_programmed(lab)
        with open(nodes[standby].log_path("distributord"), encoding="utf-8") as log:
            assert "took over the leader's state" in log.read()
        assert not [flow for flow in nodes[standby].ovs.flows() if "dl_vlan=101" in flow]
        assert len(forwarding_flows(nodes[standby])) == len(forwarding_flows(nodes[active])) > 0
        assert_nodes_alike(lab)
    finally:
        for one in (first, moves):
            api.unplug(one)
        api.close()
