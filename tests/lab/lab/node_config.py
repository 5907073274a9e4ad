"""Writes the daemon's configuration file of a lab node."""

import json

from lab import plan


def _section(name, values):
    lines = [f"[{name}]"] if name else []
    for key, value in values.items():
        lines.append(f"{key} = {json.dumps(value)}")  # of these types JSON and TOML agree
    return "\n".join(lines) + "\n"


def render(node, *, pair_id, certificates, peer=None, own_keys=None, peer_public=None, realtime=False,
           solo_policy="auto", advert_interval_ms=100, log_level="info", server_pem=None, agent_config=None):
    """node and peer are numbers. Without a peer: standalone (H9), no keepalived, no sync link.

    server_pem, agent_config: the node's own files, which PUT /1.0/certificate and /1.0/config replace."""
    name = f"node-{node}"
    sections = [("", {"node_id": name, "pair_id": pair_id, "run_dir": "/run/distributor",
                      "state_dir": "/var/lib/distributor"}),
                ("api", {"listen": [f"0.0.0.0:{plan.API_PORT}"], "certificate": server_pem or certificates.server,
                         "client_ca": certificates.client_ca}),
                ("octavia", {"config": agent_config or "/run/distributor/amphora-agent.conf"}),
                ("admin", {"socket": "/run/distributor/admin.sock"}),
                ("metrics", {"listen": f"127.0.0.1:{plan.METRICS_PORT}"}),
                ("log", {"level": log_level, "target": "stderr"}),
                ("openflow", {"bridge": "br-dist", "datapath_type": "netdev",
                              "ovsdb_socket": "/run/openvswitch/db.sock", "run_dir": "/run/openvswitch",
                              "netns_prefix": "lb-"}),
                ("gatekeeper", {"socket": "/run/distributor/gatekeeper.sock", "grace_ms": 2000})]
    if peer is not None:
        own, other = plan.management_address(node), plan.management_address(peer)
        sections += [
            ("peer", {"node_id": f"node-{peer}", "bind": f"tcp://{own}:{plan.SYNC_PORT}",
                      "connect": f"tcp://{other}:{plan.SYNC_PORT}", "own_key": own_keys,
                      "peer_public": peer_public}),
            ("replication", {"solo_policy": solo_policy, "solo_after_ms": 2000}),
            ("keepalived", {"interface": "eth0", "router_id": 51, "own_address": own, "peer_address": other,
                            "management_vip": f"{plan.MANAGEMENT_VIP}/{plan.MANAGEMENT_PREFIX}",
                            "advert_interval_ms": advert_interval_ms, "realtime": realtime,
                            "peer_mac": plan.management_mac(peer), "pid_file": "/run/keepalived.pid",
                            "json_dir": "/run/tmp"})]
    return "\n".join(_section(name, values) for name, values in sections)
