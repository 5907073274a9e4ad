"""Failed amphorae, lost nodes and pairs, full pairs, and pairs of VMs that the driver starts itself (L7)."""

import configparser
import datetime

import pytest
from model import amphorae, balancer
from octavia.common import base_taskflow
from octavia_distributor import config, exceptions, flows, health, node_files
from octavia_distributor.db import distributors, load_balancers, models
from octavia_distributor.db.session import now, transaction
from taskflow import exceptions as taskflow_exceptions
import tomllib

VIP = {"vip_alg": None, "vip_persistence": None}


def positions(lb):
    return {row.amphora_id: row.position for row in load_balancers.registrations(lb.id)}


def second_pair():
    return distributors.add("198.51.100.20", [{"node_id": f"node-{n}", "lb_network_ip": f"198.51.100.2{n}"} for n in (1, 2)])


@pytest.fixture
def cluster(run, pair, neutron, nova, distributor_id):
    """(load balancer, its amphorae): three active, one spare."""
    lb = balancer()
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    four = amphorae(neutron, lb, 4)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=four)
    return lb, four


def test_the_spare_replaces_a_failed_amphora_and_its_successor_is_the_spare(run, cluster, pair, neutron, distributor_id):
    lb, (a, b, c, spare) = cluster
    neutron.delete_port(b.vrrp_port_id)
    run(flows.replace_amphora(), distributor_id=distributor_id, failed_amphora=b)
    assert positions(lb) == {a.id: 0, spare.id: 1, c.id: 2}
    run(flows.replace_amphora(), distributor_id=distributor_id, failed_amphora=b)  # again: nothing
    assert positions(lb) == {a.id: 0, spare.id: 1, c.id: 2}
    (successor,) = amphorae(neutron, lb, 1)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=(successor,))
    assert positions(lb) == {a.id: 0, spare.id: 1, c.id: 2, successor.id: None}


def test_a_failed_spare_is_only_taken_out(run, cluster, distributor_id):
    lb, (a, b, c, spare) = cluster
    run(flows.replace_amphora(), distributor_id=distributor_id, failed_amphora=spare)
    assert positions(lb) == {a.id: 0, b.id: 1, c.id: 2}


def test_without_a_spare_the_successor_gets_the_vacant_position(run, cluster, neutron, distributor_id):
    lb, (a, b, c, spare) = cluster
    for failed in (spare, b):
        run(flows.replace_amphora(), distributor_id=distributor_id, failed_amphora=failed)
    assert positions(lb) == {a.id: 0, c.id: 2}
    (successor,) = amphorae(neutron, lb, 1)
    run(flows.register_amphorae(), distributor_id=distributor_id, amphorae=(successor,))
    assert positions(lb) == {a.id: 0, successor.id: 1, c.id: 2}


def test_a_rebuilt_pair_gets_everything_back(run, cluster, pair, distributor_id):  # H1
    lb, _ = cluster
    before = pair.listing(lb.id)
    plug = pair.balancers[lb.id]["plug"]
    pair.balancers.clear()
    assert run(flows.restore_distributor(), distributor_id=distributor_id)["distributor_restored"] == 1
    assert pair.listing(lb.id) == before and pair.balancers[lb.id]["plug"] == plug


def test_the_health_manager_notices_a_pair_that_lost_its_load_balancers(cluster, pair, distributor_id):
    lb, _ = cluster
    distributors.beat(distributor_id, "node-1", 1, "MASTER", now())
    manager = health.DistributorHealthManager()
    manager.client.session.mount("https://", pair)
    assert manager.restore_if_lost(distributor_id) is False
    pair.balancers.clear()
    pair.stale = "it was deposed"
    assert manager.restore_if_lost(distributor_id) is False and not pair.balancers, "nothing is judged by what may be old"
    pair.stale = None
    manager.check()
    assert lb.id in pair.balancers and not distributors.health(distributor_id).busy


# -- placement -----------------------------------------------------------------------------------------------------------


def choose(run, lb):
    return run(flows.create_distributor(), load_balancer=lb)["distributor_id"]


def test_a_further_pair_is_used_above_the_limit(run, conf, distributor_id):  # L7
    conf.config(group="distributor", vips_per_distributor_max=2)
    other = second_pair()
    chosen = [choose(run, balancer()) for _ in range(4)]
    assert sorted(chosen) == sorted([distributor_id] * 2 + [other] * 2) and chosen[0] == chosen[1]
    with pytest.raises(exceptions.NoDistributorAvailable, match="pair add"):
        choose(run, balancer())


