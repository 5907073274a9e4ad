"""The data path beyond plain flows: ICMP errors, fragments, other protocols, hairpin mode, bounded classes, a datapath that
cannot answer neighbours, VLANs of a trunk, and rules that somebody else changed."""

import re
import socket
import subprocess
import sys

import pytest

from lab import frames, plan, traffic
from lab.amphora import SERVER
from lab.frames import Wire
from lab.packets import ClientSocket
from lab.system import Namespace, wait_until
from support import Balancer, wait_programmed

MINE = plan.gateway_mac(1)
FAR4, FAR6 = "203.0.113.7", "2001:db8:f::7"


@pytest.fixture
def balancer(lab):
    with Balancer(lab) as one:
        wait_programmed(lab)
        yield one


@pytest.fixture
def own_mac(lab):
    active, _ = lab.wait_in_sync()
    return plan.front_mac(1, active)


@pytest.fixture
def far(lab):
    """A client behind a link of the gateway over which only 1,400 bytes fit, which the client itself does not know."""
    gateway, machine = lab.gateway(), Namespace(f"{lab.prefix}-far")
    machine.create()
    try:
        machine.ip(f"link add eth0 type veth peer name far netns {gateway.name}", "link set eth0 up",
                   *(f"addr add 203.0.113.{n}/24 dev eth0" for n in range(7, 19)),
                   *(f"addr add 2001:db8:f::{n}/64 dev eth0 nodad" for n in range(7, 19)))
        gateway.sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
        gateway.ip("link set far mtu 1400 up", "addr add 203.0.113.1/24 dev far", "addr add 2001:db8:f::1/64 dev far nodad")
        machine.ip("route add default via 203.0.113.1", "route add default via 2001:db8:f::1")
        yield machine
    finally:
        machine.delete()


def fetch(machine, source, vip, size):
    """Bytes of a body that a client gets over HTTP."""
    with machine.entered():
        connection = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(10)
    received = b""
    with connection:
        connection.bind((source, 0))
        connection.connect((vip, plan.HTTP_PORT))
        connection.sendall(b"GET /?size=%d HTTP/1.0\r\n\r\n" % size)
        while chunk := connection.recv(65536):
            received += chunk
    return len(received.partition(b"\r\n\r\n")[2])


def test_a_smaller_path_mtu_is_learned_by_the_right_amphora(lab, balancer, far):  # D9
    for n in range(7, 19):
        assert fetch(far, f"203.0.113.{n}", plan.VIP4, 1_000_000) == 1_000_000
        assert fetch(far, f"2001:db8:f::{n}", plan.VIP6, 1_000_000) == 1_000_000


def test_copies_of_icmp_errors_are_bounded(lab, balancer, own_mac):  # D9
    """A flood of errors is not an amplifier: the meter lets only so many through."""
    error = frames.ipv4("198.18.1.1", plan.VIP4, 1, bytes([3, 4]) + frames.checksum(bytes([3, 4]) + bytes(34)).to_bytes(2, "big") + bytes(32))
    amphora = lab.amphorae[1][0]
    with Wire(lab.gateway()) as wire, Wire(amphora.namespace) as there:
        there.drain()
        for _ in range(6000):
            wire.send(frames.ethernet(own_mac, MINE, 0x0800, error))
        wire.send(frames.ethernet(own_mac, MINE, 0x0800, frames.udp(source_of(balancer, amphora.name), plan.VIP4, 5, plan.LINE_PORT, b"last")))
        seen = []

        def last_came():
            seen.extend(frame for frame in there.drain() if frame.destination == amphora.mac)
            return any(frame.payload.rstrip(b"\0").endswith(b"last") for frame in seen)

        wait_until(last_came, 5, "the last frame to be forwarded")
    copies = [frame for frame in seen if frame.kind == 0x0800 and frame.payload[9] == 1]
    assert 0 < len(copies) < 4000


def source_of(balancer, name):
    """A client that this amphora has."""
    clients = plan.clients(200, 0)
    return next(client for client, found in balancer.who(clients).items() if found == name)


