"""What a distributor VM finds in its file system at first boot: what amphorae get, and the pair's own configuration.

Pure: text in, text out. The paths are those of the image and of docs/configuration.md.
"""

import configparser
import io
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

AGENT_CONFIG = "/etc/octavia/amphora-agent.conf"
SERVER_PEM = "/etc/octavia/certs/server.pem"
CLIENT_CA = "/etc/octavia/certs/client_ca.pem"
PAIR_CONFIG = "/etc/distributor/distributord.toml"
OWN_KEY = "/etc/distributor/own.key"
PEER_PUBLIC = "/etc/distributor/peer.pub"
API_PORT = 9443
SYNC_PORT = 9444

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(raw: bytes) -> str:
    """ZeroMQ's base 85 (RFC 32); raw has a multiple of 4 bytes."""
    text = ""
    for start in range(0, len(raw), 4):
        value = int.from_bytes(raw[start:start + 4], "big")
        text += "".join(_Z85[value // 85 ** power % 85] for power in (4, 3, 2, 1, 0))
    return text


def new_sync_keys() -> dict[str, str]:
    """{"public", "secret"}: a key pair of the replication link, as `distributord --generate-keys` makes them."""
    secret = x25519.X25519PrivateKey.generate()
    raw = secret.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    public = secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"public": z85(public), "secret": z85(raw)}


def own_key_file(keys: dict[str, str]) -> str:
    return f"public: {keys['public']}\nsecret: {keys['secret']}\n"


def public_key_file(keys: dict[str, str]) -> str:
    return f"public: {keys['public']}\n"


def agent_config(rendered: str, *, controllers: list[str], interval_s: int, key: str) -> str:
    """Octavia's own amphora-agent.conf, with the distributors' heartbeat receivers in place of the amphorae's."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(rendered)
    parser["health_manager"].update({"controller_ip_port_list": ", ".join(controllers),
                                     "heartbeat_interval": str(interval_s), "heartbeat_key": key})
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def pair_config(*, distributor_id: str, node_id: str, address: str, peer_id: str, peer_address: str, management_vip: str,
                options: Any) -> str:
    """distributord.toml of one node. management_vip: with its prefix length. options: [distributor] of octavia.conf."""
    sections: list[tuple[str, dict[str, Any]]] = [
        ("", {"node_id": node_id, "pair_id": distributor_id, "run_dir": "/run/distributor",
              "state_dir": "/var/lib/distributor"}),
        ("api", {"listen": [f"{_bracketed('::' if ':' in address else '0.0.0.0')}:{API_PORT}"], "certificate": SERVER_PEM,
                 "client_ca": CLIENT_CA}),
        ("peer", {"node_id": peer_id, "bind": f"tcp://{_bracketed(address)}:{SYNC_PORT}",
                  "connect": f"tcp://{_bracketed(peer_address)}:{SYNC_PORT}", "own_key": OWN_KEY,
                  "peer_public": PEER_PUBLIC}),
        ("replication", {"solo_policy": options.solo_policy}),
        ("keepalived", {"interface": options.management_interface, "router_id": options.router_id, "own_address": address,
                        "peer_address": peer_address, "management_vip": management_vip,
                        "advert_interval_ms": options.advert_interval_ms})]
    parts = []
    for name, values in sections:
        # Of strings, numbers and lists of strings JSON and TOML agree.
        parts.append((f"[{name}]\n" if name else "") + "".join(f"{key} = {json.dumps(value)}\n"
                                                               for key, value in values.items()))
    return "\n".join(parts)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
