"""One node without a peer: no keepalived, no sync link, the same service (H9)."""

import pytest

from lab import plan, traffic
from lab.system import wait_until
from support import Balancer


@pytest.fixture(scope="module")
def lab_settings():
    return {"standalone": True}


def test_a_node_without_a_peer_serves(lab):  # H9
    with Balancer(lab) as balancer:
        assert balancer.registered["durability"] == "local"
        pair = lab.api().pair().expect().body
        assert pair["standalone"] is True and pair["peer"] is None
        clients = plan.clients(500, 500)
        before = balancer.who(clients)
        assert set(before.values()) == {f"t1a{i}" for i in range(1, 5)}
        node = lab.nodes[1]
        node.power_off()
        node.power_on()
        wait_until(lambda: lab.api(timeout_s=2).pair().ok, 20, "the node after a power cycle")
        wait_until(lambda: traffic.who(lab.gateway(), clients[:1], deadline_s=1), 20, "traffic after a power cycle")
        assert balancer.who(clients) == before  # A4
        assert balancer.positions() == {i: lab.mac(i) for i in range(4)}
