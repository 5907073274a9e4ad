"""The package on a clean Debian 12 (L4): installed, set up, started under a real systemd with all of its sandboxing as a pair that
serves, upgraded under way, removed and purged. The nodes are trees booted by systemd-nspawn on the lab's networks; only the
machine's kernel is shared."""

import os
import shutil
import subprocess
import uuid

import pytest

import machine
from lab import plan, traffic
from lab.fabric import MANAGEMENT
from lab.lab import Lab
from lab.system import in_parallel, wait_until
from support import Balancer
from typed_on_nodes import Typist

UNITS = ("distributord.service", "distributor-gatekeeper.service", "distributor-netns.socket")


@pytest.fixture(scope="module")
def directory():
    with machine.scratch() as directory:
        yield directory


@pytest.fixture(scope="module")
def clean(need, directory):
    """A clean Debian tree; it is not changed by any test."""
    need("mmdebstrap", "systemd-nspawn", "nsenter", "unshare")
    if os.geteuid() != 0:
        pytest.skip("root is needed (chroot, namespaces)")
    if os.environ.get("DISTRIBUTOR_CLEAN_TREE"):  # one that was made before, to try things out quickly
        return machine.Tree(os.environ["DISTRIBUTOR_CLEAN_TREE"])
    if not machine.debian_sources():
        pytest.skip("apt knows no Debian 12 sources here: run apt-get update")
    try:
        return machine.Tree.make(os.path.join(directory, "clean"))
    except (machine.CommandFailed, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no clean Debian tree can be made here: {str(error)[-300:]}")


@pytest.fixture(scope="module")
def installed(clean, directory, package):
    """The clean tree with the package, its dependencies fetched by apt."""
    tree = machine.Tree(os.path.join(directory, "installed"))
    machine.call(["cp", "-a", "--reflink=auto", clean.directory, tree.directory])
    tree.put(package, "root/distributor-pair.deb")
    tree.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/distributor-pair.deb")
    return tree


def test_installs_with_its_dependencies(installed):
    assert installed.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "distributor-pair").stdout == "installed"
    for program in ("distributord", "distributor-gatekeeper", "distributorctl"):
        assert installed.run(program, "--version").stdout.strip()
    assert installed.run("stat", "-c", "%U:%G %a", "/etc/distributor", "/etc/distributor/pki", "/var/lib/distributor").stdout.split("\n")[:3] == [
        "root:distributor 750", "distributor:distributor 700", "distributor:distributor 700"]
    for unit in UNITS:
        assert installed.run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    assert os.path.islink(installed.path("etc/systemd/system/amphora-agent.service"))
    assert installed.run("dpkg", "--verify", "distributor-pair").stdout == ""


def test_lintian_finds_no_error(need, package):
    need("lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", "--suppress-tags", "bad-distribution-in-changes-file", package],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_units_are_correct_and_confined(installed, need):
    need("systemd-analyze")
    folder = "/lib/systemd/system/"
    done = installed.run("systemd-analyze", "verify", "--man=no", *(folder + unit for unit in (*UNITS, "distributor-netns.service", "keepalived.service")), check=False)
    assert done.returncode == 0 and "distributor" not in done.stderr, done.stderr
    for unit, worst in (("distributord", 2.5), ("distributor-gatekeeper", 1.5), ("distributor-netns", 5.0)):
        shown = installed.run("systemd-analyze", "security", "--offline=true", f"{unit}.service", check=False).stdout
        figure = float(shown.split("Overall exposure level")[1].split(":")[1].split()[0])
        print(f"systemd-analyze security {unit}: {figure}")
        assert figure <= worst, shown


def test_removal_keeps_the_registry_and_purge_leaves_nothing(clean, directory, package):
    tree = machine.Tree(os.path.join(directory, "purged"))
    machine.call(["cp", "-a", "--reflink=auto", clean.directory, tree.directory])
    tree.put(package, "root/distributor-pair.deb")
    # The dependencies stay: what is measured is what this package brings.
    depends = machine.call(["dpkg-deb", "-f", package, "Depends"]).stdout
    names = [one.split("(")[0].split("|")[0].strip() for one in depends.split(",")]
    tree.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *names)
    before, passwd = tree.files(), tree.run("getent", "passwd").stdout
    tree.run("dpkg", "-i", "/root/distributor-pair.deb")
    with open(tree.path("etc/distributor/distributord.toml"), "w", encoding="ascii") as file:
        file.write("node_id = \"node-1\"\n")
    with open(tree.path("var/lib/distributor/registry.db"), "w", encoding="ascii") as file:
        file.write("what was registered\n")
    with open(tree.path("etc/sysctl.d/60-distributor.conf"), "a", encoding="ascii") as file:
        file.write("# changed by the operator\n")

    tree.run("dpkg", "-i", "/root/distributor-pair.deb")  # upgrade
    with open(tree.path("etc/sysctl.d/60-distributor.conf"), encoding="ascii") as file:
        assert file.read().endswith("# changed by the operator\n"), "a conffile that was changed is kept"

    tree.run("apt-get", "-q", "-y", "remove", "distributor-pair")
    assert os.path.exists(tree.path("var/lib/distributor/registry.db")) and os.path.exists(tree.path("etc/distributor/distributord.toml"))
    assert not os.path.exists(tree.path("usr/sbin/distributord"))
    tree.run("dpkg", "-i", "/root/distributor-pair.deb")
    assert os.path.exists(tree.path("var/lib/distributor/registry.db")), "removed and installed again: as before"

    tree.run("dpkg", "--purge", "distributor-pair")
    left = {name for name in tree.files() - before if not name.startswith("root/")}
    assert not {name for name in left if "distributor" in name or "amphora" in name}, left
    assert left <= {"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-"}, left
    assert tree.run("getent", "passwd").stdout == passwd
    assert tree.run("dpkg-query", "-W", "distributor-pair", check=False).returncode != 0
    shutil.rmtree(tree.directory, ignore_errors=True)


