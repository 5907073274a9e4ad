"""Octavia as it is installed, its database in SQLite, and a pair in the lab that it drives from the controller's namespace."""

import os
import sys
import uuid

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import lab_drivers  # noqa: E402
from lab import binaries, plan  # noqa: E402
from lab.lab import Lab, exit_on_signals  # noqa: E402
from lab.system import LabError  # noqa: E402
from octavia.common import base_taskflow, data_models  # noqa: E402
from octavia.common import config as octavia_config  # noqa: E402
from octavia.db import api as db_apis  # noqa: E402
from octavia_distributor import config, flows  # noqa: E402
from octavia_distributor.db import distributors, load_balancers, migration  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_config import fixture as config_fixture  # noqa: E402
from oslo_log import log as logging  # noqa: E402
from stevedore import driver as stevedore_driver  # noqa: E402

CONF = cfg.CONF
logging.register_options(CONF)
config.register()
assert octavia_config  # registers Octavia's options

ACTIVE, AMPHORAE = 4, 5  # cluster size, and one spare
HEARTBEAT_PORT = 5556
HEARTBEAT_KEY = "insecure-heartbeat-key"
VIP = {"vip_alg": "hash", "vip_persistence": "SOURCE_IP"}


@pytest.fixture(scope="session", autouse=True)
def drivers_of_the_lab(tmp_path_factory):
    """Entry points, so that stevedore finds the lab's Neutron and Nova as it finds the real ones."""
    site = tmp_path_factory.mktemp("site")
    info = site / "lab_drivers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-drivers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[octavia.network.drivers]\nlab_network = lab_drivers:LabNetwork\n\n"
        "[octavia.compute.drivers]\nlab_compute = lab_drivers:LabCompute\n")
    sys.path.insert(0, str(site))


@pytest.fixture(scope="session")
def lab():
    """One pair for all tests here; each leaves it in sync and without load balancers."""
    exit_on_signals()
    problems = binaries.missing_prerequisites()
    if problems:
        pytest.skip("; ".join(problems))
    with Lab(binaries.find(), amphorae=AMPHORAE + 1) as lab:
        lab.start()
        for node in lab.nodes.values():
            node.unplug_cable(lab_drivers.TENANT)
        lab_drivers.lab = lab
        yield lab


class Octavia:
    """What an Octavia controller does with the driver."""

    def __init__(self, lab):
        self.lab, self.heartbeat_port = lab, HEARTBEAT_PORT
        self.driver = stevedore_driver.DriverManager(
            namespace="octavia.distributor.drivers", name=CONF.controller_worker.distributor_driver,
            invoke_on_load=True).driver
        self.id = distributors.add(plan.MANAGEMENT_VIP, [
            {"node_id": node.name, "lb_network_ip": plan.management_address(number),
             "compute_id": lab_drivers.compute_id(number)} for number, node in lab.nodes.items()],
            distributor_id=lab.distributor_id)

    def run(self, flow, listener=None, **store):
        """On Octavia's engine, from the controller's network; listener(task name) as each task begins."""
        with self.lab.fabric.controller.entered():
            engine = base_taskflow.BaseTaskFlowEngine().taskflow_load(flow, store=store)
            if listener:
                engine.atom_notifier.register(
                    "RUNNING", lambda state, details: listener(details.get("task_name", details.get("retry_name"))))
            engine.run()
            return engine.storage.fetch_all()

    def balancer(self):
        """Created, placed on the pair and plugged, without amphorae."""
        lb = data_models.LoadBalancer(id=str(uuid.uuid4()), project_id=str(uuid.uuid4()))
        lb.vip = data_models.Vip(load_balancer_id=lb.id, ip_address=plan.VIP4, subnet_id="subnet-4", network_id="front",
                                 port_id="vip-port", load_balancer=lb)
        lb.additional_vips = [data_models.AdditionalVip(load_balancer_id=lb.id, ip_address=plan.VIP6, subnet_id="subnet-6",
                                                        network_id="front")]
        chosen = self.run(self.driver.get_create_distributor_subflow(), load_balancer=lb)["distributor_id"]
        assert chosen == self.id
        self.run(self.driver.get_add_vip_subflow(), distributor_id=chosen, vip=lb.vip, **VIP)
        lb_drivers_settled()
        return lb

    def amphora(self, lb, index):
        return data_models.Amphora(id=str(uuid.uuid4()), load_balancer_id=lb.id, vrrp_port_id=f"amphora-{index}")

    def cluster(self, lb, count=AMPHORAE):
        return tuple(self.amphora(lb, index) for index in range(count))

    def register(self, lb, amphorae, **options):
        return self.run(self.driver.get_register_amphorae_subflow(), distributor_id=self.id, amphorae=tuple(amphorae), **options)

    def recorded(self, lb):
        """amphora id -> (position, MAC) of the table."""
        return {row.amphora_id: (row.position, row.mac_address) for row in load_balancers.registrations(lb.id)}

    def on_pair(self, lb, node=None):
        """The same of the pair, or of one node."""
        client = self.lab.api(node)
        try:
            body = client.status(lb.id).expect().body
        finally:
            client.close()
        return {one["amphora_id"]: (one["position"], one["mac_address"]) for one in [*body["amphorae"], *body["spares"]]}

    def ids_on_pair(self):
        client = self.lab.api()
        try:
            return {one["lb_id"] for one in client.get("/1.0/loadbalancer").expect().body["loadbalancers"]}
        finally:
            client.close()


