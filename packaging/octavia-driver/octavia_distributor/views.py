"""What the driver needs of Octavia's objects. Flows hand in data models, or their dictionaries where a job board stores them."""

from typing import Any

from octavia.common import constants
from octavia_distributor import exceptions

STANDBY_ROLE = "IN_CLUSTER_STANDBY"  # of the companion topology specification; Octavia 11 has no such role yet
AFFINITIES = {"SOURCE_IP": "Source_IP", "SOURCE_IP_AND_PORT": "Source_IP_AND_port"}


def field(thing: Any, name: str, default: Any = None) -> Any:
    """An attribute of a data model, or an entry of a dictionary."""
    value = thing.get(name, default) if isinstance(thing, dict) else getattr(thing, name, default)
    return default if value is None else value


def load_balancer_id(vip: Any) -> str:
    return field(vip, constants.LOAD_BALANCER_ID)


def additional_vips(vip: Any) -> list[Any]:
    """Those of the same load balancer, in a stable order."""
    load_balancer = field(vip, "load_balancer")
    return sorted(field(load_balancer, "additional_vips", []) if load_balancer is not None else [],
                  key=lambda one: field(one, constants.SUBNET_ID, ""))


def addresses(vip: Any) -> list[str]:
    return [field(one, constants.IP_ADDRESS) for one in (vip, *additional_vips(vip))]


def amphora_id(amphora: Any) -> str:
    return field(amphora, constants.ID)


def is_standby(amphora: Any) -> bool:
    return field(amphora, constants.ROLE) == STANDBY_ROLE


def alg_extras(vip_alg: str | None, vip_persistence: str | None, default_affinity: str) -> dict[str, str]:
    """PLUG's algorithm; an Octavia session persistence type is understood as well."""
    affinity = AFFINITIES.get((vip_persistence or default_affinity).upper())
    if (vip_alg or "hash").lower() != "hash" or affinity is None:
        raise exceptions.AffinityNotSupported(found=f"algorithm {vip_alg!r} with persistence {vip_persistence!r}")
    return {"algorithm": "hash", "affinity": affinity}
