"""Heartbeats, certificate rotation, the schema and the program."""

import datetime
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa
from cryptography import x509
from octavia.amphorae.backends.health_daemon import status_message
from model import amphorae, balancer
from octavia.db import api as db_apis
from octavia.db import base_models
from octavia.db import models as octavia_models
from octavia_distributor import balancers, command, exceptions, health, housekeeping
from octavia_distributor.db import distributors, load_balancers, migration, models
from octavia_distributor.db.session import now, transaction
from oslo_config import cfg
from test_recovery import certificate_authority

KEY = "insecure-heartbeat-key"


@pytest.fixture
def receiver(database, conf):
    conf.config(group="distributor", bind_ip="127.0.0.1", bind_port=0, heartbeat_key=KEY)
    made = health.DistributorStatusGetter()
    yield made
    made.sock.close()


def send(receiver, message, key=KEY):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(status_message.wrap_envelope(message, key), receiver.sock.getsockname())


def beat(distributor_id, node_id, **more):
    return {"id": distributor_id, "node_id": node_id, "seq": 7, "ver": 3, "listeners": {}, "pools": {}, **more}


def test_heartbeats_of_both_nodes_are_noted(receiver, distributor_id):  # L2
    for node_id, role in (("node-1", "MASTER"), ("node-2", "BACKUP")):
        send(receiver, beat(distributor_id, node_id, role=role))
        assert receiver.check()
    nodes = distributors.get(distributor_id).nodes
    assert [(node.role, node.heartbeat_seq) for node in nodes] == [("MASTER", 7), ("BACKUP", 7)]
    assert now() - distributors.health(distributor_id).last_update < datetime.timedelta(seconds=10)


@pytest.mark.parametrize("message,key", [
    ({"id": "other", "node_id": "node-1"}, KEY), ({"id": "D", "node_id": "node-9"}, KEY), ({"id": "D"}, KEY),
    ({"id": 5, "node_id": []}, KEY), ({"id": "D", "node_id": "node-1"}, "another key")])
def test_heartbeats_that_are_not_ours_change_nothing(receiver, distributor_id, message, key):
    send(receiver, {**beat("", ""), **{name: distributor_id if value == "D" else value for name, value in message.items()}}
         if "node_id" in message else {"id": distributor_id}, key)
    assert not receiver.check()
    assert distributors.health(distributor_id) is None


def test_noise_is_passed_over(receiver, distributor_id):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for noise in (b"", b"x" * 64, b"\0" * 2000):
            sender.sendto(noise, receiver.sock.getsockname())
    for _ in range(3):
        assert not receiver.check()


def test_silence_is_found(database, distributor_id):
    distributors.beat(distributor_id, "node-1", 1, None, now() - datetime.timedelta(seconds=61))
    distributors.beat(distributor_id, "node-2", 1, None, now())
    assert distributors.silent_nodes(60) == [(distributor_id, "node-1")]


def test_certificates_are_rotated_before_they_end(database, conf, pair, distributor_id, tmp_path):  # P2
    certificate_authority(conf, tmp_path)
    rotation = housekeeping.CertificateRotation()
    assert rotation.rotate() == 1  # its end was not known
    (pem,) = pair.certificates
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [distributor_id] and b"RSA PRIVATE KEY" in pem
    assert distributors.get(distributor_id).cert_expiration == certificate.not_valid_after
    assert rotation.rotate() == 0
    distributors.update(distributor_id, cert_expiration=now() + datetime.timedelta(days=13))
    assert rotation.rotate() == 1 and len(pair.certificates) == 2


def test_a_refused_certificate_is_tried_again(database, conf, pair, distributor_id, tmp_path):
    certificate_authority(conf, tmp_path)
    pair.answers = [(400, "invalid_certificate")]
    rotation = housekeeping.CertificateRotation()
    assert rotation.rotate() == 0
    assert distributors.get(distributor_id).cert_busy_since is None and distributors.get(distributor_id).cert_expiration is None
    assert rotation.rotate() == 1


