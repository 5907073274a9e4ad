"""What the pair promises when a machine or a process dies. Each test begins and ends with both nodes in sync."""

import signal
import time

import pytest

from lab import plan, traffic
from lab.system import LabError, wait_until
from support import (Balancer, assert_nodes_alike, buckets, digest, forwarding_flows, gate_flows, wait_programmed)

GRACE_S = 2.0  # of the gatekeeper (node_config.py)


@pytest.fixture
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab) as one:
        wait_programmed(lab)
        yield one


def gate_is_open(node):
    """What Open vSwitch itself says: the one rule of the gate table resubmits, or drops."""
    (flow,) = gate_flows(node)
    return "resubmit" in flow


def assert_all_go_on(rows):
    """Every connection answered to its end, by one amphora."""
    assert [row for row in rows if row["broken"] or len(row["names"]) != 1] == []


def test_clients_and_connections_stay_when_the_active_node_dies(lab, balancer):  # A4, H3, H4, H5, H11
    """20,000 clients choose the same amphora before and after; 200 TCP connections go on; positions are the same."""
    clients = plan.clients(10_000, 10_000)
    before, positions, state = balancer.who(clients), balancer.positions(), digest(lab)
    active, standby = lab.wait_in_sync()
    survivor = lab.nodes[standby]
    rules = (survivor.ovs.groups(), forwarding_flows(survivor))
    durations = survivor.ovs.durations()
    assert gate_is_open(lab.nodes[active]) and not gate_is_open(survivor)
    with traffic.connections(lab.gateway(), clients[:100] + clients[-100:]) as talk:
        lab.nodes[active].power_off()
        lab.wait_owner(standby)
        assert_all_go_on(talk.stop())
    after = balancer.who(clients)
    assert sum(1 for client in clients if after[client] != before[client]) == 0
    assert balancer.positions() == positions and digest(lab) == state
    # H4: the takeover changed the gate and nothing else, and sent nothing that already stood.
    assert (survivor.ovs.groups(), forwarding_flows(survivor)) == rules
    assert gate_is_open(survivor)
    later = survivor.ovs.durations()
    assert [flow for flow in forwarding_flows(survivor) if later[flow] < durations[flow]] == []
    lab.nodes[active].power_on()
    lab.wait_in_sync()
    assert_nodes_alike(lab)


def test_a_change_made_while_the_peer_is_away_reaches_it_when_it_comes_back(lab, balancer):  # H1, H3
    active, standby = lab.wait_in_sync()
    lab.nodes[standby].power_off()
    wait_until(lambda: not lab.pair_of(active)["peer_alive"], 10, "the peer's death to be noticed")
    answer = balancer.api.unregister(balancer.id, [balancer.macs[2]]).expect().body
    assert answer["durability"] == "local" and answer["programmed"] == [lab.nodes[active].name]
    lab.nodes[standby].power_on()
    lab.wait_in_sync()
    wait_programmed(lab)
    assert buckets(lab.nodes[standby]) == buckets(lab.nodes[active])
    assert balancer.api.register(balancer.id, [{"mac_address": balancer.macs[2], "position": 2}]).expect().body["durability"] == "pair"


def test_a_wiped_node_rejoins_by_itself(lab, balancer):  # H1, H6
    active, _ = lab.wait_in_sync()
    clients = plan.clients(1000, 1000)
    before, state = balancer.who(clients), digest(lab)
    wiped = lab.nodes[active]
    wiped.power_off()
    wiped.wipe()
    wiped.power_on()
    owner, other = lab.wait_in_sync()
    wait_programmed(lab)
    assert (owner, other) == (3 - active, active)  # it did not take over from one that was in sync
    assert digest(lab, 1) == digest(lab, 2) == state
    assert_nodes_alike(lab)
    # And it is as good as the other one now.
    lab.nodes[owner].power_off()
    lab.wait_owner(other)
    assert balancer.who(clients) == before
    lab.nodes[owner].power_on()
    lab.wait_in_sync()


