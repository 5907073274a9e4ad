"""A whole lab: networks, two nodes, amphorae, gateways with clients, certificates. Several can exist at once.

    with Lab(binaries.find()) as lab:
        lab.start()
        lab.api().plug(...)

Leaving the block removes everything, also on an exception, and on SIGINT or SIGTERM after exit_on_signals(). A lab whose
owner was killed outright is swept when the next lab starts, or by `python3 -m lab cleanup`.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import uuid

from lab import plan
from lab.amphora import Amphora
from lab.api_client import ApiClient
from lab.certificates import Certificates
from lab.fabric import Fabric
from lab.node import Node
from lab.system import LabError, Namespace, in_parallel, run, wait_until

LABS = os.path.join(tempfile.gettempdir(), "distributor-labs")
# AF_PACKET receive buffers of the userspace datapath take their size from here when a node's vswitchd starts.
RECEIVE_BUFFER = "/proc/sys/net/core/rmem_default"
RECEIVE_BUFFER_BYTES = 4 << 20


def exit_on_signals():
    """SIGTERM and SIGHUP end the program as an exception does, so that labs are removed on the way out."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))


class Lab:
    def __init__(self, binaries=None, *, amphorae=5, tenants=1, second_tenant_amphorae=2, standalone=False, realtime=False,
                 solo_policy="auto", advert_interval_ms=100):
        """amphorae: on tenant 1's network. Without binaries: everything but the daemon (start() then starts Open vSwitch
        alone). standalone: node 1 only, without a peer (H9)."""
        os.makedirs(LABS, mode=0o755, exist_ok=True)
        self.directory = tempfile.mkdtemp(prefix="d", dir=LABS)
        os.chmod(self.directory, 0o755)
        self.prefix = os.path.basename(self.directory)
        self.kept = False
        self.lock = open(os.path.join(self.directory, "owner"), "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.settings = {"amphorae": amphorae, "tenants": tenants, "second_tenant_amphorae": second_tenant_amphorae,
                         "standalone": standalone, "realtime": realtime, "solo_policy": solo_policy,
                         "advert_interval_ms": advert_interval_ms,
                         "distributor_id": str(uuid.uuid4()), "with_daemon": binaries is not None}
        with open(os.path.join(self.directory, "lab.json"), "w", encoding="ascii") as file:
            json.dump(self.settings, file)
        self._assemble(binaries.copied_to(os.path.join(self.directory, "bin")) if binaries else None)

    def _assemble(self, binaries):
        self.binaries = binaries
        self.pair_id = self.distributor_id = self.settings["distributor_id"]  # one id: the certificate's name too
        self.fabric = Fabric(self.prefix, self.settings["tenants"])
        self.nodes = {number: Node(self.fabric, number, os.path.join(self.directory, f"n{number}"), binaries)
                      for number in ((1,) if self.settings["standalone"] else plan.NODES)}
        counts = {1: self.settings["amphorae"], 2: self.settings["second_tenant_amphorae"]}
        self.amphorae = {tenant: [Amphora(self.fabric, plan.AmphoraPlan(tenant, index))
                                  for index in range(1, counts[tenant] + 1)]
                         for tenant in range(1, self.settings["tenants"] + 1)}

    @classmethod
    def adopt(cls, prefix):
        """A lab that was left running (keep), to look into it or to remove it."""
        lab = cls.__new__(cls)
        lab.directory = os.path.join(LABS, prefix)
        lab.prefix, lab.kept, lab.lock = prefix, False, None
        with open(os.path.join(lab.directory, "lab.json"), encoding="ascii") as file:
            lab.settings = json.load(file)
        binaries = None
        if lab.settings["with_daemon"]:
            from lab.binaries import Binaries
            names = ("distributord", "distributorctl", "distributor-gatekeeper")
            binaries = Binaries(*(os.path.join(lab.directory, "bin", name) for name in names))
        lab._assemble(binaries)
        lab.certificates = Certificates(os.path.join(lab.directory, "certificates"), lab.distributor_id)
        for node in lab.nodes.values():
            node.adopt()
        return lab

    # -- life --------------------------------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.kept:
            self.destroy()

    def build(self):
        """Networks, amphorae, certificates and configuration; the nodes stay off."""
        sweep()
        with open(RECEIVE_BUFFER, "r+", encoding="ascii") as knob:
            if int(knob.read()) < RECEIVE_BUFFER_BYTES:
                knob.seek(0)  # the kernel ignores what is written anywhere else
                knob.write(str(RECEIVE_BUFFER_BYTES))
        self.fabric.create()
        everyone = [amphora for group in self.amphorae.values() for amphora in group]
        in_parallel(self._credentials, *(amphora.create for amphora in everyone))
        for amphora in everyone:
            amphora.wait_ready()

    def _credentials(self):
        self.certificates = Certificates(os.path.join(self.directory, "certificates"), self.distributor_id)
        if self.binaries is None:
            return
        keys = os.path.join(self.directory, "keys")
        os.makedirs(keys, mode=0o700, exist_ok=True)
        if not self.settings["standalone"]:
            for number in self.nodes:
                run([self.binaries.distributord, "--generate-keys", os.path.join(keys, f"n{number}")])
        for number, node in self.nodes.items():
            peer = None if self.settings["standalone"] else 3 - number
            node.configure(pair_id=self.pair_id, certificates=self.certificates, peer=peer,
                           own_keys=os.path.join(keys, f"n{number}"), peer_public=os.path.join(keys, f"n{peer}.pub"),
                           realtime=self.settings["realtime"], solo_policy=self.settings["solo_policy"],
                           advert_interval_ms=self.settings["advert_interval_ms"])

    def start(self):
        """Builds and powers both nodes on. With the daemon: until the pair takes changes."""
        self.build()
        if self.binaries is None:
            in_parallel(*(lambda node=node: (node.boot(), node.start_ovs()) for node in self.nodes.values()))
            return
        in_parallel(*(node.power_on for node in self.nodes.values()))
        self.wait_in_sync()

    def keep(self):
        """The lab outlives this program."""
        open(os.path.join(self.directory, "kept"), "w", encoding="ascii").close()
        self.kept = True

    def destroy(self):
        for node in self.nodes.values():
            with contextlib.suppress(LabError, OSError):
                node.adopt() if node.init_pid is None else None
                if node.init_pid is not None:
                    os.kill(node.init_pid, signal.SIGKILL)
        listing = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        for name in listing:
            if name.startswith(self.prefix + "-"):
                Namespace(name).delete()
        for group in self.amphorae.values():
            for amphora in group:
                if amphora.server is not None:
                    amphora.server.wait()
        with open("/proc/self/mounts", encoding="utf-8") as table:
            for point in [line.split()[1] for line in table if line.split()[1].startswith(self.directory + "/")]:
                run(["umount", "-l", point], check=False)  # a drill gave a node a disk of its own
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()

    # -- the pair ----------------------------------------------------------------------------------------------------

    def api(self, node=None, **options):
        """A client of the management address, or of one node's own."""
        address = plan.MANAGEMENT_VIP if node is None and not self.settings["standalone"] else plan.management_address(
            node or 1)
        return ApiClient(self, address, **options)

    def pair_of(self, node):
        """What one node says about the pair; LabError if it does not answer."""
        client = self.api(node, timeout_s=5)
        try:
            return client.pair().expect().body
        finally:
            client.close()

    def wait_in_sync(self, timeout_s=30):
        """Both nodes ready, equal digests, one owner: returns (active, standby) node numbers."""
        if self.settings["standalone"]:
            wait_until(lambda: self.api(1, timeout_s=2).pair().ok, timeout_s, "the standalone node to answer")
            return 1, None

        def settled():
            views = {number: self.pair_of(number) for number in self.nodes}
            own = {number: view["self"] for number, view in views.items()}
            owners = [number for number, member in own.items() if member["role"] == "MASTER" and member["gate_open"]]
            ready = all(member["ready"] and member["ovs_programmed"] for member in own.values())
            # Each as the other one hears of it, too: a heartbeat later.
            linked = all(view["peer_alive"] and not view["diverged"] and (view["peer"] or {}).get("ready") for view in views.values())
            equal = len({(member["state_digest"], member["committed_seq"]) for member in own.values()}) == 1
            leads = len(owners) == 1 and own[owners[0]]["leads"]
            if ready and linked and equal and leads:
                return owners[0], 3 - owners[0]
            raise LabError(f"not yet: {json.dumps(own)}")

        return wait_until(settled, timeout_s, "the pair to be in sync with one owner", 0.05)

    def wait_owner(self, node, timeout_s=15):
        """The node owns: master, gate open, leads, takes changes."""
        def owns():
            member = self.pair_of(node)["self"]
            return member["role"] == "MASTER" and member["gate_open"] and member["leads"]
        wait_until(owns, timeout_s, f"node {node} to own the addresses", 0.02)

    def gateway(self, tenant=1):
        return self.fabric.gateways[tenant]

    def interfaces(self, tenant=1, vrrp=False):
        """PLUG's `nodes` for a tenant's network."""
        return [{"node_id": node.name, "mac_address": plan.front_mac(tenant, number),
                 **({"vrrp_ip": plan.vrrp_ip(number)} if vrrp else {})} for number, node in self.nodes.items()]

    def plug_fields(self, tenant=1, vrrp=False, **more):
        return {"vip_address": plan.VIP4, "subnet_cidr": plan.SUBNET4, "gateway": plan.GATEWAY4,
                "nodes": self.interfaces(tenant, vrrp),
                "additional_vips": [{"vip_address": plan.VIP6, "subnet_cidr": plan.SUBNET6, "gateway": plan.GATEWAY6}],
                **more}

    def mac(self, index, tenant=1):
        return self.amphorae[tenant][index].mac


def leftovers():
    """Prefixes of labs whose owner is gone and that were not kept."""
    found = []
    for prefix in sorted(os.listdir(LABS)) if os.path.isdir(LABS) else []:
        directory = os.path.join(LABS, prefix)
        try:
            with open(os.path.join(directory, "owner"), encoding="ascii") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)  # its owner holds it while it lives
        except FileNotFoundError:
            continue  # just being made
        except BlockingIOError:
            continue
        if os.path.exists(os.path.join(directory, "lab.json")) and not os.path.exists(os.path.join(directory, "kept")):
            found.append(prefix)
    return found


def sweep():
    for prefix in leftovers():
        remove(prefix)


def remove(prefix):
    """Removes a lab of another process, kept or left over."""
    with contextlib.suppress(LabError, OSError, ValueError):
        Lab.adopt(prefix).destroy()
    shutil.rmtree(os.path.join(LABS, prefix), ignore_errors=True)