@pytest.mark.parametrize("affinity", ["Source_IP", "Source_IP_AND_port"])
def test_fragments_of_a_datagram_reach_one_amphora(lab, affinity):  # D10, A3
    payload = b"x" * 4000
    with Balancer(lab, alg_extras={"algorithm": "hash", "affinity": affinity}) as balancer:
        wait_programmed(lab)
        balancer.who(plan.clients(10, 10))
        for vip, clients in ((plan.VIP4, plan.clients(40, 0)), (plan.VIP6, plan.clients(0, 40))):
            with lab.gateway().entered():
                one = ClientSocket(vip, plan.LINE_PORT)
            unanswered = {client: one.control(client) for client in clients}
            answers = 0

            def all_answered():
                nonlocal answers
                answers += len(one.receive())
                return answers >= len(clients)

            for control in unanswered.values():
                assert one.send(control, payload)
            wait_until(all_answered, 5, f"{len(clients)} answers to datagrams of 4,000 bytes, {affinity}, {vip}")
            one.socket.close()


def test_port_affinity_spreads_one_client_and_keeps_each_flow(lab):  # A3, F4
    with Balancer(lab, alg_extras={"algorithm": "hash", "affinity": "Source_IP_AND_port"}) as balancer:
        wait_programmed(lab)
        flows = [("198.18.7.7", port) for port in range(20_000, 20_300)] + [("2001:db8:c000::7", port) for port in range(20_000, 20_300)]
        first = traffic.who_flows(lab.gateway(), flows)
        assert set(first) == {balancer.name(i) for i in range(4)}
        assert traffic.who_flows(lab.gateway(), flows) == first
        # As `where` says without a packet.
        for (client, port), name in list(zip(flows, first))[::50]:
            answer = balancer.api.get(f"/1.0/loadbalancer/{balancer.id}/where?client={client}&port={port}&protocol=udp").expect().body
            assert balancer.macs.index(answer["mac_address"]) == [balancer.name(i) for i in range(4)].index(name)


def test_sctp_and_echo_are_forwarded(lab, balancer, own_mac):  # D11
    """The kernel here may have no SCTP: its packets are made and seen on the wire."""
    for source, vip in (("198.18.5.9", plan.VIP4), ("2001:db8:c000::59", plan.VIP6)):
        name = balancer.who([source])[source]
        target = next(one for one in lab.amphorae[1] if one.name == name)
        sctp = b"\x27\x10\x00\x50" + bytes(28)
        packet = frames.ipv6(source, vip, 132, sctp) if ":" in vip else frames.ipv4(source, vip, 132, sctp)
        with Wire(lab.gateway()) as wire, Wire(target.namespace) as there:
            there.drain()
            wire.send(frames.ethernet(own_mac, MINE, 0x86DD if ":" in vip else 0x0800, packet))
            (arrived,) = there.collect(lambda f: f.payload[:len(packet)] == packet and f.destination == target.mac, 3, enough=1)
            assert arrived.source == own_mac
        lab.gateway().exec(["ping", "-c", "1", "-W", "3", "-I", source, vip])


def with_replies_through(lab, gateway4, gateway6):
    """Amphorae of tenant 1 send what comes from the VIP to another next hop; None: to the gateway again."""
    for amphora in lab.amphorae[1]:
        for version, vip, hop in (("", plan.VIP4, gateway4), ("-6", plan.VIP6, gateway6)):
            if hop is None:
                amphora.namespace.exec(["ip", *version.split(), "rule", "del", "from", vip], check=False)
            else:
                amphora.namespace.exec(["ip", *version.split(), "rule", "add", "from", vip, "lookup", "77"])
                amphora.namespace.exec(["ip", *version.split(), "route", "replace", "default", "via", hop, "dev", "eth0", "table", "77"])


def test_hairpin_brings_replies_back_through_the_distributor(lab):  # D13
    hairpin4, hairpin6 = "192.0.2.250", "2001:db8:1::250"
    fields = lab.plug_fields(forwarding_mode="hairpin", hairpin_address=hairpin4)
    fields["additional_vips"][0]["hairpin_address"] = hairpin6
    with_replies_through(lab, hairpin4, hairpin6)
    try:
        with Balancer(lab, **fields) as balancer:
            wait_programmed(lab)
            clients = plan.clients(200, 200)
            wait_until(lambda: None not in traffic.who_flows(lab.gateway(), [(one, 0) for one in clients[::50]], deadline_s=1), 10,
                       "replies through the distributor")
            before = balancer.who(clients)
            active, standby = lab.wait_in_sync()
            from_node = lab.fabric.port_bytes(lab.nodes[active].front_port(1))[1]
            assert fetch(lab.gateway(), "198.18.9.9", plan.VIP4, 500_000) == 500_000
            assert lab.fabric.port_bytes(lab.nodes[active].front_port(1))[1] - from_node > 500_000
            # The other node knows the gateways too: clients stay, and their answers come.
            lab.nodes[active].power_off()
            lab.wait_owner(standby)
            assert balancer.who(clients) == before
            lab.nodes[active].power_on()
            lab.wait_in_sync()
    finally:
        with_replies_through(lab, None, None)


