"""Clean Debian trees, and machines that boot one under a real systemd (systemd-nspawn), on a network namespace of the lab."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
CAPABILITIES = "CAP_NET_ADMIN,CAP_SYS_NICE,CAP_SYS_RESOURCE,CAP_IPC_LOCK"


class CommandFailed(Exception):
    pass


def call(argv, check=True, **options):
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def debian_sources():
    """The machine's own Debian sources, as lines of sources.list: a tree is made from wherever this machine was."""
    shown = call(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"]).stdout
    found = {tuple(line.split("|")[1:]) for line in shown.splitlines() if line.startswith("Debian|") and "bookworm" in line}
    return [f"deb {uri} {release} {component}" for uri, release, component in sorted(found) if component == "main"]


class Tree:
    """A clean Debian 12, with nothing but what every Debian has and systemd."""

    def __init__(self, directory):
        self.directory = directory

    @classmethod
    def make(cls, directory):
        call(["mmdebstrap", "--mode=root", "--variant=minbase", "--include=systemd,dbus", "bookworm", directory, *debian_sources()],
             timeout=600)
        tree = cls(directory)
        # Packages are installed into it before it runs: their daemons must not start in this machine.
        with open(tree.path("usr/sbin/policy-rc.d"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(tree.path("usr/sbin/policy-rc.d"), 0o755)
        tree.run("apt-get", "-q", "update")
        return tree

    def path(self, relative):
        return os.path.join(self.directory, relative)

    def run(self, *argv, check=True):
        """In the tree, with /proc, apart from this machine's processes and mounts."""
        return call(["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--propagation", "private", "sh", "-c",
                     f"mount -t proc proc {self.directory}/proc && exec chroot {self.directory} \"$@\"", "sh", *argv], check=check, env=ENVIRONMENT)

    def put(self, source, relative):
        shutil.copy(source, self.path(relative))

    def files(self):
        """Every file and directory, without what programs of Debian itself write as they go."""
        ignored = ("proc", "sys", "dev", "run", "tmp", "var/cache", "var/log", "var/lib/apt", "var/lib/dpkg", "var/lib/systemd/deb-systemd-helper-masked")
        found = set()
        for base, folders, names in os.walk(self.directory):
            relative = os.path.relpath(base, self.directory)
            folders[:] = [name for name in folders if os.path.normpath(os.path.join(relative, name)) not in ignored]
            found.update(os.path.normpath(os.path.join(relative, name)) for name in folders + names)
        return found


class Machine:
    """A tree that runs: systemd is its first process. Its writes go to an upper layer, so that one tree serves several machines."""

    def __init__(self, tree, network_namespace, name, directory):
        self.name = name.replace("_", "-")  # a host name has no underscore, a lab's name may have one
        self.directory = directory
        self.root = os.path.join(directory, "root")
        for part in ("root", "upper", "work"):
            os.makedirs(os.path.join(directory, part), exist_ok=True)
        call(["mount", "-t", "overlay", "overlay", "-o",
              f"lowerdir={tree.directory},upperdir={directory}/upper,workdir={directory}/work", self.root])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.root, "usr/sbin/policy-rc.d"))
        self.network_namespace = network_namespace
        self.process = None
        self.leader = None

    def path(self, relative):
        return os.path.join(self.root, relative)

    def boot(self, timeout_s=60):
        log = open(os.path.join(self.directory, "console.log"), "ab")
        with log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no", f"--machine={self.name}",
                 f"--network-namespace-path={self.network_namespace}", f"--capability={CAPABILITIES}", "--bind=/dev/net/tun",
                 "--directory", self.root, "--boot"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**ENVIRONMENT, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"})
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise CommandFailed(f"systemd-nspawn ended: {self.console()}")
            self.leader = self._child()
            if self.leader and self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"):
                return
            time.sleep(0.2)
        raise CommandFailed(f"{self.name} did not come up in {timeout_s} s: {self.console()}")

    def _child(self):
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                for pid in file.read().split():
                    with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                        if comm.read().strip() == "systemd":
                            return int(pid)
        return None

    def console(self):
        with open(os.path.join(self.directory, "console.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def run(self, *argv, check=True):
        return call(["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--", *argv],
                    check=check, env=ENVIRONMENT)

    def journal(self, lines=60):
        return self.run("journalctl", "--no-pager", "-n", str(lines), "-u", "distribut*", "-u", "keepalived", check=False).stdout

    def wait(self, condition, what, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        seen = None
        while time.monotonic() < deadline:
            try:
                seen = condition()
                if seen:
                    return seen
            except (CommandFailed, OSError, ValueError) as error:
                seen = error
            time.sleep(0.2)
        raise AssertionError(f"{self.name}: not within {timeout_s} s: {what}; last: {seen}\n{self.journal()}")

    def end(self):
        if self.process is not None and self.process.poll() is None:
            if self.leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.leader, signal.SIGKILL)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        call(["umount", "-l", self.root], check=False)


@contextlib.contextmanager
def scratch():
    """A directory for trees and machines that is gone afterwards."""
    directory = tempfile.mkdtemp(prefix="distributor-tree-")
    os.chmod(directory, 0o755)
    try:
        yield directory
    finally:
        if os.path.exists(directory):
            for mount in mounts_below(directory):
                call(["umount", "-l", mount], check=False)
            shutil.rmtree(directory, ignore_errors=True)


def mounts_below(directory):
    with open("/proc/self/mounts", encoding="utf-8") as table:
        return sorted((line.split()[1] for line in table if line.split()[1].startswith(directory)), reverse=True)


if __name__ == "__main__":
    print("\n".join(debian_sources()), file=sys.stdout)
