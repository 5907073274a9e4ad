"""What all tasks share: the drivers of Octavia, the client of the pair, and reverts that never fail themselves."""

import functools
from typing import Any, Callable

from octavia.common import utils
from octavia_distributor import rest
from octavia_distributor.db import distributors
from oslo_config import cfg
from oslo_log import log as logging
from stevedore import driver as stevedore_driver
from taskflow import task
from taskflow.types import failure

CONF = cfg.CONF
LOG = logging.getLogger(__name__)


class DistributorTask(task.Task):
    """Everything is loaded when it is first needed: a flow may be built where no controller is configured."""

    @functools.cached_property
    def client(self) -> rest.DistributorClient:
        return rest.DistributorClient()

    @functools.cached_property
    def network(self) -> Any:
        return utils.get_network_driver()

    @functools.cached_property
    def compute(self) -> Any:
        return stevedore_driver.DriverManager(namespace="octavia.compute.drivers",
                                              name=CONF.controller_worker.compute_driver, invoke_on_load=True).driver

    @staticmethod
    def target(distributor_id: str) -> rest.Target:
        return rest.Target(distributor_id, distributors.get(distributor_id).lb_network_ip)


def failed(result: Any) -> bool:
    """Was it execute() itself that failed? Then `result` is the failure, and part of its work may stand."""
    return isinstance(result, failure.Failure)


def reverting(what: str, undo: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """One step of a revert: a failure is logged, and the steps that follow are tried all the same."""
    try:
        undo(*arguments, **options)
    except Exception:
        LOG.exception("While reverting: could not %s", what)