def lb_drivers_settled():
    lab_drivers.settle()


@pytest.fixture
def octavia(lab, tmp_path):
    conf = config_fixture.Config(CONF)
    conf.setUp()
    CONF([], project="octavia", default_config_files=[])
    authority = os.path.join(lab.certificates.directory, "server_ca")
    conf.config(group="database", connection=f"sqlite:///{tmp_path}/octavia.db")
    conf.config(group="haproxy_amphora", client_cert=lab.certificates.client, server_ca=lab.certificates.server_ca,
                bind_port=plan.API_PORT, connection_max_retries=60, connection_retry_interval=1,  # whole seconds
                rest_request_conn_timeout=2, rest_request_read_timeout=5)
    conf.config(group="certificates", cert_manager="local_cert_manager", ca_certificate=authority + ".pem",
                ca_private_key=authority + ".key")
    conf.config(group="controller_worker", distributor_driver="distributor_pair", network_driver="lab_network",
                compute_driver="lab_compute", client_ca=lab.certificates.client_ca)
    conf.config(group="distributor", cluster_size=ACTIVE, bind_ip=plan.CONTROLLER_ADDRESS, bind_port=HEARTBEAT_PORT,
                heartbeat_key=HEARTBEAT_KEY, controller_ip_port_list=[f"{plan.CONTROLLER_ADDRESS}:{HEARTBEAT_PORT}"],
                heartbeat_interval=1, boot_timeout=60, boot_poll_interval=0.2, management_network="management")
    conf.conf = CONF
    db_apis._FACADE = None
    migration.upgrade()
    lab.wait_in_sync()
    one = Octavia(lab)
    one.conf = conf
    try:
        yield one
    finally:
        tidy(lab)
        db_apis._FACADE = None
        conf.cleanUp()


def tidy(lab):
    """Both nodes on, nothing plugged, no cables: whatever the test left."""
    for node in lab.nodes.values():
        if not node.powered():
            node.power_on()
    lab.wait_in_sync()
    lab_drivers.settle()
    client = lab.api()
    try:
        for one in client.get("/1.0/loadbalancer").expect().body["loadbalancers"]:
            client.unplug(one["lb_id"]).expect()
    finally:
        client.close()
    for node in lab.nodes.values():
        if lab_drivers.TENANT in node.attached:
            node.unplug_cable(lab_drivers.TENANT)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the last lines of every node's log: the lab is gone when somebody looks."""
    report = (yield).get_result()
    if report.failed and lab_drivers.lab is not None and "octavia" in item.fixturenames:
        for number, node in lab_drivers.lab.nodes.items():
            try:
                with open(node.log_path("distributord"), encoding="utf-8", errors="replace") as file:
                    report.sections.append((f"log of node {number}", "".join(file.readlines()[-25:])))
            except OSError as error:
                report.sections.append((f"log of node {number}", str(error)))


__all__ = ["LabError", "flows"]
