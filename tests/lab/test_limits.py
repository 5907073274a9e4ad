"""Bounds by configuration: 409 above them, unequal ones reported, and never a hindrance to what is in the log (L6)."""

import uuid

import pytest

from lab.lab import Lab
from lab.system import in_parallel, wait_until

LIMITS = {1: '[limits]\nload_balancers_max = 1\nslots_max = 2\n', 2: '[limits]\nmode = "dedicated"\nslots_max = 2\n'}


@pytest.fixture(scope="module")
def lab(programs):
    with Lab(programs, amphorae=3, tenants=2, second_tenant_amphorae=1) as lab:
        lab.build()
        for number, node in lab.nodes.items():
            with open(node.config, "a", encoding="ascii") as file:
                file.write("\n" + LIMITS[number])
        in_parallel(*(node.power_on for node in lab.nodes.values()))
        lab.wait_in_sync()
        for node in lab.nodes.values():
            node.plug_cable(2)
        yield lab


def refused(answer, field):
    body = answer.expect(409).body
    assert body["error"] == "limit_reached" and field in body["details"], body
    return body


def test_above_the_bounds_is_refused_and_changes_nothing(lab):
    api = lab.api()
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    api.plug(first, **lab.plug_fields(1)).expect()
    amphorae = [{"mac_address": lab.mac(i), "position": i} for i in range(3)]
    refused(api.register(first, amphorae), "amphorae")
    assert api.status(first).expect().body["amphorae"] == []
    assert api.register(first, amphorae[:2]).expect().body["durability"] == "pair"
    refused(api.plug(first, **lab.plug_fields(1, cluster_size=3)), "cluster_size")
    refused(api.plug(second, **lab.plug_fields(2)), "lb_id")
    api.status(second).expect(404)
    api.plug(first, **lab.plug_fields(1)).expect()  # what stands may be plugged again
    api.unplug(first).expect()
    api.plug(second, **lab.plug_fields(2)).expect()
    api.unplug(second).expect()


def test_unequal_bounds_are_reported(lab):
    def reports(number):
        limits = lab.api(number).get("/1.0/info").expect().body["limits"]
        return limits if limits["unequal"] else None
    for number, mode in ((1, "shared"), (2, "dedicated")):
        limits = wait_until(lambda number=number: reports(number), 10, f"node {number} to report the difference")
        assert (limits["mode"], limits["load_balancers_max"], limits["slots_max"]) == (mode, 1, 2)
        with open(lab.nodes[number].log_path("distributord"), encoding="utf-8") as file:
            assert "give both the same [limits]" in file.read()
