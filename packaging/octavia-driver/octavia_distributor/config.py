"""Options of the [distributor] group of octavia.conf."""

from typing import Any

from oslo_config import cfg

CONF = cfg.CONF
GROUP = "distributor"

placement_opts = [
    cfg.IntOpt("vips_per_distributor_max", default=100, min=1, max=4096,
               help="Load balancers on one pair; above it a further pair is used. Each costs one port on both VMs, and "
                    "hypervisors bound how many a VM may have."),
    cfg.StrOpt("sharing", default="shared", choices=["shared", "project", "dedicated"],
               help="Who shares a pair: everybody, the load balancers of one project, or nobody."),
    cfg.IntOpt("cluster_size", default=2, min=1, max=256,
               help="Amphorae of a load balancer that take traffic (N). Those registered beyond it are spares."),
    cfg.StrOpt("affinity", default="Source_IP", choices=["Source_IP", "Source_IP_AND_port"],
               help="Used where a load balancer does not ask for another one."),
    cfg.StrOpt("forwarding_mode", default="direct_return", choices=["direct_return", "hairpin"],
               help="hairpin sends replies through the distributor, for networks whose firewalls drop direct return."),
    cfg.StrOpt("port_security", default="disabled", choices=["disabled", "address_pairs"],
               help="What is done to the pair's ports on VIP networks, whose frames carry clients' source addresses. "
                    "address_pairs allows 0.0.0.0/0 and ::/0 instead of switching port security off; mind that Neutron "
                    "counts those as members of remote security groups."),
]

instance_opts = [
    cfg.StrOpt("image_tag", help="Glance tag of the distributor image. Unset: this driver starts no VMs, and uses the "
                                 "pairs that `octavia-distributor pair add` recorded."),
    cfg.StrOpt("compute_flavor", help="Nova flavor of the VMs; unset: Octavia's amp_flavor_id."),
    cfg.StrOpt("management_network", help="Neutron network of the VMs' management ports; unset: the first of Octavia's "
                                          "amp_boot_network_list."),
    cfg.ListOpt("security_groups", default=[], help="IDs for the management ports: VRRP (protocol 112) and TCP 9444 "
                                                    "between the nodes, TCP 9443 from the controllers."),
    cfg.StrOpt("management_interface", default="eth0", help="Name of the management interface inside the VM."),
    cfg.IntOpt("router_id", default=51, min=1, max=255, help="VRRP router id on the management network."),
    cfg.IntOpt("advert_interval_ms", default=100, min=20, max=1000, help="See docs/failover.md."),
    cfg.StrOpt("solo_policy", default="auto", choices=["auto", "strict"],
               help="strict: with one node away the pair refuses changes."),
    cfg.IntOpt("boot_timeout", default=600, min=10, help="Seconds until a started pair must answer and be in sync."),
    cfg.FloatOpt("boot_poll_interval", default=5.0, min=0.05, help="Seconds between two looks at a starting pair."),
]

health_opts = [
    cfg.IPOpt("bind_ip", default="127.0.0.1", help="Where heartbeats of distributors are received."),
    cfg.PortOpt("bind_port", default=5556, help="Not the amphorae's 5555: Octavia's health manager deletes what it does "
                                                "not know."),
    cfg.StrOpt("heartbeat_key", secret=True, help="Unset: [health_manager] heartbeat_key."),
    cfg.ListOpt("controller_ip_port_list", default=[], help="Receivers as the distributors reach them, IP:PORT."),
    cfg.IntOpt("heartbeat_interval", default=10, min=1, help="Seconds between two heartbeats of a node."),
    cfg.IntOpt("heartbeat_timeout", default=60, min=1, help="Silence of a node, in seconds, before it is rebuilt."),
    cfg.IntOpt("health_check_interval", default=10, min=1, help="Seconds between two looks for silent nodes and for "
                                                                "pairs that lost what was configured."),
]

certificate_opts = [
    cfg.IntOpt("cert_expiry_buffer", default=14 * 24 * 3600, min=0,
               help="Seconds before its end at which a certificate is rotated."),
    cfg.IntOpt("cert_interval", default=3600, min=1, help="Seconds between two looks for such certificates."),
    cfg.IntOpt("cert_retry_after", default=3600, min=1,
               help="Seconds after which a rotation that never ended, because its process died, is taken up again."),
]

ALL = [*placement_opts, *instance_opts, *health_opts, *certificate_opts]


def register() -> None:
    """Registers the options; calling it again changes nothing."""
    CONF.register_opts(ALL, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """For oslo-config-generator."""
    return [(GROUP, ALL)]


def heartbeat_key() -> str:
    key = CONF.distributor.heartbeat_key or CONF.health_manager.heartbeat_key
    if not key:
        raise cfg.RequiredOptError("heartbeat_key", cfg.OptGroup(GROUP))
    return key


def management_network() -> str:
    network = CONF.distributor.management_network or next(iter(CONF.controller_worker.amp_boot_network_list), None)
    if not network:
        raise cfg.RequiredOptError("management_network", cfg.OptGroup(GROUP))
    return network