# -- a pair of such machines -----------------------------------------------------------------------------------------------


class Pair:
    def __init__(self, lab, machines):
        self.lab, self.machines = lab, machines

    def wait_in_sync(self, timeout_s=40):
        try:
            return self.lab.wait_in_sync(timeout_s)
        except Exception as error:
            raise AssertionError(f"{error}\n" + "\n".join(f"--- {one.name}\n{one.journal()}" for one in self.machines.values()))


def attach(node):
    """The machine's cables, as a hypervisor would plug them."""
    node.namespace.create()
    node.fabric.cable(MANAGEMENT, node.management_port(), node.namespace, "eth0", plan.management_mac(node.number))
    node.namespace.ip(f"addr add {plan.management_address(node.number)}/{plan.MANAGEMENT_PREFIX} dev eth0")
    node.plug_cable(1)


def bring(machine_to, name, pair_directory):
    """What distributor-setup tells the operator to do, without ssh."""
    archive = subprocess.run(["tar", "-C", os.path.join(pair_directory, name), "-c", "etc"], check=True, capture_output=True).stdout
    subprocess.run(["chroot", machine_to.root, "tar", "-C", "/", "-x", "--no-overwrite-dir", "--no-same-owner"], input=archive, check=True)


@pytest.fixture(scope="module")
def pair(installed, directory, programs):
    lab = Lab(programs)
    machines = {}
    try:
        lab.build()
        for number, node in lab.nodes.items():
            attach(node)
            machines[number] = machine.Machine(installed, node.namespace.path, f"{lab.prefix}n{number}", os.path.join(directory, f"m{number}"))
        in_parallel(*(one.boot for one in machines.values()))
        pair_directory = machines[1].path("root/pair")
        said = machines[1].run(
            "distributor-setup", "--output", "/root/pair", "--pair-id", str(uuid.UUID(lab.distributor_id)), "--management-vip",
            f"{plan.MANAGEMENT_VIP}/{plan.MANAGEMENT_PREFIX}", *(word for n in lab.nodes for word in ("--node", f"node-{n}={plan.management_address(n)}")),
            "--datapath", "netdev", "--no-realtime").stdout
        assert "systemctl restart distributor-gatekeeper distributord keepalived" in said
        lab.certificates.client = os.path.join(pair_directory, "controller/client.pem")
        lab.certificates.server_ca = os.path.join(pair_directory, "controller/server_ca.pem")
        for number, one in machines.items():
            bring(one, f"node-{number}", pair_directory)
            toml = one.path("etc/distributor/distributord.toml")
            with open(toml, encoding="ascii") as file:
                text = file.read()
            with open(toml, "w", encoding="ascii") as file:
                file.write(text.replace("[keepalived]\n", f'[keepalived]\npeer_mac = "{plan.management_mac(3 - number)}"\n'))
                file.write("\n[gatekeeper]\ngrace_ms = 10000\n")  # two systemds on a busy machine take their time to restart a daemon
            one.run("systemctl", "restart", "distributor-gatekeeper", "distributord", "keepalived")
        pair = Pair(lab, machines)
        pair.wait_in_sync()
        yield pair
    except machine.CommandFailed as error:
        for one in machines.values():
            print(f"--- {one.name}\n{one.journal()}")
        if "systemd-nspawn ended" in str(error) or "did not come up" in str(error):
            pytest.skip(f"no machine can be booted here: {str(error)[-400:]}")
        raise
    finally:
        for one in machines.values():
            one.end()
        lab.destroy()