def test_a_wiped_node_that_comes_up_first_and_alone_gives_way(lab, balancer):  # H13, H6
    state, positions = digest(lab), balancer.positions()
    wiped, good = lab.nodes[1], lab.nodes[2]
    balancer.api.close()
    for node in (wiped, good):
        node.power_off()
    wiped.wipe()
    wiped.power_on()
    wait_until(lambda: lab.pair_of(1), 15, "the wiped node to answer")
    # Alone for longer than any timer of its own: it waits, it does not own.
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        view = lab.pair_of(1)
        assert not view["entitled"] and not view["self"]["gate_open"] and not view["self"]["ready"], view
        assert view["why_not"]
    good.power_on()
    owner, _ = lab.wait_in_sync()
    assert owner == 2
    wait_programmed(lab)
    assert digest(lab, 1) == digest(lab, 2) == state and balancer.positions() == positions
    assert_nodes_alike(lab)


def test_a_daemon_that_is_killed_and_restarted_in_time_costs_nothing(lab, balancer):  # O4, H12
    clients = plan.clients(10, 10)
    active, standby = lab.wait_in_sync()
    node = lab.nodes[active]
    flows, groups, gate = node.ovs.durations(), node.ovs.group_durations(), gate_flows(node)
    starts, takeovers = node.service("distributord")["starts"], master_lines(lab, standby)
    with traffic.stream(lab.gateway(), clients, interval_ms=10) as stream, \
            traffic.connections(lab.gateway(), plan.clients(20, 20)) as talk:
        wait_until(lambda: all(row["answered"] > 20 for row in stream.report()), 10, "a steady stream")
        stream.mark()
        node.kill("distributord")
        wait_until(lambda: node.service("distributord")["starts"] > starts and node.service("distributord")["running"], 5, "its restart")
        assert lab.wait_in_sync() == (active, standby)
        wait_until(lambda: all(row["answered"] > 300 for row in stream.report()), 20, "the stream to go on")
        rows = stream.stop()
        assert_all_go_on(talk.stop())
    assert [row for row in rows if row["lost"] or len(row["names"]) != 1] == []
    # Nothing was sent that was already right: every rule is older than before, every counter went on counting.
    flows_after, groups_after = node.ovs.durations(), node.ovs.group_durations()
    assert set(flows_after) == set(flows) and gate_flows(node) == gate
    assert [flow for flow in flows if flows_after[flow] < flows[flow]] == []
    assert [group for group in groups if groups_after[group][0] < groups[group][0] or groups_after[group][1] < groups[group][1]] == []
    assert master_lines(lab, standby) == takeovers


def master_lines(lab, number):
    """How often keepalived of a node became master, by its own log."""
    with open(lab.nodes[number].log_path("keepalived"), encoding="utf-8", errors="replace") as log:
        return sum("Entering MASTER STATE" in line for line in log)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_daemon_that_stays_dead_or_hangs_loses_ownership(lab, balancer, how):  # H12
    active, standby = lab.wait_in_sync()
    stale = lab.nodes[active]
    clients = plan.clients(100, 100)
    before = balancer.who(clients)
    with traffic.connections(lab.gateway(), plan.clients(50, 50)) as talk:
        if how == "killed":
            at = stale.kill("distributord", restart=False)
        else:
            at = stale.kill("distributord", signal.SIGSTOP)
        lab.wait_owner(standby)
        took_s = time.monotonic() - at
        wait_until(lambda: not gate_is_open(stale), 5, "the gatekeeper to close the stale node's gate")
        assert_all_go_on(talk.stop())
    assert took_s > GRACE_S - 0.5, "ownership moved within the grace"
    assert balancer.who(clients) == before
    if how == "killed":
        stale.supervise("distributord")
    else:
        stale.kill("distributord", signal.SIGCONT)
    assert lab.wait_in_sync() == (standby, active)
    # What the gatekeeper closed behind the daemon's back opens again when this node owns again.
    lab.nodes[standby].power_off()
    lab.wait_owner(active)
    wait_until(lambda: gate_is_open(stale), 5, "the gate to be open again")
    assert balancer.who(clients) == before
    lab.nodes[standby].power_on()
    lab.wait_in_sync()


