"""Tasks that register amphorae with a distributor, replace failed ones, and unregister them."""

from typing import Any, Sequence

from octavia_distributor import exceptions, views
from octavia_distributor.db import load_balancers
from octavia_distributor.tasks.base import CONF, DistributorTask, LOG, reverting


def load_balancer_of(amphorae: Sequence[Any]) -> str:
    found = {views.field(amphora, "load_balancer_id") for amphora in amphorae}
    if len(found) != 1 or None in found:
        raise exceptions.DistributorException(
            why=f"wanted amphorae of one load balancer, found those of {sorted(map(str, found)) or 'none'}")
    return found.pop()


class AmphoraTask(DistributorTask):
    def mac_of(self, amphora: Any) -> str:
        """On the VIP network."""
        port_id = views.field(amphora, "vrrp_port_id")
        mac = self.network.get_port(port_id).mac_address if port_id else None
        if not mac:
            raise exceptions.AmphoraWithoutPort(amphora_id=views.amphora_id(amphora))
        return mac

    def known_mac(self, lb_id: str, amphora: Any) -> str | None:
        """The MAC that was registered: the port of a failed amphora may be gone."""
        row = load_balancers.registration(lb_id, views.amphora_id(amphora))
        return row.mac_address if row else None


class RegisterAmphorae(AmphoraTask):
    """Provides the amphora ids that this flow added. N take traffic; those beyond, and those with the standby role, are
    spares. What is registered already keeps its place, so the task may run again after a crash of the worker."""

    def execute(self, distributor_id: str, amphorae: Sequence[Any]) -> list[str]:
        if not amphorae:
            return []
        lb_id = load_balancer_of(amphorae)
        association = load_balancers.get(distributor_id, lb_id)
        recorded = {row.amphora_id: row for row in load_balancers.registrations(lb_id)}
        items = self.items(amphorae, recorded, association.cluster_size or CONF.distributor.cluster_size)
        answer = self.client.register(self.target(distributor_id), lb_id, items)
        load_balancers.store_answer(distributor_id, lb_id, answer)
        return [item["amphora_id"] for item in items if item["amphora_id"] not in recorded]

    def items(self, amphorae: Sequence[Any], recorded: dict[str, Any], size: int) -> list[dict[str, Any]]:
        """REG's list. Positions are the pair's to choose, unless they were chosen before."""
        active = sum(row.position is not None for row in recorded.values())
        items: list[dict[str, Any]] = []
        for amphora in amphorae:
            amphora_id = views.amphora_id(amphora)
            item: dict[str, Any] = {"mac_address": self.mac_of(amphora), "amphora_id": amphora_id}
            row = recorded.get(amphora_id)
            if row is not None and row.position is not None:
                item["position"] = row.position
            elif row is not None or views.is_standby(amphora) or active >= size:
                item["role"] = "standby"
            else:
                item["role"] = "active"
                active += 1
            items.append(item)
        return items

    def revert(self, result: Any, distributor_id: str, amphorae: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        if not amphorae:
            return
        lb_id = load_balancer_of(amphorae)
        recorded = {row.amphora_id for row in load_balancers.registrations(lb_id)}
        # After a failure nothing of this flow is recorded, but the pair may have it.
        added = result if isinstance(result, list) else [
            views.amphora_id(one) for one in amphorae if views.amphora_id(one) not in recorded]
        macs = [self.mac_of(one) for one in amphorae if views.amphora_id(one) in added]
        if macs:
            LOG.warning("Reverting the registration of amphorae %s with distributor %s", added, distributor_id)
            reverting("unregister", self._unregister, distributor_id, lb_id, macs)

    def _unregister(self, distributor_id: str, lb_id: str, macs: list[str]) -> None:
        answer = self.client.unregister(self.target(distributor_id), lb_id, macs)
        load_balancers.store_answer(distributor_id, lb_id, answer)


class UnregisterAmphorae(AmphoraTask):
    """Provides what was registered before: [{amphora_id, mac_address, position}]."""

    def execute(self, distributor_id: str, amphorae: Sequence[Any]) -> list[dict[str, Any]]:
        if not amphorae:
            return []
        lb_id = load_balancer_of(amphorae)
        before = [row for row in map(lambda one: load_balancers.registration(lb_id, views.amphora_id(one)), amphorae) if row]
        macs = [self.known_mac(lb_id, one) or self.mac_of(one) for one in amphorae]
        answer = self.client.unregister(self.target(distributor_id), lb_id, macs)
        load_balancers.store_answer(distributor_id, lb_id, answer)
        return [{"amphora_id": row.amphora_id, "mac_address": row.mac_address, "position": row.position} for row in before]

    def revert(self, result: Any, distributor_id: str, amphorae: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        if isinstance(result, list) and result:
            reverting("register again", self._register, distributor_id, load_balancer_of(amphorae), result)

    def _register(self, distributor_id: str, lb_id: str, before: list[dict[str, Any]]) -> None:
        items = [{"mac_address": one["mac_address"], "amphora_id": one["amphora_id"],
                  **({"role": "standby"} if one["position"] is None else {"position": one["position"]})} for one in before]
        load_balancers.store_answer(distributor_id, lb_id, self.client.register(self.target(distributor_id), lb_id, items))


class DrainAmphorae(DistributorTask):
    def execute(self, distributor_id: str, amphorae: Sequence[Any]) -> None:
        raise exceptions.DrainNotSupported(amphorae=", ".join(views.amphora_id(one) for one in amphorae))


class ReplaceAmphora(AmphoraTask):
    """The spare takes the failed amphora's position in one step; its successor becomes the spare when it is registered.

    Without a spare the position stays vacant: its clients are spread over the others until the successor registers, which
    gets this position. Not reverted: the amphora has failed."""

    def execute(self, distributor_id: str, failed_amphora: Any) -> None:
        lb_id = views.field(failed_amphora, "load_balancer_id")
        load_balancers.get(distributor_id, lb_id)
        failed = load_balancers.registration(lb_id, views.amphora_id(failed_amphora))
        if failed is None:
            LOG.info("Amphora %s is not registered with distributor %s: nothing to replace",
                     views.amphora_id(failed_amphora), distributor_id)
            return
        spare = next((row for row in load_balancers.registrations(lb_id)
                      if row.position is None and row.amphora_id != failed.amphora_id), None)
        target = self.target(distributor_id)
        if failed.position is not None and spare is not None:
            answer = self.client.replace(target, lb_id, failed.mac_address, spare.mac_address)
        else:
            if failed.position is not None:
                LOG.warning("Load balancer %s has no spare: position %s stays vacant until an amphora is registered",
                            lb_id, failed.position)
            answer = self.client.unregister(target, lb_id, [failed.mac_address])
        load_balancers.store_answer(distributor_id, lb_id, answer)