def test_units_run_with_few_rights(pair):
    for one in pair.machines.values():
        for unit, rights in (("distributord", {"cap_net_admin", "cap_kill"}), ("distributor-gatekeeper", {"cap_kill"})):
            pid = one.run("systemctl", "show", "--value", "-p", "MainPID", unit).stdout.strip()
            status = dict(line.split(":\t", 1) for line in one.run("cat", f"/proc/{pid}/status").stdout.splitlines() if ":\t" in line)
            assert status["Uid"].split()[1] == one.run("id", "-u", "distributor").stdout.strip() != "0"
            assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == sum(1 << {"cap_kill": 5, "cap_net_admin": 12}[right] for right in rights)
            assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        assert one.run("systemctl", "--failed", "--no-legend", "--plain", "list-units", "distribut*", "keepalived*").stdout == ""
        assert one.run("distributord", "--check-config").stdout.strip().endswith("correct")
        assert one.run("sysctl", "-n", "net.ipv4.neigh.eth0.retrans_time_ms").stdout.strip() == "100"
        assert one.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip() == "0"


def test_the_guard_against_forged_adverts_is_set_from_within_the_sandbox(pair):  # H5
    for number, one in pair.machines.items():
        rules = one.run("nft", "list", "ruleset").stdout
        assert plan.management_mac(3 - number) in rules and "drop" in rules


def test_a_pair_set_up_by_the_tool_serves_and_survives(pair):
    """PLUG with vrrp_ip needs everything that the sandbox might take away: netlink, namespaces, Open vSwitch's sockets, keepalived."""
    lab, machines = pair.lab, pair.machines
    active, standby = pair.wait_in_sync()
    with Balancer(lab, vrrp=True) as balancer:
        assert balancer.registered["durability"] == "pair"
        clients = plan.clients(100, 100)
        before = balancer.who(clients)
        assert set(before.values()) == {f"t1a{i}" for i in range(1, 5)}
        for number, one in machines.items():
            one.wait(lambda one=one, number=number: plan.vrrp_ip(number) in one.run("ip", "-n", "lb-1", "address", "show").stdout,
                     "vrrp_ip in the load balancer's namespace, seen from the machine itself (H10)")

        # A restart of the daemon, and an upgrade of the package: the pair comes back in sync, and no client moves (O4, A4).
        for argv in (["systemctl", "restart", "distributord"], ["dpkg", "-i", "/root/distributor-pair.deb"]):
            machines[active].run(*argv)
            active, standby = pair.wait_in_sync()
            assert balancer.who(clients) == before, argv

        # The daemon stopped for good: the node leaves the election, the other one takes over, and clients stay where they were.
        machines[active].run("systemctl", "stop", "distributord")
        lab.wait_owner(standby, 60)
        wait_until(lambda: traffic.who(lab.gateway(), clients[:1], deadline_s=1), 20, "traffic after the takeover")
        assert balancer.who(clients) == before
        machines[active].run("systemctl", "start", "distributord")
        pair.wait_in_sync()

        # Open vSwitch restarted by the operator: new sockets, and the daemon may use them (UMask= and the directory's ACL).
        machines[active].run("systemctl", "restart", "openvswitch-switch")
        pair.wait_in_sync()
        # A daemon that hangs is ended by systemd's watchdog and started again.
        pid = machines[standby].run("systemctl", "show", "--value", "-p", "MainPID", "distributord").stdout.strip()
        machines[standby].run("kill", "-STOP", pid)
        machines[standby].wait(lambda: machines[standby].run("systemctl", "show", "--value", "-p", "MainPID", "distributord").stdout.strip() not in (pid, "0"),
                               "the watchdog to replace a hung daemon")
        pair.wait_in_sync()
        assert balancer.who(clients) == before
    for one in machines.values():
        one.wait(lambda one=one: "lb-1" not in one.run("ip", "netns", "list").stdout, "the namespace to be gone after UNPLUG")


@pytest.fixture(scope="module")
def typist(pair):
    return Typist(pair, os.path.dirname(pair.lab.certificates.client))


def test_the_documented_commands_do_what_is_said(typist):
    typist.type_on_the_pair()


def test_removal_stops_the_node_and_leaves_the_other_serving(pair):
    active, standby = pair.wait_in_sync()
    one = pair.machines[active]
    one.run("apt-get", "-q", "-y", "purge", "distributor-pair")
    pair.lab.wait_owner(standby, 60)
    assert one.run("pgrep", "-c", "distributor", check=False).stdout.strip() == "0"
    for path in ("/run/distributor", "/var/lib/distributor", "/etc/distributor"):
        assert one.run("test", "-e", path, check=False).returncode == 1, path
    assert "distributor" not in one.run("getfacl", "/run/openvswitch").stdout
    one.run("ovs-vsctl", "del-br", "br-dist")


def test_the_last_node_begins_alone_from_its_backup(pair, typist):
    last = next(number for number, one in pair.machines.items() if one.run("test", "-e", "/usr/sbin/distributord", check=False).returncode == 0)
    typist.type_on_the_last_node(last)
    pair.lab.wait_owner(last, 60)
    assert typist.balancer in pair.machines[last].run("distributorctl", "status").stdout
