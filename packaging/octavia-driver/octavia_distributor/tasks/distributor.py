"""Tasks about a distributor as a whole: its choice, its certificate, its rebuilding from the records."""

from typing import Any

from cryptography import fernet
from octavia.common import constants, utils
from octavia_distributor import certificates, views
from octavia_distributor.db import distributors, load_balancers
from octavia_distributor.tasks import vips
from octavia_distributor.tasks.base import CONF, DistributorTask, LOG, failed, reverting


class ChooseDistributor(DistributorTask):
    default_provides = "distributor_id"

    def execute(self, load_balancer: Any) -> str:
        options = CONF.distributor
        return distributors.choose(views.field(load_balancer, constants.ID), views.field(load_balancer, "project_id"),
                                   vips_max=options.vips_per_distributor_max, sharing=options.sharing,
                                   may_start=options.image_tag is not None)

    def revert(self, result: Any, load_balancer: Any, *args: Any, **kwargs: Any) -> None:
        if failed(result):
            return
        reverting("release the load balancer", distributors.release, views.field(load_balancer, constants.ID))
        reverting("forget the distributor that did not start", self._forget, result)

    @staticmethod
    def _forget(distributor_id: str) -> None:
        if distributors.get(distributor_id).status == constants.PENDING_CREATE and not distributors.served(distributor_id):
            distributors.delete(distributor_id)


class UploadCertificate(DistributorTask):
    """PUT /1.0/certificate, as Octavia does it for amphorae; both nodes hold it before the answer."""

    def execute(self, distributor_id: str, server_pem: str) -> None:
        pem = fernet.Fernet(utils.get_compatible_server_certs_key_passphrase()).decrypt(server_pem.encode())
        self.client.upload_certificate(self.target(distributor_id), pem)
        distributors.update(distributor_id, cert_expiration=certificates.expiration(pem))
        LOG.info("Rotated the certificate of distributor %s", distributor_id)


class EndRotation(DistributorTask):
    """First in the flow, so that its revert runs whatever failed."""

    def execute(self, distributor_id: str) -> None:
        pass

    def revert(self, distributor_id: str, *args: Any, **kwargs: Any) -> None:
        reverting("free the certificate for the next attempt", distributors.update, distributor_id, cert_busy_since=None)


class FinishRotation(DistributorTask):
    def execute(self, distributor_id: str) -> None:
        distributors.update(distributor_id, cert_busy_since=None)


class RestoreEverything(DistributorTask):
    """PLUG and REG of every load balancer from the records. Where the pair has it, nothing changes."""

    def execute(self, distributor_id: str) -> int:
        target = self.target(distributor_id)
        rows = [row for row in load_balancers.of_distributor(distributor_id) if row.plug_request is not None]
        for row in rows:
            vips.restore(self.client, target, row)
        LOG.info("Distributor %s has its %s load balancers, with stored positions and hash seeds", distributor_id, len(rows))
        return len(rows)