def test_two_of_four_fail_with_one_spare(lab, balancer):  # F4
    """The spare takes the first one's slot; the other slot stays vacant until somebody comes, and its clients are served meanwhile."""
    clients = plan.clients(1000, 1000)
    before = balancer.who(clients)
    gone = (1, 2)
    balancer.api.replace(balancer.id, balancer.macs[1]).expect()
    refused = balancer.api.replace(balancer.id, balancer.macs[2])
    assert refused.status == 409 and "no standby amphora" in refused.body["details"]
    balancer.api.unregister(balancer.id, [balancer.macs[2]]).expect()
    after = balancer.who(clients)
    names = {balancer.name(i): i for i in range(5)}
    for client in clients:
        was, now = names[before[client]], names[after[client]]
        if was == 1:
            assert now == 4
        elif was == 2:
            assert now not in gone
        else:
            assert now == was
    # The slot's clients come back to it with its next amphora.
    balancer.api.register(balancer.id, [{"mac_address": balancer.macs[1], "position": 2}]).expect()
    filled = balancer.who(clients)
    assert all(names[filled[client]] == 1 for client in clients if names[before[client]] == 2)
    assert all(filled[client] == after[client] for client in clients if names[before[client]] != 2)


def test_a_cluster_grows_and_shrinks(lab):  # F7
    clients = plan.clients(1000, 1000)
    with Balancer(lab, amphorae=3, spare=False, cluster_size=3) as balancer:
        wait_programmed(lab)
        before = balancer.who(clients)
        assert balancer.api.register(balancer.id, [{"mac_address": balancer.macs[3], "position": 3}]).status == 400
        balancer.api.plug(balancer.id, **lab.plug_fields(cluster_size=4)).expect()
        balancer.api.register(balancer.id, [{"mac_address": balancer.macs[3], "position": 3}]).expect()
        after = balancer.who(clients)
        moved = [client for client in clients if after[client] != before[client]]
        assert {after[client] for client in moved} == {balancer.name(3)}
        assert 0.15 < len(moved) / len(clients) < 0.35
        assert balancer.api.plug(balancer.id, **lab.plug_fields(cluster_size=3)).status == 409
        balancer.api.unregister(balancer.id, [balancer.macs[3]]).expect()
        balancer.api.plug(balancer.id, **lab.plug_fields(cluster_size=3)).expect()
        assert balancer.who(clients) == before


def test_a_thousand_replacements_under_traffic_lose_nothing(lab, balancer):  # O3, F1
    """Two amphorae take turns in one slot. No packet is lost, and none reaches a third."""
    clients = plan.clients(32, 32)
    mine = [client for client, name in balancer.who(clients).items() if name == balancer.name(0)]
    pair = [balancer.macs[0], balancer.macs[4]]
    with traffic.stream(lab.gateway(), clients, interval_ms=20) as stream:
        for turn in range(1000):
            failed = pair[turn % 2]
            balancer.api.replace(balancer.id, failed).expect()
            balancer.api.register(balancer.id, [{"mac_address": failed, "role": "standby"}]).expect()
        rows = {row["client"]: row for row in stream.stop()}
    assert mine and sum(row["lost"] for row in rows.values()) == 0
    for client, row in rows.items():
        allowed = {balancer.name(0), balancer.name(4)} if client in mine else {next(iter(row["names"]))}
        assert set(row["names"]) <= allowed, row
        assert row["answered"] > 100


def test_datapath_flows_are_bounded_whatever_the_number_of_clients(lab):  # A7
    bound = 64
    with Balancer(lab, alg_extras={"algorithm": "hash", "affinity": "Source_IP", "hash_classes_max": bound}) as balancer:
        wait_programmed(lab)
        active, _ = lab.wait_in_sync()
        node = lab.nodes[active]
        idle = datapath_flows(node)
        clients = plan.clients(4000, 4000)
        found = balancer.who(clients)
        flows = datapath_flows(node)
        assert set(found.values()) == {balancer.name(i) for i in range(4)}
        assert flows - idle <= 2 * bound + 10, f"{flows} datapath flows for {len(clients)} clients"
        for client in clients[::1000]:
            mac = balancer.api.where(balancer.id, client).expect().body["mac_address"]
            assert balancer.name(balancer.macs.index(mac)) == found[client]


def datapath_flows(node):
    return int(re.search(r"\(current (\d+)\)", node.ovs.appctl("upcall/show"))[1])


