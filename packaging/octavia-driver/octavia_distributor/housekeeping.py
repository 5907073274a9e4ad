"""Rotates the certificates of distributors before they end, as Octavia's housekeeping does for amphorae."""

import threading

from octavia.common import base_taskflow
from octavia_distributor import flows
from octavia_distributor.db import distributors
from oslo_config import cfg
from oslo_log import log as logging

CONF = cfg.CONF
LOG = logging.getLogger(__name__)


class CertificateRotation:
    def __init__(self) -> None:
        self.engine = base_taskflow.BaseTaskFlowEngine()

    def rotate(self) -> int:
        """Every certificate that ends within the buffer, once; how many were rotated."""
        options = CONF.distributor
        done, tried = 0, set()
        while True:
            distributor_id = distributors.take_expiring(options.cert_expiry_buffer, options.cert_retry_after)
            if distributor_id is None or distributor_id in tried:
                if distributor_id is not None:
                    distributors.update(distributor_id, cert_busy_since=None)
                return done
            tried.add(distributor_id)
            try:
                self.engine.taskflow_load(flows.rotate_certificate(), store={"distributor_id": distributor_id}).run()
                done += 1
            except Exception:
                LOG.exception("The certificate of distributor %s could not be rotated; it is tried again in %s s",
                              distributor_id, options.cert_interval)


def serve(stopping: threading.Event) -> None:
    rotation = CertificateRotation()
    while not stopping.is_set():
        try:
            rotation.rotate()
        except Exception:
            LOG.exception("The search for certificates that end failed")
        stopping.wait(CONF.distributor.cert_interval)
