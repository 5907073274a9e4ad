"""Not ready means not owner, if and only if the peer is better off; no flapping (H6)."""

import signal

import pytest

from lab import plan, traffic
from lab.system import wait_until
from support import Balancer, gate_flows, metric, wait_programmed


@pytest.fixture
def balancer(lab):
    lab.wait_in_sync()
    with Balancer(lab) as one:
        wait_programmed(lab)
        yield one


def gate_is_open(node):
    (flow,) = gate_flows(node)
    return "resubmit" in flow


def test_a_lost_front_end_link_moves_ownership_to_a_peer_that_has_it(lab, balancer):  # H6
    active, standby = lab.wait_in_sync()
    clients = plan.clients(50, 50)
    before = balancer.who(clients)
    node = lab.nodes[active]
    changes = metric(node, "ownership_changes_total")
    node.carrier("frontend", False)
    lab.wait_owner(standby)
    assert balancer.who(clients) == before
    wait_until(lambda: not lab.pair_of(active)["self"]["ready"], 5, "the node without link not to be ready")
    # The peer loses its link too: nobody is better off, nothing moves.
    lab.nodes[standby].carrier("frontend", False)
    wait_until(lambda: lab.pair_of(standby)["self"]["vip_links_up"] == 0 and lab.pair_of(active)["self"]["ready"], 10, "both to be equally badly off")
    assert lab.pair_of(standby)["self"]["role"] == "MASTER"
    for one in lab.nodes.values():
        one.carrier("frontend", True)
    assert lab.wait_in_sync() == (standby, active)
    assert metric(node, "ownership_changes_total") == changes + 1
    assert metric(node, "readiness_losses_total") >= 1


def test_an_owner_without_open_vswitch_gives_way_and_a_standby_without_it_does_not_take(lab, balancer):  # H6
    active, standby = lab.wait_in_sync()
    clients = plan.clients(50, 50)
    before = balancer.who(clients)
    node = lab.nodes[active]
    node.kill("ovs-vswitchd", restart=False)
    lab.wait_owner(standby)
    assert balancer.who(clients) == before
    # Now the owner is told to hand over to it: refused.
    refused = lab.nodes[standby].ctl("switchover", check=False)
    assert refused.returncode == 1 and node.name in refused.stderr, refused
    node.supervise("ovs-vswitchd")
    assert lab.wait_in_sync() == (standby, active)
    assert balancer.who(clients) == before


def test_alone_a_node_serves_with_whatever_it_has(lab, balancer):  # H6
    active, standby = lab.wait_in_sync()
    clients = plan.clients(50, 50)
    before = balancer.who(clients)
    lab.nodes[active].power_off()
    lab.wait_owner(standby)
    node = lab.nodes[standby]
    node.kill("distributord", signal.SIGSTOP)  # nobody better is there: it goes on answering
    with traffic.stream(lab.gateway(), clients, interval_ms=50) as stream:
        wait_until(lambda: all(row["answered"] > 100 for row in stream.report()), 30, "six seconds of answers")
        assert gate_is_open(node)
        assert sum(row["lost"] for row in stream.stop()) == 0
    assert balancer.who(clients) == before
    node.kill("distributord", signal.SIGCONT)
    lab.nodes[active].power_on()
    lab.wait_in_sync()
