"""The driver that Octavia loads: [controller_worker] distributor_driver = distributor_pair."""

from octavia.distributor.drivers import driver_base
from octavia_distributor import config, flows
from taskflow.patterns import linear_flow


class DistributorPairDriver(driver_base.DistributorDriver):
    """What each flow requires and provides is documented in the base class; the flows' own words are in flows.py."""

    def __init__(self) -> None:
        super().__init__()
        config.register()

    def get_create_distributor_subflow(self) -> linear_flow.Flow:
        return flows.create_distributor()

    def get_delete_distributor_subflow(self) -> linear_flow.Flow:
        return flows.delete_distributor()

    def get_add_vip_subflow(self) -> linear_flow.Flow:
        return flows.add_vip()

    def get_remove_vip_subflow(self) -> linear_flow.Flow:
        return flows.remove_vip()

    def get_register_amphorae_subflow(self) -> linear_flow.Flow:
        return flows.register_amphorae()

    def get_drain_amphorae_subflow(self) -> linear_flow.Flow:
        return flows.drain_amphorae()

    def get_unregister_amphorae_subflow(self) -> linear_flow.Flow:
        return flows.unregister_amphorae()

    # -- for the recovery of amphorae and of pairs ---------------------------------------------------------------------

    def get_place_vip_subflow(self) -> linear_flow.Flow:
        """create_distributor and add_vip, on a further pair where one is full."""
        return flows.place_vip()

    def get_replace_amphora_subflow(self) -> linear_flow.Flow:
        """:requires: **distributor_id**, **failed_amphora** (object) - its place goes to the spare."""
        return flows.replace_amphora()

    def get_restore_distributor_subflow(self) -> linear_flow.Flow:
        """:requires: **distributor_id** - a rebuilt pair gets VIPs, seeds and positions back."""
        return flows.restore_distributor()
