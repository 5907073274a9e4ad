"""An amphora as Octavia sets one up: the VIP on `lo`, silent about it on the wire, answers straight to the gateway."""

import os
import subprocess
import sys

from lab import plan
from lab.fabric import tenant_network
from lab.system import LabError, Namespace

SERVER = os.path.join(os.path.dirname(__file__), "amphora_server.py")


class Amphora:
    def __init__(self, fabric, where):
        self.fabric = fabric
        self.plan = where
        self.name = where.name
        self.mac = where.mac
        self.port = f"amp{where.tenant}x{where.index}"
        self.namespace = Namespace(f"{fabric.prefix}-{self.name}")
        self.server = None

    def create(self, vips=(plan.VIP4, plan.VIP6)):
        self.namespace.create()
        # ARP is off for the VIP: it is answered for by the distributor alone.
        self.namespace.sysctl({"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2,
                               "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
                               "net.ipv4.ip_forward": 0})
        self.fabric.cable(tenant_network(self.plan.tenant), self.port, self.namespace, "eth0", self.mac)
        self.namespace.ip(
            f"addr add {self.plan.address4}/24 dev eth0", f"addr add {self.plan.address6}/64 dev eth0 nodad",
            f"route add default via {plan.GATEWAY4}", f"route add default via {plan.GATEWAY6}",
            *(f"addr add {vip}/{128 if ':' in vip else 32} dev lo{' nodad' if ':' in vip else ''}" for vip in vips))
        self.server = self.namespace.popen(
            [sys.executable, "-S", SERVER, self.name, str(plan.HTTP_PORT), str(plan.LINE_PORT), *vips],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, process_group=0)

    def wait_ready(self):
        if self.server.stdout.readline() != b"ready\n":
            raise LabError(f"the server of amphora {self.name} did not start")
        self.server.stdout.close()
