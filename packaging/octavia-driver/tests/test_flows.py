"""The subflows on Octavia's task engine: what reaches the pair, what is recorded, and what a failure leaves behind."""

import pytest
from model import amphorae, balancer
from octavia.amphorae.driver_exceptions import exceptions as driver_exceptions
from octavia.db import base_models
from octavia_distributor import exceptions, flows
from octavia_distributor.db import distributors, load_balancers, models
from octavia_distributor.db.session import transaction
from octavia_distributor.driver import DistributorPairDriver
from stevedore import driver as stevedore_driver
from taskflow import engines

VIP = {"vip_alg": None, "vip_persistence": None}


@pytest.fixture
def plugged(run, pair, neutron, nova, distributor_id):
    lb = balancer(second_vip=True)
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    return lb


def positions(lb):
    return {row.amphora_id: row.position for row in load_balancers.registrations(lb.id)}


def on_pair(pair, lb):
    listing = pair.listing(lb.id)
    return {one["amphora_id"]: one["position"] for one in [*listing["amphorae"], *listing["spares"]]}


def test_octavia_loads_the_driver_by_its_name():  # L3
    loaded = stevedore_driver.DriverManager("octavia.distributor.drivers", "distributor_pair", invoke_on_load=True).driver
    assert type(loaded).__name__ == DistributorPairDriver.__name__


@pytest.mark.parametrize("name,requires,provides", [
    ("create_distributor", {"load_balancer"}, {"distributor_id"}), ("delete_distributor", {"distributor_id"}, set()),
    ("add_vip", {"distributor_id", "vip", "vip_alg", "vip_persistence"}, set()),
    ("remove_vip", {"distributor_id", "vip"}, set()), ("register_amphorae", {"distributor_id", "amphorae"}, set()),
    ("drain_amphorae", {"distributor_id", "amphorae"}, set()), ("unregister_amphorae", {"distributor_id", "amphorae"}, set())])
def test_subflows_require_and_provide_what_the_base_class_says(conf, name, requires, provides):  # L3
    flow = getattr(DistributorPairDriver(), f"get_{name}_subflow")()
    assert flow.requires == requires and flow.provides >= provides


def test_add_vip_plugs_and_records(plugged, pair, neutron, nova, distributor_id):  # P3, L1
    request = pair.balancers[plugged.id]["plug"]
    assert request["vip_address"] == "192.0.2.100" and request["subnet_cidr"] == "192.0.2.0/24"
    assert request["gateway"] == "192.0.2.1" and request["mtu"] == 1450 and request["cluster_size"] == 3
    assert request["host_routes"] == [{"destination": "203.0.113.0/24", "nexthop": "192.0.2.9"}]
    assert request["alg_extras"] == {"algorithm": "hash", "affinity": "Source_IP"}
    assert request["additional_vips"] == [{"vip_address": "2001:db8:1::100", "subnet_cidr": "2001:db8:1::/64",
                                           "gateway": "2001:db8:1::1"}]
    assert [one["node_id"] for one in request["nodes"]] == ["node-1", "node-2"]
    row = load_balancers.get(distributor_id, plugged.id)
    assert row.hash_seed == pair.balancers[plugged.id]["seed"]
    ports = load_balancers.ports(plugged.id)
    assert distributors.get(distributor_id).vip_port_ids == [port["port_id"] for port in ports]
    assert sorted(nova.attached) == [(f"compute-{n + 1}", ports[n]["port_id"]) for n in range(2)]
    assert all(body == {"security_groups": [], "port_security_enabled": False} for _, body in neutron.updates)


def test_address_pairs_instead_of_port_security(run, pair, neutron, nova, conf, distributor_id):
    conf.config(group="distributor", port_security="address_pairs")
    run(flows.add_vip(), distributor_id=distributor_id, vip=balancer().vip, **VIP)
    assert not neutron.updates and all(port.secondary_ips == ("0.0.0.0/0", "::/0") for port in neutron.ports.values())


@pytest.mark.parametrize("persistence,affinity", [(None, "Source_IP"), ("SOURCE_IP", "Source_IP"),
                                                  ("Source_IP_AND_port", "Source_IP_AND_port")])
def test_affinity(run, pair, neutron, nova, distributor_id, persistence, affinity):  # P8
    lb = balancer()
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, vip_alg="hash", vip_persistence=persistence)
    assert pair.balancers[lb.id]["plug"]["alg_extras"]["affinity"] == affinity


@pytest.mark.parametrize("algorithm,persistence", [("ROUND_ROBIN", None), ("hash", "HTTP_COOKIE")])
def test_another_algorithm_is_refused_and_nothing_stays(run, pair, neutron, nova, distributor_id, algorithm, persistence):
    lb = balancer()
    with pytest.raises(exceptions.AffinityNotSupported):
        run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, vip_alg=algorithm, vip_persistence=persistence)
    assert not neutron.ports and not nova.attached and lb.id not in pair.balancers


def test_a_failed_add_vip_leaves_nothing_behind(run, pair, neutron, nova, distributor_id):
    pair.answers = [(400, "invalid_field")]
    lb = balancer()
    with pytest.raises(exceptions.RequestRefused):
        run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    assert not neutron.ports and not nova.attached and lb.id not in pair.balancers
    assert distributors.get(distributor_id).vip_port_ids == []


def test_a_failed_second_add_vip_leaves_the_first_alone(run, plugged, pair, neutron, nova, distributor_id):
    pair.answers = [(400, "invalid_field")]
    with pytest.raises(exceptions.RequestRefused):
        run(flows.add_vip(), distributor_id=distributor_id, vip=plugged.vip, **VIP)
    assert plugged.id in pair.balancers and len(nova.attached) >= 2 and len(load_balancers.ports(plugged.id)) == 2