def test_neighbours_are_answered_where_the_datapath_cannot(lab, balancer):  # D3: as the kernel datapath is
    for node in lab.nodes.values():
        node.ovs.appctl("dpif/set-dp-features", node.ovs.bridge, "nd_ext", "false")
        node.kill("distributord")
    active, _ = lab.wait_in_sync()
    own = plan.front_mac(1, active)
    try:
        node = lab.nodes[active]
        wait_until(lambda: any("CONTROLLER" in flow for flow in node.ovs.flows()), 10, "solicitations to go to the daemon")
        with Wire(lab.gateway()) as wire:
            for source in (plan.GATEWAY6, "::"):
                wire.drain()
                wire.send(frames.neighbour_solicitation(MINE, source, plan.VIP6))
                answers = wire.collect(lambda f: f.neighbour_advertisement() and f.neighbour_advertisement()[2] == plan.VIP6, 3, enough=1)
                advert = answers[0].neighbour_advertisement()
                wanted = (plan.VIP6, "ff02::1", plan.VIP6, "O", own) if source == "::" else (plan.VIP6, source, plan.VIP6, "SO", own)
                assert advert == wanted
            wire.drain()
            wire.send(frames.neighbour_solicitation(MINE, plan.GATEWAY6, "2001:db8:1::99"))
            assert wire.collect(lambda f: f.neighbour_advertisement() and f.neighbour_advertisement()[2] == "2001:db8:1::99", 0.5) == []
        # Linux itself is content with the answer.
        lab.gateway().ip("neigh flush all")
        balancer.who(plan.clients(0, 50))
    finally:
        for node in lab.nodes.values():
            node.ovs.appctl("dpif/set-dp-features", node.ovs.bridge, "nd_ext", "true")
            node.kill("distributord")
        lab.wait_in_sync()


def test_both_nodes_say_which_hash_they_choose_with(lab, pair):  # A4
    view = lab.pair_of(1)
    assert view["affinity"] == "ok" and view["affinity_reason"] is None
    assert view["self"]["hash_fingerprint"] == view["peer"]["hash_fingerprint"] == "murmur3"


def test_rules_that_somebody_changed_are_put_right_within_a_second(lab, balancer):  # O5
    for node in lab.nodes.values():
        flows, groups = node.ovs.flows(), node.ovs.groups()
        select = next(number for number, text in groups.items() if "type=select" in text)
        untouched = node.ovs.durations()
        for command in (("del-flows", "table=0"), ("add-flow", "table=0,priority=999,actions=NORMAL"), ("del-groups",),
                        ("mod-group", f"group_id={select},type=all,bucket=actions=drop"), ("mod-flows", "table=5,actions=drop"),
                        ("del-meters",), ("del-flows",)):
            node.ovs.ofctl(*command)
            wait_until(lambda: (node.ovs.flows(), node.ovs.groups()) == (flows, groups), 1.0, f"{command} to be undone on {node.name}", 0.02)
        node.ovs.ofctl("add-flow", "table=0,priority=999,actions=NORMAL")
        wait_until(lambda: node.ovs.flows() == flows, 1.0, "the foreign rule to go", 0.02)
        assert len(untouched) == len(flows)
    balancer.who(plan.clients(100, 100))


def test_mtu_reaches_the_interface(lab):  # P3
    with Balancer(lab, mtu=1400):
        wait_programmed(lab)
        for node in lab.nodes.values():
            wait_until(lambda: "mtu 1400 " in node.exec(["ip", "link", "show", "eth1"]).stdout, 5, f"mtu 1400 on {node.name}")
    with Balancer(lab, mtu=1500):
        wait_programmed(lab)


def test_ovsdb_server_dies_and_comes_back(lab, balancer):  # P4, O4
    """The daemon waits for it, and afterwards plugs as before; rules and clients are as they were."""
    clients = plan.clients(200, 200)
    before = balancer.who(clients)
    for node in lab.nodes.values():
        flows = node.ovs.flows()
        node.kill("ovsdb-server")
        wait_until(lambda: node.service("ovsdb-server")["running"] and node.ovs.vsctl("get", "bridge", node.ovs.bridge, "fail_mode").strip() == "secure",
                   10, "ovsdb-server to be back")
        # On the userspace datapath a node without it hands over: the gate (table 5) may have moved meanwhile, nothing else.
        assert [flow for flow in node.ovs.flows() if "table=5," not in flow] == [flow for flow in flows if "table=5," not in flow]
        lab.wait_in_sync()
    assert balancer.who(clients) == before
    balancer.api.unplug(balancer.id).expect()
    balancer.api.plug(balancer.id, **lab.plug_fields(hash_seed=balancer.plugged["hash_seed"])).expect()
    balancer.api.register(balancer.id, [{"mac_address": balancer.macs[i], "position": i} for i in range(4)]).expect()
    wait_programmed(lab)
    assert balancer.who(clients) == before


