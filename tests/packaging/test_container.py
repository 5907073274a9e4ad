"""A node as a container: the package's files on this machine's root, Linux namespaces instead of an engine, the entrypoint as the
first process, and interfaces that exist before it starts (L5)."""

import os
import re
import signal
import subprocess

import pytest

import machine
from lab import binaries, plan
from lab.fabric import MANAGEMENT
from lab.lab import Lab
from lab.system import wait_until
from support import Balancer

START = """
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir={base}/upper,workdir={base}/work {base}/root
cd {base}/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --bind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs etc/openvswitch
mount --bind {base}/etc etc/distributor
mount --bind {base}/state var/lib/distributor
exec chroot . /usr/local/sbin/entrypoint
"""


class Container:
    def __init__(self, node, unpacked, tree, base):
        self.node, self.base, self.process = node, base, None
        for part in ("upper", "work", "root", "etc", "state"):
            os.makedirs(os.path.join(base, part))
        upper = os.path.join(base, "upper")
        # On a merged-/usr system the package's own paths are all below /usr.
        subprocess.run(["cp", "-a", os.path.join(unpacked, "usr"), upper], check=True)
        for folder in ("etc/distributor", "var/lib/distributor", "etc/openvswitch", "usr/local/sbin"):
            os.makedirs(os.path.join(upper, folder), exist_ok=True)
        subprocess.run(["install", "-m", "755", os.path.join(tree, "packaging/container/entrypoint"), os.path.join(upper, "usr/local/sbin")], check=True)

    def start(self, interfaces):
        self.log = os.path.join(self.base, "log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["nsenter", f"--net={self.node.namespace.path}", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts",
                 "bash", "-c", START.format(base=self.base)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**machine.ENVIRONMENT, "DISTRIBUTOR_INTERFACES": interfaces, "DISTRIBUTOR_WAIT_S": "5"})

    def first_process(self):
        """The entrypoint's process id on this machine: the child of unshare."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def run(self, *argv):
        return machine.call(["nsenter", "--target", str(self.first_process()), "--mount", "--pid", "--net", "--root", "--wd=/", *argv], env=machine.ENVIRONMENT)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        os.kill(self.first_process(), signal.SIGTERM)
        return self.process.wait(20)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def standalone(programs, unpacked, tree, build):
    problems = binaries.missing_prerequisites()
    if problems:
        pytest.skip("; ".join(problems))
    lab = Lab(programs, standalone=True)
    with machine.scratch() as directory:
        container = None
        try:
            lab.build()
            node = lab.nodes[1]
            node.namespace.create()
            node.fabric.cable(MANAGEMENT, node.management_port(), node.namespace, "eth0", plan.management_mac(1))
            node.namespace.ip(f"addr add {plan.management_address(1)}/{plan.MANAGEMENT_PREFIX} dev eth0")
            node.plug_cable(1)
            container = Container(node, unpacked, tree, os.path.join(directory, "c"))
            subprocess.run(["distributor-setup", "--output", os.path.join(directory, "setup"), "--node", f"node-1={plan.management_address(1)}",
                            "--pair-id", lab.distributor_id, "--datapath", "netdev"], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "PATH": f"{unpacked}/usr/sbin:{os.environ['PATH']}", "DISTRIBUTORD": os.path.join(unpacked, "usr/sbin/distributord")})
            lab.certificates.client = os.path.join(directory, "setup/controller/client.pem")
            lab.certificates.server_ca = os.path.join(directory, "setup/controller/server_ca.pem")
            subprocess.run(f"cp -a {directory}/setup/node-1/etc/distributor/. {container.base}/etc/", shell=True, check=True)
            path = os.path.join(container.base, "etc/distributord.toml")
            with open(path, encoding="ascii") as file:
                text = file.read()
            with open(path, "w", encoding="ascii") as file:
                file.write(text.replace('target = "journal"', 'target = "stderr"'))
            yield lab, container
        finally:
            if container is not None:
                container.end()
            lab.destroy()


def test_it_says_which_interface_is_missing(standalone):
    _, container = standalone
    container.start("eth0 eth1 eth7")
    assert container.process.wait(30) == 1
    assert "interface eth7 is not here" in container.said()


def test_it_serves_on_interfaces_that_exist_already(standalone):
    lab, container = standalone
    container.start("eth0 eth1")
    try:
        wait_until(lambda: lab.api(1, timeout_s=2).pair().ok, 40, "the container to answer")
        clients = plan.clients(100, 100)
        with Balancer(lab, vrrp=True) as balancer:
            before = balancer.who(clients)
            assert set(before.values()) == {f"t1a{i}" for i in range(1, 5)}
            # H10, as in a VM; Open vSwitch makes the device when it gets to it.
            wait_until(lambda: plan.vrrp_ip(1) in container.run("ip", "-n", "lb-1", "address", "show").stdout, 10, "vrrp_ip to be there")
            # What dies is started again.
            container.run("pkill", "-KILL", "-x", "distributord")
            wait_until(lambda: "distributord ended; starting it again" in container.said(), 10, "the entrypoint to notice")
            wait_until(lambda: lab.api(1, timeout_s=2).pair().ok, 20, "the daemon after its death")
            assert balancer.who(clients) == before
        assert re.search(r'"version"', str(lab.api(1).get("/1.0/info").expect().body).replace("'", '"'))
        assert container.stop() == 0, container.said()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{container.said()[-3000:]}") from error
