"""What can go wrong between Octavia and a distributor. Each says what was wanted, what was found, and what to do."""

from octavia.common import exceptions


class DistributorException(exceptions.OctaviaException):
    message = "The distributor driver failed: %(why)s"


class RequestRefused(DistributorException):
    """The pair answered with an error. `error` is the name in the pair's table of errors (docs/api.md)."""
    message = "Distributor %(distributor_id)s refused %(call)s with %(status)s %(error)s: %(details)s"

    def __init__(self, distributor_id: str, call: str, status: int, error: str, details: str) -> None:
        self.distributor_id, self.call, self.status = distributor_id, call, status
        self.error, self.details = error, details
        super().__init__(distributor_id=distributor_id, call=call, status=status, error=error, details=details)


class DistributorFull(RequestRefused):
    """Its own upper bound is reached: use another pair."""


class UnknownToDistributor(RequestRefused):
    """404: the load balancer, or the amphora, is not there."""


class StaleAnswer(DistributorException):
    message = "Distributor %(distributor_id)s cannot tell what holds now: %(stale)s"


class NoDistributorAvailable(DistributorException):
    message = ("No distributor has room for load balancer %(lb_id)s, and none may be started: add a pair with "
               "`octavia-distributor pair add`, raise [distributor] vips_per_distributor_max, or set image_tag")


class UnknownDistributor(DistributorException):
    message = "There is no distributor %(distributor_id)s in the table; `octavia-distributor pair list` shows them"


class DistributorInUse(DistributorException):
    message = "Distributor %(distributor_id)s still serves %(count)s load balancers; remove their VIPs first"


class NotPlugged(DistributorException):
    message = "Load balancer %(lb_id)s has no VIP on distributor %(distributor_id)s; run the add VIP subflow first"


class AmphoraWithoutPort(DistributorException):
    message = "Amphora %(amphora_id)s has no port on the VIP network (vrrp_port_id); plug it before it is registered"


class AffinityNotSupported(DistributorException):
    message = "Wanted algorithm hash with affinity Source_IP or Source_IP_AND_port, found %(found)s"


class DrainNotSupported(DistributorException):
    message = ("Draining amphorae %(amphorae)s is not supported yet; the unregister subflow takes effect at once, and "
               "the recovery flow swaps an amphora for the spare")


class PortSecurityNotSettable(DistributorException):
    message = ("Network driver %(driver)s cannot switch port security off; set [distributor] port_security to "
               "address_pairs")


class NotReadyInTime(DistributorException):
    message = "Distributor %(distributor_id)s was not in sync after %(seconds)s s: %(last)s"