VLAN = 100


@pytest.fixture
def trunk(lab):
    """A network of its own whose ports are trunks: the nodes', a client's and an amphora's."""
    fabric = lab.fabric
    client, amphora = Namespace(f"{lab.prefix}-vc"), Namespace(f"{lab.prefix}-va")
    fabric.namespace.ip("link add trunk type bridge forward_delay 0 stp_state 0 mcast_snooping 0", "link set trunk up")
    try:
        for number, node in lab.nodes.items():
            fabric.cable("trunk", f"n{number}trunk", node.namespace, "eth9", trunk_mac(number))
        for machine, port, mac in ((client, "vcl", TRUNK_CLIENT), (amphora, "vam", TRUNK_AMPHORA)):
            machine.create()
            fabric.cable("trunk", port, machine, "eth0", mac)
        yield client, amphora
    finally:
        client.delete()
        amphora.delete()
        fabric.remove_cables(*(f"n{number}trunk" for number in lab.nodes))
        fabric.namespace.ip("link del trunk")


TRUNK_CLIENT, TRUNK_AMPHORA = "02:00:00:09:fe:01", "02:00:00:09:01:01"


def trunk_mac(number):
    return f"02:00:00:09:0d:{number:02x}"


def comes_through(wire, there, own, vlan, timeout_s=3):
    """A datagram in this VLAN reaches the amphora, in the same VLAN and with the pair's MAC."""
    packet = frames.udp("198.18.5.5", plan.VIP4, 7, plan.LINE_PORT, b"in a VLAN")
    there.drain()
    wire.send(frames.tagged(vlan, frames.ethernet(own, TRUNK_CLIENT, 0x0800, packet)))
    found = there.collect(lambda f: f.destination == TRUNK_AMPHORA and f.payload[:len(packet)] == packet, timeout_s, enough=1)
    return [(f.vlan, f.source) for f in found] == [(vlan, own)]


def test_a_vlan_of_a_trunk_carries_a_load_balancer(lab, trunk):  # P3, D8
    """The other form of a plugged interface, beside one with the same addresses that has its interface to itself."""
    client, amphora = trunk
    interfaces = [{"node_id": node.name, "mac_address": trunk_mac(number), "vlan": VLAN} for number, node in lab.nodes.items()]
    with Balancer(lab) as plain, Balancer(lab, amphorae=0, spare=False, nodes=interfaces) as tagged, Wire(client) as wire, Wire(amphora) as there:
        tagged.api.register(tagged.id, [{"mac_address": TRUNK_AMPHORA}]).expect()
        wait_programmed(lab)
        active, _ = lab.wait_in_sync()
        own = trunk_mac(active)
        wire.drain()
        wire.send(frames.tagged(VLAN, frames.arp_request(TRUNK_CLIENT, plan.GATEWAY4, plan.VIP4)))
        answers = wire.collect(lambda f: f.arp() and f.arp()[0] == 2, 3, enough=1)
        assert [(f.vlan, f.arp()) for f in answers] == [(VLAN, (2, own, plan.VIP4, TRUNK_CLIENT, plan.GATEWAY4))]
        wire.send(frames.tagged(VLAN, frames.neighbour_solicitation(TRUNK_CLIENT, plan.GATEWAY6, plan.VIP6)))
        answers = wire.collect(lambda f: f.neighbour_advertisement() and f.destination == TRUNK_CLIENT, 3, enough=1)
        assert [(f.vlan, f.neighbour_advertisement()[4]) for f in answers] == [(VLAN, own)]
        assert not comes_through(wire, there, own, VLAN + 1, 0.3)
        assert comes_through(wire, there, own, VLAN)
        assert set(plain.who(plan.clients(50, 50)).values()) == {plain.name(i) for i in range(4)}
        # The interface goes away and comes back.
        lab.fabric.remove_cables(f"n{active}trunk")
        wait_until(lambda: lab.pair_of(active)["self"]["vip_links_up"] == 1, 10, "the lost interface to be noticed")
        lab.fabric.cable("trunk", f"n{active}trunk", lab.nodes[active].namespace, "eth9", trunk_mac(active))
        wait_until(lambda: comes_through(wire, there, own, VLAN, 0.2), 10, "the trunk to carry clients again")