def test_a_rotation_that_another_process_began_is_left_to_it_until_it_is_old(database, distributor_id):
    assert distributors.take_expiring(0, 60) == distributor_id
    assert distributors.take_expiring(0, 60) is None
    distributors.update(distributor_id, cert_busy_since=now() - datetime.timedelta(seconds=61))
    assert distributors.take_expiring(0, 60) == distributor_id


def test_services_stop_when_told(database, conf):
    conf.config(group="distributor", bind_port=0, heartbeat_key=KEY, heartbeat_timeout=1, health_check_interval=1)
    for service in (health, housekeeping):
        stopping = threading.Event()
        thread = threading.Thread(target=service.serve, args=(stopping,))
        thread.start()
        stopping.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


def columns(name):
    return {column["name"]: column for column in sa.inspect(db_apis.get_engine()).get_columns(name)}


def test_the_schema_is_the_specifications_and_goes_up_and_down(conf):  # L1
    assert migration.current() is None
    migration.upgrade()
    assert migration.current() == "d1570001"
    assert {"id", "compute_id", "lb_network_ip", "status", "vip_port_ids"} <= set(columns("distributor"))
    health_columns, registration = columns("distributor_health"), columns("amphora_registration")
    assert {"distributor_id", "last_update", "busy"} <= set(health_columns)
    assert not any(health_columns[name]["nullable"] for name in ("distributor_id", "last_update", "busy"))
    assert {"lb_id", "distributor_id", "amphora_id", "position"} <= set(registration)
    assert registration["position"]["nullable"] and not registration["amphora_id"]["nullable"]
    assert {"lb_id", "distributor_id", "hash_seed"} <= set(columns("distributor_load_balancer"))
    for model in models.MODELS:
        table = model.__table__
        found = columns(table.name)
        assert set(found) == {column.name for column in table.columns}
        for column in table.columns:
            assert found[column.name]["nullable"] == column.nullable, (table.name, column.name)
    migration.upgrade()  # again: nothing
    migration.downgrade()
    tables = set(sa.inspect(db_apis.get_engine()).get_table_names())
    assert tables == {migration.VERSION_TABLE}
    migration.upgrade()
    assert load_balancers.find("nobody") is None


def test_the_schema_leaves_octavias_versions_alone(conf):
    with db_apis.get_engine().begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0995c26fc506')"))
    migration.upgrade()
    with db_apis.get_engine().connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "0995c26fc506"


def program(conf, tmp_path, capsys, *arguments):
    """The program with a fresh configuration, as a shell would run it."""
    text = tmp_path / "octavia.conf"
    text.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/octavia.db\n")
    cfg.CONF.reset()
    try:
        code = command.main(["--config-file", str(text), *arguments])
    finally:
        cfg.CONF.reset()
        for option in list(cfg.CONF._cli_opts):
            if option["opt"].name == "command":
                cfg.CONF.unregister_opt(option["opt"])
    return code, capsys.readouterr()


def test_the_program_keeps_pairs(conf, tmp_path, capsys):
    code, said = program(conf, tmp_path, capsys, "db", "upgrade")
    assert code == 0 and "d1570001" in said.out
    code, said = program(conf, tmp_path, capsys, "pair", "add", "--address", "198.51.100.10", "--id", "the-pair",
                         "--node", "node-1=198.51.100.1", "--node", "node-2=198.51.100.2,compute-2")
    assert code == 0 and said.out.splitlines()[-1] == "the-pair"
    code, said = program(conf, tmp_path, capsys, "pair", "list")
    assert '"compute_id": "compute-2"' in said.out
    code, said = program(conf, tmp_path, capsys, "pair", "add", "--address", "198.51.100.10", "--node", "node-1")
    assert code == 2 and "NODE_ID=ADDRESS" in said.err
    code, said = program(conf, tmp_path, capsys, "pair", "remove", "--id", "the-pair")
    assert code == 0 and distributors.every() == []


@pytest.fixture
def octavias_tables(database):
    """Octavia's own schema, from its models; ours are there already."""
    base_models.BASE.metadata.create_all(db_apis.get_engine(), checkfirst=True)
    with transaction() as session:
        session.add_all([octavia_models.ProvisioningStatus(name=name) for name in ("ACTIVE", "ALLOCATED", "DELETED")])
        session.add(octavia_models.OperatingStatus(name="ONLINE"))