def test_503_between_a_takeover_and_readiness_is_waited_out(run, pair, neutron, nova, distributor_id):
    pair.answers = [(503, "not_active"), (503, "not_active")]
    lb = balancer()
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    assert lb.id in pair.balancers and pair.calls == [f"POST loadbalancer/{lb.id}/plug"] * 3


def test_503_for_ever_ends(run, pair, neutron, nova, distributor_id):
    pair.answers = [(503, "peer_absent")] * 3
    with pytest.raises(exceptions.RequestRefused, match="peer_absent"):
        run(flows.add_vip(), distributor_id=distributor_id, vip=balancer().vip, **VIP)


def test_register_gives_n_positions_and_the_rest_are_spares(run, plugged, pair, neutron, distributor_id):  # H2, L7
    four = amphorae(neutron, plugged, 4)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=four)
    assert positions(plugged) == {four[0].id: 0, four[1].id: 1, four[2].id: 2, four[3].id: None} == on_pair(pair, plugged)


def test_register_again_changes_nothing(run, plugged, pair, neutron, distributor_id):
    four = amphorae(neutron, plugged, 4)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=four)
    before = positions(plugged)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=tuple(reversed(four)))
    assert positions(plugged) == before == on_pair(pair, plugged)


def test_a_lost_answer_does_not_register_twice(run, plugged, pair, neutron, distributor_id):
    four = amphorae(neutron, plugged, 4)
    pair.lose_answers = 1
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=four)
    assert positions(plugged) == on_pair(pair, plugged) and len(on_pair(pair, plugged)) == 4


def test_register_is_reverted_with_the_flow_around_it(run, plugged, pair, neutron, distributor_id):
    first, *rest = amphorae(neutron, plugged, 3)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=(first,))
    flow = flows.register_amphorae().add(flows.drain_amphorae())
    with pytest.raises(exceptions.DrainNotSupported, match="not supported yet"):
        run(flow, distributor_id=distributor_id, amphorae=(first, *rest))
    assert positions(plugged) == {first.id: 0} == on_pair(pair, plugged)


def test_register_reverts_what_a_lost_answer_left(run, plugged, pair, neutron, distributor_id):
    two = amphorae(neutron, plugged, 2)
    pair.lose_answers = 3  # as often as the client tries
    with pytest.raises(driver_exceptions.TimeOutException):
        run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=two)
    assert positions(plugged) == {} == on_pair(pair, plugged)


def test_register_before_add_vip_is_refused(run, pair, neutron, distributor_id):
    lb = balancer()
    with pytest.raises(exceptions.NotPlugged):
        run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=amphorae(neutron, lb, 1))


def test_amphora_without_port_is_named(run, plugged, neutron, distributor_id):
    (amphora,) = amphorae(neutron, plugged, 1)
    amphora.vrrp_port_id = None
    with pytest.raises(exceptions.AmphoraWithoutPort, match=amphora.id):
        run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=(amphora,))


def test_unregister_and_its_revert(run, plugged, pair, neutron, distributor_id):  # P7
    three = amphorae(neutron, plugged, 3)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=three)
    before = positions(plugged)
    with pytest.raises(exceptions.DrainNotSupported):
        run(flows.unregister_amphorae().add(flows.drain_amphorae()), distributor_id=distributor_id, amphorae=three[1:2])
    assert positions(plugged) == before == on_pair(pair, plugged)
    neutron.delete_port(three[1].vrrp_port_id)  # it is gone already: the recorded MAC serves
    run(flows.unregister_amphorae(), distributor_id=distributor_id, amphorae=three[1:2])
    assert positions(plugged) == {three[0].id: 0, three[2].id: 2} == on_pair(pair, plugged)


def test_remove_vip_takes_everything_away(run, plugged, pair, neutron, nova, distributor_id):  # P5
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=amphorae(neutron, plugged, 2))
    run(flows.remove_vip(), distributor_id=distributor_id, vip=plugged.vip)
    assert plugged.id not in pair.balancers and not nova.attached
    assert load_balancers.find(plugged.id) is None and load_balancers.registrations(plugged.id) == []
    assert distributors.get(distributor_id).vip_port_ids == []


def test_remove_vip_that_fails_late_brings_it_back(run, plugged, pair, neutron, nova, distributor_id, monkeypatch):  # H1
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=amphorae(neutron, plugged, 4))
    seed, before = pair.balancers[plugged.id]["seed"], on_pair(pair, plugged)
    monkeypatch.setattr(nova, "detach_port", lambda *_: (_ for _ in ()).throw(RuntimeError("nova is down")))
    with pytest.raises(RuntimeError):
        run(flows.remove_vip(), distributor_id=distributor_id, vip=plugged.vip)
    assert on_pair(pair, plugged) == before and pair.balancers[plugged.id]["seed"] == seed


def test_flows_carry_what_a_job_board_can_store(run, pair, neutron, nova, distributor_id):
    """Dictionaries in place of data models, as Octavia's v2 flows hand them on."""
    lb = balancer()
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip.to_dict(), **VIP)
    two = tuple({"id": one.id, "load_balancer_id": lb.id, "vrrp_port_id": one.vrrp_port_id}
                for one in amphorae(neutron, lb, 2))
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=two)
    assert positions(lb) == {two[0]["id"]: 0, two[1]["id"]: 1}


def test_models_are_in_octavias_metadata_and_match_the_migration(database):
    with transaction() as session:
        for model in models.MODELS:
            assert model.__tablename__ in base_models.BASE.metadata.tables
            session.query(model).all()  # every column of the model is in the migrated table


def test_the_engine_is_octavias(run, plugged):
    assert engines.load(flows.drain_amphorae(), store={"distributor_id": "", "amphorae": ()}) is not None
