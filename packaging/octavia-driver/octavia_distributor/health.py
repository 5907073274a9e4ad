"""Heartbeats of distributors, and what is done when they stop."""

import json
import socket
import threading
import time
from typing import Any

from octavia.amphorae.driver_exceptions import exceptions as driver_exceptions
from octavia.amphorae.drivers.health import heartbeat_udp
from octavia.common import base_taskflow
from octavia.common import exceptions as octavia_exceptions
from octavia_distributor import config, exceptions, flows, rest
from octavia_distributor.db import distributors, load_balancers
from octavia_distributor.db.session import now
from oslo_config import cfg
from oslo_log import log as logging

CONF = cfg.CONF
LOG = logging.getLogger(__name__)

ONE_TRY = {"conn_max_retries": 1, "conn_retry_interval": 0, "req_conn_timeout": 2.0, "req_read_timeout": 10.0}


class DistributorStatusGetter(heartbeat_udp.UDPStatusGetter):
    """Octavia's receiver of heartbeats, on the distributors' own port and for their own tables.

    Octavia's must not hear them: it deletes the VM of an id that it does not know."""

    def __init__(self) -> None:
        # Octavia's own constructor binds the amphorae's port and starts its writers of amphora health.
        self.sock: Any = None
        options = CONF.distributor
        LOG.info("Listening for heartbeats of distributors on %s port %s", options.bind_ip, options.bind_port)
        self.update(config.heartbeat_key(), options.bind_ip, options.bind_port)

    def check(self) -> bool:
        """Waits a second at most; True if a heartbeat was noted."""
        try:
            heartbeat, source = self.dorecv()
        except socket.timeout:
            return False
        except octavia_exceptions.InvalidHMACException:
            return False  # logged already
        try:
            return note(heartbeat, source)
        except Exception:
            LOG.exception("A heartbeat from %s could not be noted", source)
            return False


def note(heartbeat: dict[str, Any], source: str) -> bool:
    """Writes a heartbeat to distributor_health and to its node. Whatever it holds, it was signed with our key."""
    distributor_id, node_id = heartbeat.get("id"), heartbeat.get("node_id")
    if not isinstance(distributor_id, str) or not isinstance(node_id, str):
        LOG.warning("A heartbeat from %s has no id or no node_id: not of a distributor", source)
        return False
    seq, role = heartbeat.get("seq"), heartbeat.get("role")
    known = distributors.beat(distributor_id, node_id, seq if isinstance(seq, int) else None,
                              role[:16] if isinstance(role, str) else None, now())
    if not known:
        LOG.warning("A heartbeat from %s of %s of distributor %s, which is in no table: `octavia-distributor pair add` "
                    "records it", source, node_id, distributor_id)
    return known


class DistributorHealthManager:
    """Looks for silent nodes and for pairs that lost what was configured, and runs the flows that bring it back."""

    def __init__(self) -> None:
        self.engine = base_taskflow.BaseTaskFlowEngine()
        self.client = rest.DistributorClient()
        self.warned: set[tuple[str, str]] = set()

    def check(self) -> None:
        silent = distributors.silent_nodes(CONF.distributor.heartbeat_timeout)
        self.warned &= set(silent)
        for distributor_id, node_id in silent:
            self._rebuild_node(distributor_id, node_id)
        away = {distributor_id for distributor_id, _ in silent}
        for row in distributors.every():
            if row.id not in away and row.status == "ACTIVE":
                self.restore_if_lost(row.id)

    def _rebuild_node(self, distributor_id: str, node_id: str) -> None:
        node = next(one for one in distributors.get(distributor_id).nodes if one.node_id == node_id)
        if node.compute_id is None:
            if (distributor_id, node_id) not in self.warned:
                LOG.error("%s of distributor %s is silent since %s, and this driver did not start it: bring it back; it is "
                          "filled again by itself", node_id, distributor_id, node.last_update)
                self.warned.add((distributor_id, node_id))
            return
        LOG.error("%s of distributor %s is silent since %s: it is rebuilt", node_id, distributor_id, node.last_update)
        self._run(flows.rebuild_node(node_id), distributor_id)

    def restore_if_lost(self, distributor_id: str) -> bool:
        """True if the pair lacked something, and got it back."""
        wanted = {row.lb_id for row in load_balancers.of_distributor(distributor_id) if row.plug_request is not None}
        if not wanted:
            return False
        target = rest.Target(distributor_id, distributors.get(distributor_id).lb_network_ip)
        try:
            lost = wanted - self.client.list_ids(target, timeout_dict=ONE_TRY)
        except (driver_exceptions.TimeOutException, exceptions.RequestRefused, exceptions.StaleAnswer) as error:
            LOG.warning("Distributor %s does not tell what it has: %s", distributor_id, error)
            return False
        if not lost:
            return False
        LOG.error("Distributor %s lost %s of %s load balancers: they are plugged and registered again as recorded",
                  distributor_id, len(lost), len(wanted))
        return self._run(flows.restore_distributor(), distributor_id)

    def _run(self, flow: Any, distributor_id: str) -> bool:
        if not distributors.take(distributor_id):
            LOG.info("Distributor %s is worked on by another process", distributor_id)
            return False
        try:
            self.engine.taskflow_load(flow, store={"distributor_id": distributor_id}).run()
            return True
        except Exception:
            LOG.exception("Distributor %s could not be brought back; it is tried again", distributor_id)
            return False
        finally:
            distributors.give_back(distributor_id)


def serve(stopping: threading.Event) -> None:
    """Receives and checks until told to stop. Nothing is rebuilt before a timeout has passed: after a pause of this
    process every node looks silent."""
    receiver = DistributorStatusGetter()
    checker = threading.Thread(target=_check_for_ever, args=(stopping,), name="distributor-health-check")
    checker.start()
    try:
        while not stopping.is_set():
            receiver.check()
    finally:
        receiver.sock.close()
        checker.join()


def _check_for_ever(stopping: threading.Event) -> None:
    options = CONF.distributor
    stopping.wait(options.heartbeat_timeout)
    manager = DistributorHealthManager()
    while not stopping.is_set():
        begun = time.monotonic()
        try:
            manager.check()
        except Exception:
            LOG.exception("The check of distributors failed; the next one is in %s s", options.health_check_interval)
        stopping.wait(max(0.0, options.health_check_interval - (time.monotonic() - begun)))


def describe(row: Any) -> str:
    """One line about a pair, for operators."""
    beat = distributors.health(row.id)
    nodes = {node.node_id: {"address": node.lb_network_ip, "compute_id": node.compute_id, "role": node.role,
                            "last_update": str(node.last_update)} for node in row.nodes}
    return json.dumps({"id": row.id, "status": row.status, "address": row.lb_network_ip,
                       "load_balancers": distributors.served(row.id), "cert_expiration": str(row.cert_expiration),
                       "last_update": str(beat.last_update) if beat else None, "busy": beat.busy if beat else False,
                       "nodes": nodes})