def test_a_load_balancer_keeps_its_distributor(run, distributor_id):
    lb = balancer()
    assert choose(run, lb) == choose(run, lb) and distributors.served(distributor_id) == 1


def test_dedicated_and_project_pairs(run, conf, distributor_id):
    conf.config(group="distributor", sharing="dedicated")
    other = second_pair()
    assert {choose(run, balancer()), choose(run, balancer())} == {distributor_id, other}
    conf.config(group="distributor", sharing="project")
    third = distributors.add("198.51.100.30", [{"node_id": "node-1", "lb_network_ip": "198.51.100.31"}])
    assert choose(run, balancer(project="a")) == third == choose(run, balancer(project="a"))
    with pytest.raises(exceptions.NoDistributorAvailable):
        choose(run, balancer(project="b"))


def test_a_pair_that_says_it_is_full_is_passed_over(run, pair, neutron, nova, distributor_id):  # L7: 409 limit_reached
    other = second_pair()
    first, second = balancer(), balancer()
    chosen = run(flows.place_vip(), load_balancer=first, vip=first.vip, **VIP)["distributor_id"]
    pair.limit = 1
    pair.answers = []
    real = pair.handle

    def by_address(request, path):  # one model plays both pairs: the one that was not chosen has room
        pair.limit = 1 if ("198.51.100.20" in request.url) == (chosen == other) else 2
        return real(request, path)
    pair.handle = by_address
    place = run(flows.place_vip(), load_balancer=second, vip=second.vip, **VIP)
    assert place["distributor_id"] != chosen and load_balancers.find(second.id).distributor_id == place["distributor_id"]
    assert distributors.get(chosen).vips_max == 1 and distributors.served(chosen) == 1


def test_full_everywhere_is_an_error_and_leaves_nothing(run, pair, neutron, nova, distributor_id):
    pair.limit = 0
    lb = balancer()
    with pytest.raises((exceptions.NoDistributorAvailable, taskflow_exceptions.WrappedFailure)):
        run(flows.place_vip(), load_balancer=lb, vip=lb.vip, **VIP)
    assert distributors.served(distributor_id) == 0 and not neutron.ports


# -- pairs of VMs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def spawning(conf, tmp_path, pair, neutron, nova, monkeypatch):
    """The driver may start VMs; the pair of the model answers that it is in sync."""
    (tmp_path / "client_ca.pem").write_text("client CA")
    conf.config(group="distributor", image_tag="distributor", heartbeat_key="key&<key>", boot_poll_interval=0.05,
                controller_ip_port_list=["203.0.113.1:5556", "203.0.113.2:5556"], management_network="management",
                boot_timeout=10)
    conf.config(group="controller_worker", client_ca=str(tmp_path / "client_ca.pem"))
    certificate_authority(conf, tmp_path)
    real = pair.handle
    states = [False, True, True, True]
    pair.handle = lambda request, path: {"peer_alive": states.pop(0), "self": {"ready": True}, "peer": {"ready": True}} \
        if path == "pair" else real(request, path)
    return nova


