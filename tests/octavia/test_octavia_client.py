"""Octavia's own amphora driver and client, unchanged, speaking with the pair as if it were an amphora (P10, P2)."""

import datetime
import time

import pytest
from cryptography import fernet, x509
from lab import plan
from lab.system import wait_until
from octavia.amphorae.backends.agent import agent_jinja_cfg
from octavia.amphorae.driver_exceptions import exceptions as driver_exceptions
from octavia.amphorae.drivers.haproxy import exceptions as exc
from octavia.amphorae.drivers.haproxy import rest_api_driver
from octavia.common import data_models, utils
from octavia.controller.worker.v2.tasks import cert_task
from octavia_distributor import housekeeping
from octavia_distributor.db import distributors
from oslo_utils import uuidutils


@pytest.fixture
def amphora_driver(octavia):
    return rest_api_driver.HaproxyAmphoraLoadBalancerDriver()


def as_amphora(lab, **changes):
    version = changes.pop("api_version", None)
    amphora = data_models.Amphora(**{"id": lab.distributor_id, "lb_network_ip": plan.MANAGEMENT_VIP, **changes})
    amphora.api_version = version
    return amphora


def calling(lab, call, *arguments, **options):
    with lab.fabric.controller.entered():
        return call(*arguments, **options)


def test_version_discovery_and_info(lab, amphora_driver):
    amphora = as_amphora(lab)
    info = calling(lab, amphora_driver.get_info, amphora)
    assert amphora.api_version == "1.0" == info["api_version"] and info["uuid"] == lab.distributor_id
    details = calling(lab, amphora_driver.clients["1.0"].get_details, amphora)
    assert details["uuid"] == lab.distributor_id and details["load"]


@pytest.mark.parametrize("node", [1, 2])
def test_each_node_answers_by_its_own_address_with_the_same_name(lab, amphora_driver, node):
    assert calling(lab, amphora_driver.get_info, as_amphora(lab, lb_network_ip=plan.management_address(node)))["node_id"] == \
        f"node-{node}"


@pytest.mark.parametrize("method,path,body,wanted", [
    ("get", f"loadbalancer/{uuidutils.generate_uuid()}", None, exc.NotFound), ("get", "listeners", None, exc.NotFound),
    ("post", "loadbalancer/not-an-id/plug", {}, exc.InvalidRequest), ("delete", "info", None, exc.InvalidRequest),
    ("post", f"loadbalancer/{uuidutils.generate_uuid()}/plug", {"vip_address": "192.0.2.1"}, exc.InvalidRequest)])
def test_errors_are_octavias_exceptions_at_once(lab, amphora_driver, method, path, body, wanted):
    """Also a 404: what Octavia takes for "not ready yet" would be tried again for minutes."""
    client, amphora = amphora_driver.clients["1.0"], as_amphora(lab, api_version="1.0")
    begun = time.monotonic()
    response = calling(lab, getattr(client, method), amphora, path, **({"json": body} if body is not None else {}))
    with pytest.raises(wanted):
        exc.check_exception(response)
    assert time.monotonic() - begun < 10 and isinstance(response.json()["details"], str)


def test_an_interface_that_is_on_its_way_is_waited_for(lab, octavia, amphora_driver):  # P4
    octavia.conf.config(group="haproxy_amphora", connection_max_retries=3)
    client, amphora = amphora_driver.clients["1.0"], as_amphora(lab, api_version="1.0")
    fields = lab.plug_fields()
    with pytest.raises(driver_exceptions.TimeOutException):  # three attempts, each told to come again
        calling(lab, client.post, amphora, f"loadbalancer/{uuidutils.generate_uuid()}/plug", json=fields)


def test_a_distributor_of_another_name_is_not_believed(lab, octavia, amphora_driver):
    octavia.conf.config(group="haproxy_amphora", connection_max_retries=2)
    with pytest.raises(driver_exceptions.TimeOutException):
        calling(lab, amphora_driver.get_info, as_amphora(lab, id=uuidutils.generate_uuid(), api_version="1.0"))


def serial(lab, node=None):
    """Of the certificate that a new connection is shown."""
    client = lab.api(node)
    try:
        client.get("/").expect(200)
        return int(client.connection.sock.getpeercert()["serialNumber"], 16)
    finally:
        client.close()


def test_octavia_uploads_a_certificate_of_its_own_generator(lab, octavia, amphora_driver):  # P2
    encrypted = cert_task.GenerateServerPEMTask().execute(lab.distributor_id)
    pem = fernet.Fernet(utils.get_compatible_server_certs_key_passphrase()).decrypt(encrypted.encode())
    calling(lab, amphora_driver.upload_cert_amp, as_amphora(lab), pem)
    wanted = x509.load_pem_x509_certificate(pem).serial_number
    assert {serial(lab), serial(lab, 1), serial(lab, 2)} == {wanted}
    for garbage in (b"", b"garbage", pem[:len(pem) // 2], pem.replace(b"MII", b"MIJ")):
        with pytest.raises(exc.InvalidRequest):
            calling(lab, amphora_driver.upload_cert_amp, as_amphora(lab), garbage)
    assert {serial(lab), serial(lab, 1), serial(lab, 2)} == {wanted}


def test_the_housekeeping_job_rotates_the_certificate(lab, octavia):  # P2, L3
    before = serial(lab)
    assert calling(lab, housekeeping.CertificateRotation().rotate) == 1  # the end of a recorded pair's is not known
    after = serial(lab)
    assert after != before and {serial(lab, 1), serial(lab, 2)} == {after}
    ends = distributors.get(octavia.id).cert_expiration
    assert ends - datetime.datetime.utcnow() > datetime.timedelta(days=29)
    assert calling(lab, housekeeping.CertificateRotation().rotate) == 0
    distributors.update(octavia.id, cert_expiration=datetime.datetime.utcnow() + datetime.timedelta(days=10))
    active, standby = lab.wait_in_sync()
    lab.nodes[standby].power_off()  # one node away: the other gets it when it is back
    assert calling(lab, housekeeping.CertificateRotation().rotate) == 1
    newest = serial(lab)
    assert newest not in (before, after)
    lab.nodes[standby].power_on()
    lab.wait_in_sync()
    assert wait_until(lambda: serial(lab, standby) == newest, 20, "the returning node to present the new certificate")


def test_octavia_updates_the_agent_configuration(lab, octavia, amphora_driver):  # P2
    octavia.conf.config(group="health_manager", heartbeat_key="insecure-heartbeat-key",
                        controller_ip_port_list=[f"{plan.CONTROLLER_ADDRESS}:5555"])
    text = agent_jinja_cfg.AgentJinjaTemplater().build_agent_config(lab.distributor_id, "ACTIVE_ACTIVE")
    calling(lab, amphora_driver.update_amphora_agent_config, as_amphora(lab, api_version="1.0"), text)
    with pytest.raises(exc.InvalidRequest):
        calling(lab, amphora_driver.update_amphora_agent_config, as_amphora(lab, api_version="1.0"), "[health_manager\n")
