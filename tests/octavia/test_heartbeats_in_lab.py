"""Both nodes' heartbeats, received by Octavia's own class and by the driver's, which fills the tables (L2)."""

import socket

import pytest
from lab import plan
from lab.system import LabError, wait_until
from octavia.amphorae.backends.agent import agent_jinja_cfg
from octavia.amphorae.drivers.health import heartbeat_udp
from octavia_distributor import health, node_files, rest
from octavia_distributor.db import distributors
from oslo_config import cfg


@pytest.fixture
def beating(lab, octavia):
    """The pair is told, at run time, to beat at the controller: as Octavia renders it, with our receivers."""
    options = cfg.CONF.distributor
    text = node_files.agent_config(
        agent_jinja_cfg.AgentJinjaTemplater().build_agent_config(lab.distributor_id, "ACTIVE_ACTIVE"),
        controllers=options.controller_ip_port_list, interval_s=options.heartbeat_interval, key=options.heartbeat_key)
    with lab.fabric.controller.entered():
        rest.DistributorClient().upload_agent_config(rest.Target(lab.distributor_id, plan.MANAGEMENT_VIP), text)


def listening(lab, make):
    with lab.fabric.controller.entered():
        return make()


def beats_of_both(receiver):
    """One heartbeat of each node."""
    found = {}

    def both():
        try:
            beat, _ = receiver.dorecv()
        except socket.timeout:
            raise LabError(f"heartbeats of {sorted(found)} only") from None
        found[beat.get("node_id")] = beat
        return found if set(found) == {"node-1", "node-2"} else None
    return wait_until(both, 20, "a heartbeat of each node", 0)


def test_octavias_receiver_understands_both_nodes(lab, octavia, beating):
    octavia.conf.config(group="health_manager", bind_ip=plan.CONTROLLER_ADDRESS, bind_port=octavia.heartbeat_port,
                        heartbeat_key=cfg.CONF.distributor.heartbeat_key, health_update_threads=1, stats_update_threads=1)
    lb = octavia.balancer()
    octavia.register(lb, octavia.cluster(lb))
    receiver = listening(lab, heartbeat_udp.UDPStatusGetter)
    try:
        beats = beats_of_both(receiver)
    finally:
        receiver.sock.close()
        receiver.health_executor.shutdown()
        receiver.stats_executor.shutdown()
    active, standby = lab.wait_in_sync()
    for beat in beats.values():
        assert beat["id"] == lab.distributor_id and beat["ver"] == 3 and beat["listeners"] == {} == beat["pools"]
        assert isinstance(beat["seq"], int) and lb.id in str(beat)
    assert beats[f"node-{active}"]["role"] == "MASTER" and beats[f"node-{standby}"]["role"] == "BACKUP"


def test_the_drivers_receiver_fills_the_tables_and_notices_silence(lab, octavia, beating):
    receiver = listening(lab, health.DistributorStatusGetter)
    try:
        def both_noted():
            receiver.check()
            return all(node.last_update for node in distributors.get(octavia.id).nodes)
        wait_until(both_noted, 20, "heartbeats of both nodes in the table", 0)
        active, standby = lab.wait_in_sync()
        roles = {node.node_id: node.role for node in distributors.get(octavia.id).nodes}
        assert roles == {f"node-{active}": "MASTER", f"node-{standby}": "BACKUP"}
        assert distributors.health(octavia.id).last_update is not None
        lab.nodes[standby].power_off()

        def silent():
            receiver.check()
            return distributors.silent_nodes(4) == [(octavia.id, f"node-{standby}")]
        wait_until(silent, 30, "the silence of the dead node, and of nobody else", 0)
    finally:
        receiver.sock.close()