def certificate_authority(conf, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server_ca")])
    at = datetime.datetime.utcnow()
    certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(
        1).not_valid_before(at).not_valid_after(at + datetime.timedelta(days=90)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "ca.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                        serialization.NoEncryption()))
    conf.config(group="certificates", ca_certificate=str(tmp_path / "ca.pem"), ca_private_key=str(tmp_path / "ca.key"),
                cert_validity_time=30 * 24 * 3600)


def test_a_pair_is_started_where_none_has_room(run, spawning, neutron):  # S:377
    lb = balancer()
    distributor_id = choose(run, lb)
    row = distributors.get(distributor_id)
    assert row.status == "ACTIVE" and [node.compute_id in spawning.instances for node in row.nodes] == [True, True]
    assert abs(row.cert_expiration - now() - datetime.timedelta(days=30)) < datetime.timedelta(minutes=1)
    first, second = (one["config_drive_files"] for one in spawning.built)
    agent = configparser.RawConfigParser()
    agent.read_string(first[node_files.AGENT_CONFIG])
    assert agent["amphora_agent"]["amphora_id"] == distributor_id
    assert agent["health_manager"]["controller_ip_port_list"] == "203.0.113.1:5556, 203.0.113.2:5556"
    assert agent["health_manager"]["heartbeat_key"] == "key&<key>"
    one, other = (tomllib.loads(files[node_files.PAIR_CONFIG]) for files in (first, second))
    assert one["pair_id"] == other["pair_id"] == distributor_id and one["node_id"] == "node-1" == other["peer"]["node_id"]
    assert one["peer"]["connect"] == other["peer"]["bind"] and one["keepalived"]["management_vip"] == f"{row.lb_network_ip}/24"
    assert first[node_files.OWN_KEY].startswith(second[node_files.PEER_PUBLIC])
    assert first[node_files.SERVER_PEM] != "" and first[node_files.CLIENT_CA] == "client CA"
    shared = [port for port in neutron.ports.values() if list(port.secondary_ips) == [row.lb_network_ip]]
    assert len(shared) == 2


def test_a_pair_that_does_not_start_leaves_nothing(run, spawning, neutron, pair, conf):
    conf.config(group="distributor", boot_timeout=10)
    pair.handle = lambda request, path: (_ for _ in ()).throw(RuntimeError("broken"))
    lb = balancer()
    with pytest.raises(RuntimeError):
        choose(run, lb)
    assert not spawning.instances and not neutron.ports and distributors.every() == []


def test_a_lost_node_is_rebuilt_with_its_ports_and_keys(run, spawning, neutron, pair, conf):
    lb = balancer()
    distributor_id = choose(run, lb)
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    before = {node.node_id: node.compute_id for node in distributors.get(distributor_id).nodes}
    keys = spawning.built[1]["config_drive_files"][node_files.OWN_KEY]
    late = now() - datetime.timedelta(seconds=1000)
    distributors.beat(distributor_id, "node-2", 1, "BACKUP", late)
    distributors.beat(distributor_id, "node-1", 1, "MASTER", now())
    manager = health.DistributorHealthManager()
    manager.client.session.mount("https://", pair)
    manager.check()
    after = {node.node_id: node.compute_id for node in distributors.get(distributor_id).nodes}
    assert after["node-1"] == before["node-1"] and after["node-2"] != before["node-2"]
    assert set(spawning.instances) == set(after.values())
    built = spawning.built[-1]
    assert built["config_drive_files"][node_files.OWN_KEY] == keys
    assert built["port_ids"][1:] == load_balancers.ports_of_node(distributor_id, "node-2")


def test_the_last_load_balancer_takes_a_started_pair_with_it(run, spawning, neutron):
    lb = balancer()
    distributor_id = choose(run, lb)
    run(flows.delete_distributor(), distributor_id=distributor_id)
    assert spawning.instances  # the load balancer is there still
    run(flows.add_vip(), distributor_id=distributor_id, vip=lb.vip, **VIP)
    run(flows.remove_vip().add(flows.delete_distributor()), distributor_id=distributor_id, vip=lb.vip)
    assert not spawning.instances and not neutron.ports and distributors.every() == []


def test_a_pair_of_somebody_else_stays(run, distributor_id):
    run(flows.delete_distributor(), distributor_id=distributor_id)
    assert [row.id for row in distributors.every()] == [distributor_id]


def test_keys_are_those_of_zeromq():
    """z85 of the vector in ZeroMQ's RFC 32; a key is 40 characters."""
    assert node_files.z85(bytes([0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B])) == "HelloWorld"
    keys = node_files.new_sync_keys()
    assert len(keys["public"]) == len(keys["secret"]) == 40


def test_busy_distributors_are_left_to_who_took_them(database, distributor_id):
    distributors.beat(distributor_id, "node-1", 1, None, now())
    assert distributors.take(distributor_id) and not distributors.take(distributor_id)
    distributors.give_back(distributor_id)
    assert distributors.take(distributor_id)


def test_registrations_hold_a_position_once(database, distributor_id):
    with pytest.raises(Exception, match="(?i)unique|duplicate"):
        with transaction() as session:
            for number in range(2):
                session.add(models.AmphoraRegistration(lb_id="lb", distributor_id=distributor_id, position=0,
                                                       amphora_id=f"amphora-{number}", mac_address="02:00:00:00:00:01"))


def test_options_are_listed_for_the_configuration_generator():
    ((group, options),) = config.list_opts()
    assert group == "distributor" and all(option.help for option in options)
    assert base_taskflow
