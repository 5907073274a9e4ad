"""Octavia's own configuration, database layer and task engine around the driver; see model.py for the rest."""

import os
import tempfile

import pytest

os.environ.setdefault("XDG_CACHE_HOME", tempfile.mkdtemp(prefix="stevedore-"))  # stevedore writes what it found there

from model import ModelNeutron, ModelNova, ModelPair  # noqa: E402
from octavia.common import base_taskflow  # noqa: E402
from octavia.common import config as octavia_config  # noqa: E402
from octavia.db import api as db_apis  # noqa: E402
from octavia_distributor import config, rest  # noqa: E402
from octavia_distributor.db import distributors, migration  # noqa: E402
from octavia_distributor.tasks import base  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_config import fixture as config_fixture  # noqa: E402
from oslo_log import log as logging  # noqa: E402

CONF = cfg.CONF
logging.register_options(CONF)
config.register()
assert octavia_config  # registers Octavia's options


@pytest.fixture
def conf(tmp_path):
    fixture = config_fixture.Config(CONF)
    fixture.setUp()
    CONF([], project="octavia", default_config_files=[])
    fixture.config(group="database", connection=f"sqlite:///{tmp_path}/octavia.db")
    fixture.config(group="haproxy_amphora", connection_max_retries=3, connection_retry_interval=0)
    fixture.config(group="distributor", cluster_size=3)
    db_apis._FACADE = None
    yield fixture
    db_apis._FACADE = None
    fixture.cleanUp()


@pytest.fixture
def database(conf):
    migration.upgrade()


@pytest.fixture
def pair(conf, monkeypatch):
    model = ModelPair()
    made = rest.DistributorClient.__init__

    def with_model(self):
        made(self)
        self.session.mount("https://", model)
    monkeypatch.setattr(rest.DistributorClient, "__init__", with_model)
    return model


@pytest.fixture
def neutron(monkeypatch):
    model = ModelNeutron()
    monkeypatch.setattr(base.utils, "get_network_driver", lambda: model)
    return model


@pytest.fixture
def nova(monkeypatch):
    model = ModelNova()
    monkeypatch.setattr(base.DistributorTask, "compute", model)
    return model


@pytest.fixture
def run(database):
    """Runs a flow on Octavia's engine; returns what it provided."""
    def runner(flow, **store):
        engine = base_taskflow.BaseTaskFlowEngine().taskflow_load(flow, store=store)
        engine.run()
        return engine.storage.fetch_all()
    return runner


@pytest.fixture
def distributor_id(database):
    return distributors.add("198.51.100.10", [{"node_id": f"node-{n}", "lb_network_ip": f"198.51.100.{n}",
                                               "compute_id": f"compute-{n}"} for n in (1, 2)])
