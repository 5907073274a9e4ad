"""A node: a machine of its own as far as a process can be one, with Open vSwitch, keepalived and the daemon in it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from lab import node_config, plan
from lab.fabric import MANAGEMENT, tenant_network
from lab.ovs import OpenVSwitch
from lab.system import LabError, Namespace, run, wait_until

INIT = os.path.join(os.path.dirname(__file__), "node_init.py")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SERVICES = ("ovsdb-server", "ovs-vswitchd", "gatekeeper", "distributord", "keepalived")


class Node:
    def __init__(self, fabric, number, directory, binaries, tenants_attached=(1,)):
        self.fabric = fabric
        self.number = number
        self.name = f"node-{number}"
        self.directory = directory  # survives power_off: the disk
        self.binaries = binaries
        self.attached = set(tenants_attached)
        self.namespace = Namespace(f"{fabric.prefix}-n{number}")
        self.config = os.path.join(directory, "distributord.toml")
        self.environment = {}  # service -> environment variables that it gets besides
        self.init_pid = None
        for part in ("distributor", "openvswitch", "log"):
            os.makedirs(os.path.join(directory, part), exist_ok=True)

    # -- the machine ------------------------------------------------------------------------------------------------

    def management_port(self):
        return f"n{self.number}mgmt"

    def front_port(self, tenant):
        return f"n{self.number}front{tenant}"

    def _port(self, network):
        return self.management_port() if network in ("mgmt", "sync", "peer") else self.front_port(1 if network == "frontend" else network)

    def boot(self):
        """Power on, with nothing running but init."""
        self.namespace.create()
        self.namespace.sysctl({"net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0})
        self.fabric.cable(MANAGEMENT, self.management_port(), self.namespace, "eth0", plan.management_mac(self.number))
        self.namespace.ip(f"addr add {plan.management_address(self.number)}/{plan.MANAGEMENT_PREFIX} dev eth0")
        self.namespace.sysctl({"net.ipv4.neigh.eth0.retrans_time_ms": 100})
        for tenant in sorted(self.attached):
            self.plug_cable(tenant)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory, "init.sock"))
        log = open(os.path.join(self.directory, "log", "init.log"), "ab")
        with log:
            subprocess.Popen(
                ["nsenter", f"--net={self.namespace.path}", "unshare", "--mount", "--pid", "--fork", "--propagation",
                 "private", sys.executable, "-S", INIT, self.directory],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        self.init_pid = wait_until(self._find_init, 10, f"init of {self.name} to answer", 0.005)

    def _find_init(self):
        with self._connect() as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return struct.unpack("3i", credentials)[0]

    def adopt(self):
        """Finds the running machine again from another process (a lab that was left running)."""
        with contextlib.suppress(OSError):
            self.init_pid = self._find_init()

    def plug_cable(self, tenant):
        """A network interface arrives (hot-plug): eth<tenant>, without addresses, silent."""
        interface = f"eth{tenant}"
        self.fabric.cable(tenant_network(tenant), self.front_port(tenant), self.namespace, interface,
                          plan.front_mac(tenant, self.number))
        self.namespace.sysctl({f"net.ipv6.conf.{interface}.disable_ipv6": 1,
                               f"net.ipv4.conf.{interface}.arp_ignore": 8})
        self.attached.add(tenant)

    def unplug_cable(self, tenant):
        self.fabric.remove_cables(self.front_port(tenant))
        self.attached.discard(tenant)

    def powered(self):
        return self.init_pid is not None and os.path.exists(f"/proc/{self.init_pid}")

    def power_off(self):
        """The machine is gone at once: links first, so that no dying process says goodbye, then every process.

        Returns the monotonic time in seconds just before."""
        at = time.monotonic()
        self.fabric.remove_cables(self.management_port(), *map(self.front_port, sorted(self.attached)))
        pid, self.init_pid = self.init_pid, None
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, f"{self.name} to be dead", 0.002)
        self.namespace.delete()
        return at

    def power_on(self):
        self.boot()
        self.start_all()

    def wipe(self):
        """A new disk. Only while the power is off."""
        if self.powered():
            raise LabError(f"{self.name} is running: power it off before its disk is wiped")
        for part in ("distributor", "openvswitch"):
            shutil.rmtree(os.path.join(self.directory, part))
            os.makedirs(os.path.join(self.directory, part))

    def cut(self, network, to_node=True, from_node=True):
        """network: 'mgmt', 'frontend' or a tenant's number; 'sync': replication alone; 'peer': all that the nodes say to each other.
        Frames are lost silently until heal()."""
        only = {"sync": (f"tcp dport {plan.SYNC_PORT}", f"tcp sport {plan.SYNC_PORT}"),
                "peer": tuple(f"ether {end} {plan.management_mac(3 - self.number)}" for end in ("saddr", "daddr"))}
        self.fabric.cut(self._port(network), to_machine=to_node, from_machine=from_node, only=only.get(network, ("",)))

    def heal(self, network):
        self.fabric.heal(self._port(network))

    def carrier(self, network, up):
        self.fabric.carrier(self._port(network), up)

    # -- its processes ----------------------------------------------------------------------------------------------

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(20)
        connection.connect(os.path.join(self.directory, "init.sock"))
        return connection

    def _ask(self, **request):
        with self._connect() as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as answers:
                answer = json.loads(answers.readline())
        if "error" in answer:
            raise LabError(f"{self.name}: {request['op']} {request.get('name', '')}: {answer['error']}")
        return answer

    def services(self):
        return self._ask(op="status")["services"]

    def service(self, name):
        return self.services().get(name, {"running": False, "starts": 0})

    def start(self, name, restart=True):
        return self._ask(op="start", name=name, argv=self._command(name), log=self.log_path(name), restart=restart,
                         restart_delay_ms=100, env={"ASAN_OPTIONS": "abort_on_error=1", **self.environment.get(name, {})})

    def kill(self, name, signal_number=signal.SIGKILL, restart=True, tree=False):
        """Sends a signal; restart=False also tells the supervisor to leave it dead. Returns when, monotonic seconds."""
        self._ask(op="supervise", name=name, restart=restart)
        at = time.monotonic()
        self._ask(op="kill", name=name, signal=int(signal_number), tree=tree)
        return at

    def supervise(self, name, restart=True):
        self._ask(op="supervise", name=name, restart=restart)

    def stop(self, name, timeout_s=15):
        """An orderly end, and it stays ended."""
        self.kill(name, signal.SIGTERM, restart=False)
        wait_until(lambda: not self.service(name)["running"], timeout_s, f"{name} on {self.name} to end")

    def log_path(self, name):
        return os.path.join(self.directory, "log", name + ".log")

    def exec(self, argv, **options):
        """Runs a command inside the machine."""
        return run(["nsenter", "--target", str(self.init_pid), "--mount", "--pid", "--net", "--", *argv], **options)

    def ctl(self, *arguments, check=True):
        return self.exec([self.binaries.distributorctl, "--admin-socket", "/run/distributor/admin.sock", *arguments],
                         check=check)

    @property
    def root(self):
        return f"/proc/{self.init_pid}/root"

    @property
    def ovs(self):
        return OpenVSwitch(self.root)

    def _command(self, name):
        if name in ("gatekeeper", "distributord"):
            return [getattr(self.binaries, name), "--config", self.config]
        database, run_dir = "/etc/openvswitch/conf.db", "/run/openvswitch"
        quiet = ["--no-chdir", "-vconsole:info", "-vsyslog:off", "-vfile:off"]
        return {
            "ovsdb-server": ["ovsdb-server", database, f"--remote=punix:{run_dir}/db.sock", "--pidfile", *quiet],
            "ovs-vswitchd": ["ovs-vswitchd", f"unix:{run_dir}/db.sock", "--pidfile", *quiet],
            "keepalived": ["keepalived", "--dont-fork", "--vrrp", "--log-console", "--log-detail", "--use-file",
                           "/run/keepalived.conf", "--pid", "/run/keepalived.pid", "--vrrp_pid",
                           "/run/keepalived_vrrp.pid"],
        }[name]

    def start_ovs(self):
        conf = os.path.join(self.directory, "openvswitch", "conf.db")
        if not os.path.exists(conf):
            run(["ovsdb-tool", "create", conf, SCHEMA])
        self.start("ovsdb-server")
        wait_until(lambda: os.path.exists(f"{self.root}/run/openvswitch/db.sock"), 10, f"ovsdb-server on {self.name}")
        self.ovs.vsctl("--no-wait", "init")
        self.start("ovs-vswitchd")

    def start_all(self):
        """Everything that a booting node starts."""
        self.start_ovs()
        self.start("gatekeeper")
        self.start("distributord")
        if "[keepalived]" in self.config_text():
            self.start_keepalived()

    def start_keepalived(self):
        rendered = self.exec([self.binaries.distributord, "--config", self.config, "--render-keepalived"]).stdout
        with open(f"{self.root}/run/keepalived.conf", "w", encoding="ascii") as file:
            file.write(rendered)
        # keepalived removes a notify FIFO that it made itself when it stops: ours must be there first.
        wait_until(lambda: os.path.exists(f"{self.root}/run/distributor/vrrp.fifo"), 15,
                   f"the notify FIFO on {self.name}, which the daemon makes")
        self.start("keepalived")

    @property
    def server_pem(self):
        return os.path.join(self.directory, "certs", "server.pem")

    @property
    def agent_config(self):
        return os.path.join(self.directory, "octavia", "amphora-agent.conf")

    def configure(self, *, certificates, **options):
        os.makedirs(os.path.dirname(self.server_pem), exist_ok=True)
        shutil.copy2(certificates.server, self.server_pem)
        with open(self.config, "w", encoding="ascii") as file:
            file.write(node_config.render(self.number, certificates=certificates, server_pem=self.server_pem,
                                          agent_config=self.agent_config, **options))

    def config_text(self):
        with open(self.config, encoding="ascii") as file:
            return file.read()
