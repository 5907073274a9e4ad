"""Client of the pair's REST API on Octavia's amphora client: its TLS, its check of the server's name, its retries."""

import time
from typing import Any

from octavia.amphorae.drivers.haproxy import exceptions as octavia_exc
from octavia.amphorae.drivers.haproxy import rest_api_driver
from octavia_distributor import exceptions
from oslo_config import cfg
from oslo_log import log as logging

CONF = cfg.CONF
LOG = logging.getLogger(__name__)

API_VERSION = "1.0"


class Target:
    """What Octavia's client wants to know about an amphora, of a distributor."""

    def __init__(self, distributor_id: str, lb_network_ip: str) -> None:
        self.id = distributor_id  # the name in the server's certificate
        self.lb_network_ip = lb_network_ip
        self.api_version: str | None = API_VERSION


class DistributorClient(rest_api_driver.AmphoraAPIClientBase):
    """One per flow: Octavia's client keeps the name to check in its session."""

    def _call(self, method: str, target: Target, path: str, timeout_dict: dict[str, Any] | None = None,
              **arguments: Any) -> dict[str, Any]:
        """Sends a request until it is answered with something else than 503, as often as Octavia's client connects.

        503 is what a node answers between a takeover and its readiness; every change may be sent again (docs/api.md)."""
        options = CONF.haproxy_amphora
        attempts = (timeout_dict or {}).get("conn_max_retries", options.connection_max_retries)
        pause_s = (timeout_dict or {}).get("conn_retry_interval", options.connection_retry_interval)
        for attempt in range(1, attempts + 1):
            response = self.request(method, target, path, timeout_dict=timeout_dict, **arguments)
            if response.status_code != 503 or attempt == attempts:
                break
            LOG.warning("Distributor %s takes no changes now, trying again: %s", target.id, response.text)
            time.sleep(pause_s)  # as Octavia's client between two attempts
        return self._checked(response, target, f"{method.upper()} {path}")

    @staticmethod
    def _checked(response: Any, target: Target, call: str) -> dict[str, Any]:
        try:
            octavia_exc.check_exception(response, log_error=False)
        except octavia_exc.APIException:
            body = response.json() if "json" in response.headers.get("content-type", "") else {}
            error, details = str(body.get("error", "")), str(body.get("details", response.reason))
            kind = exceptions.RequestRefused
            if error == "limit_reached" and call.endswith("/plug"):
                kind = exceptions.DistributorFull
            elif response.status_code == 404:
                kind = exceptions.UnknownToDistributor
            raise kind(target.id, call, response.status_code, error, details) from None
        return response.json() if response.content else {}

    def plug(self, target: Target, lb_id: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._call("post", target, f"loadbalancer/{lb_id}/plug", json=request)

    def unplug(self, target: Target, lb_id: str) -> dict[str, Any]:
        return self._call("post", target, f"loadbalancer/{lb_id}/unplug", json={})

    def register(self, target: Target, lb_id: str, amphorae: list[dict[str, Any]]) -> dict[str, Any]:
        return self._call("post", target, f"loadbalancer/{lb_id}/register", json={"amphorae": amphorae})

    def unregister(self, target: Target, lb_id: str, macs: list[str]) -> dict[str, Any]:
        return self._call("post", target, f"loadbalancer/{lb_id}/unregister", json={"amphorae": macs})

    def replace(self, target: Target, lb_id: str, failed: str, standby: str | None = None) -> dict[str, Any]:
        return self._call("post", target, f"loadbalancer/{lb_id}/replace",
                          json={"failed": failed, **({"standby": standby} if standby else {})})

    def status(self, target: Target, lb_id: str) -> dict[str, Any]:
        return self._call("get", target, f"loadbalancer/{lb_id}")

    def list_ids(self, target: Target, timeout_dict: dict[str, Any] | None = None) -> set[str]:
        """Every load balancer that the pair has, over all pages. StaleAnswer from a node that may not know."""
        found: set[str] = set()
        path = "loadbalancer"
        while True:
            page = self._call("get", target, path, timeout_dict=timeout_dict)
            if page.get("stale"):
                raise exceptions.StaleAnswer(distributor_id=target.id, stale=page["stale"])
            found.update(one["lb_id"] for one in page["loadbalancers"])
            if not page["next"]:
                return found
            path = f"loadbalancer?after={page['next']}"

    def pair(self, target: Target, timeout_dict: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._call("get", target, "pair", timeout_dict=timeout_dict)

    def info(self, target: Target) -> dict[str, Any]:
        return self._call("get", target, "info")

    def upload_certificate(self, target: Target, pem: bytes) -> None:
        """As Octavia uploads an amphora's: certificate, then key."""
        self._call("put", target, "certificate", data=pem)

    def upload_agent_config(self, target: Target, ini: str) -> None:
        self._call("put", target, "config", data=ini)