def test_rules_come_back_by_themselves_after_open_vswitch_dies(lab, balancer):  # O5 in part
    clients = plan.clients(200, 200)
    before = balancer.who(clients)
    for number in lab.wait_in_sync():
        node = lab.nodes[number]
        rules, starts = (node.ovs.groups(), forwarding_flows(node)), node.service("ovs-vswitchd")["starts"]
        node.kill("ovs-vswitchd")
        wait_until(lambda: node.service("ovs-vswitchd")["starts"] > starts, 5, "a new vswitchd")
        wait_until(lambda: (node.ovs.groups(), forwarding_flows(node)) == rules, 10, f"the rules of {node.name}")
        lab.wait_in_sync()
        assert balancer.who(clients) == before


def test_keepalived_killed_on_the_active_node_moves_ownership_once(lab, balancer):  # H5
    active, standby = lab.wait_in_sync()
    node = lab.nodes[active]
    with traffic.connections(lab.gateway(), plan.clients(50, 50)) as talk:
        node.kill("keepalived", tree=True)
        lab.wait_owner(standby)
        assert_all_go_on(talk.stop())
    assert lab.wait_in_sync() == (standby, active)
    # The address that the dead keepalived left is gone from its node: one holder.
    holders = [number for number, one in lab.nodes.items()
               if plan.MANAGEMENT_VIP in one.exec(["ip", "-o", "addr", "show", "eth0"]).stdout]
    assert holders == [standby]


def test_both_nodes_choose_alike_without_any_takeover(lab, balancer):  # A4, H11
    """Packets handed to the standby are forwarded to the same amphorae: it is programmed at all times."""
    active, standby = lab.wait_in_sync()
    clients = plan.clients(1000, 1000)
    before = balancer.who(clients)
    gateway = lab.gateway()
    other = plan.front_mac(1, standby)
    gateway.ip(f"neigh replace {plan.VIP4} lladdr {other} nud permanent dev eth0",
               f"neigh replace {plan.VIP6} lladdr {other} nud permanent dev eth0")
    try:
        assert balancer.who(clients) == before
    finally:
        gateway.ip(f"neigh del {plan.VIP4} dev eth0", f"neigh del {plan.VIP6} dev eth0")
    assert lab.wait_in_sync() == (active, standby)


def test_the_pair_rebuilt_from_octavias_records_maps_every_client_as_before(lab):  # H1
    clients = plan.clients(1000, 1000)
    lab.wait_in_sync()
    with Balancer(lab) as old:
        before, seed, positions = old.who(clients), old.status()["hash_seed"], old.positions()
        old.api.close()
        for node in lab.nodes.values():
            node.power_off()
            node.wipe()
        for node in lab.nodes.values():
            node.power_on()
        lab.wait_in_sync()
        assert lab.api().get("/1.0/loadbalancer").expect().body["total"] == 0
        old.api.plug(old.id, **lab.plug_fields(hash_seed=seed)).expect()
        old.api.register(old.id, [{"mac_address": mac, "position": position} for position, mac in positions.items()]).expect()
        wait_programmed(lab)
        assert old.who(clients) == before


def test_without_a_peer_that_ever_was_nobody_leads(lab):  # DESIGN: first boot
    """An empty node alone waits for its peer, and says so; nothing is half done."""
    lab.wait_in_sync()
    for node in lab.nodes.values():
        node.power_off()
        node.wipe()
    lab.nodes[1].power_on()
    wait_until(lambda: lab.pair_of(1)["why_not"], 15, "the lone node to say why it waits")
    refused = lab.api(1).plug("6e2bc8a0-2548-4fb7-a5f0-fb1ef4a696ce", **lab.plug_fields())
    assert refused.status == 503, refused
    stale = lambda number: lab.api(number).get("/1.0/loadbalancer").expect().body["stale"]  # noqa: E731
    assert "never in sync" in stale(1)
    lab.nodes[2].power_on()
    lab.wait_in_sync()
    wait_until(lambda: stale(1) is None and stale(2) is None, 5, "both nodes to answer for what holds")


def test_wait_in_sync_says_what_is_missing(lab):
    """The lab's own oracle must be able to fail."""
    _, standby = lab.wait_in_sync()
    lab.nodes[standby].stop("distributord")
    with pytest.raises(LabError):
        lab.wait_in_sync(timeout_s=1)
    lab.nodes[standby].supervise("distributord")
    lab.wait_in_sync()