@pytest.fixture
def allocated(octavias_tables, pair, neutron, nova, distributor_id):
    """A load balancer of Octavia's whose amphorae are there, but for one that was deleted."""
    lb = balancer()
    four = amphorae(neutron, lb, 4)
    with transaction() as session:
        session.add(octavia_models.LoadBalancer(id=lb.id, project_id="project-1", provisioning_status="ACTIVE",
                                                operating_status="ONLINE", enabled=True))
        session.add(octavia_models.Vip(load_balancer_id=lb.id, ip_address="192.0.2.100", subnet_id="subnet-4",
                                       network_id="network-1", port_id="vip-port"))
        for number, one in enumerate(four):
            session.add(octavia_models.Amphora(id=one.id, load_balancer_id=lb.id, vrrp_port_id=one.vrrp_port_id,
                                               status="ALLOCATED" if number < 3 else "DELETED", cert_busy=False))
    return lb


def test_a_load_balancer_of_octavia_by_hand(allocated, pair, distributor_id):  # L7
    lb = allocated
    assert balancers.place(lb.id) == distributor_id == balancers.place(lb.id)
    assert sorted(row.position for row in load_balancers.registrations(lb.id)) == [0, 1, 2]
    failed = load_balancers.registrations(lb.id)[1].amphora_id
    balancers.replace(lb.id, failed)
    assert failed not in balancers.describe(lb.id) and '"position": 2' in balancers.describe(lb.id)
    balancers.remove(lb.id)
    assert lb.id not in pair.balancers and load_balancers.find(lb.id) is None
    with pytest.raises(exceptions.DistributorException, match="lb place"):
        balancers.remove(lb.id)
    with pytest.raises(exceptions.DistributorException, match="knows no load balancer"):
        balancers.place("nobody")


def test_a_load_balancer_by_the_program(allocated, pair, conf, tmp_path, capsys, distributor_id):
    lb = allocated
    assert program(conf, tmp_path, capsys, "lb", "place", "--id", lb.id)[0] == 0
    code, said = program(conf, tmp_path, capsys, "lb", "show", "--id", lb.id)
    assert code == 0 and distributor_id in said.out
    failed = load_balancers.registrations(lb.id)[1].amphora_id
    code, said = program(conf, tmp_path, capsys, "lb", "replace", "--id", lb.id, "--amphora", failed)
    assert code == 0 and failed not in said.out
    pair.balancers.clear()  # both disks were lost
    code, said = program(conf, tmp_path, capsys, "pair", "restore", "--id", distributor_id)
    assert code == 0 and said.out.splitlines()[-1] == "1 load balancers" and lb.id in pair.balancers
    assert program(conf, tmp_path, capsys, "lb", "remove", "--id", lb.id)[0] == 0
    assert lb.id not in pair.balancers


def listens_to_sigterm(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        caught = next((line for line in status if line.startswith("SigCgt:")), "SigCgt: 0")
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def test_services_and_schema_as_programs_of_their_own(tmp_path):
    text = tmp_path / "octavia.conf"
    text.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/own.db\n"
                    f"[distributor]\nbind_ip = 127.0.0.1\nbind_port = 0\nheartbeat_key = {KEY}\n")

    def start(*arguments):
        words = [sys.executable, "-W", "ignore", "-m", "octavia_distributor.command", "--config-file", str(text), *arguments]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "d1570001" in start("db", "upgrade").communicate()[0]
    for service in (start("health-manager"), start("housekeeping")):
        deadline = time.monotonic() + 30
        while not listens_to_sigterm(service) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        assert service.poll() is None, service.communicate()
        service.terminate()
        assert service.wait(30) == 0, service.communicate()
    assert "revision none" in start("db", "downgrade").communicate()[0]


def test_every_option_is_printed_with_its_meaning():
    words = ["oslo-config-generator", "--namespace", "octavia.distributor"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "[distributor]" in said and "#cluster_size = " in said and "#vips_per_distributor_max = " in said
