"""PID 1 of a lab node: gives it a /run, /proc, /sys and disk of its own, starts its services and restarts those that
should be. Dies with everything in it, as a VM does, when it is killed. Talks JSON lines on a Unix socket.

Arguments: the directory that is the node's disk. Operations: start, kill, stop, status, supervise (see Init).
"""

import errno
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time


def mount(*argv):
    subprocess.run(["mount", *argv], check=True)


def lay_out(disk):
    """Mounts what a VM would have to itself. /run is lost with the node, the disk is not."""
    with open("/proc/self/mounts", encoding="utf-8") as table:
        below_run = [line.split()[1] for line in table if line.split()[1].startswith("/run/")]
    for point in sorted(below_run, reverse=True):
        subprocess.run(["umount", "-l", point], check=False, stderr=subprocess.DEVNULL)
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "sysfs", "sysfs", "/sys")
    mount("-t", "tmpfs", "-o", "mode=755,size=256m", "tmpfs", "/run")
    mount("-t", "tmpfs", "-o", "mode=755,size=16m", "tmpfs", "/var/lib")
    for directory in ("/run/netns", "/run/openvswitch", "/run/distributor", "/run/tmp", "/run/lock", "/var/lib/distributor"):
        os.makedirs(directory, exist_ok=True)
    mount("--bind", os.path.join(disk, "distributor"), "/var/lib/distributor")
    mount("--bind", os.path.join(disk, "openvswitch"), "/etc/openvswitch")


class Init:
    def __init__(self, disk):
        self.disk = disk
        self.services = {}  # name -> what was asked, and what became of it
        self.by_pid = {}
        self.due = {}  # name -> when to restart it
        self.selector = selectors.DefaultSelector()

    def spawn(self, name):
        service = self.services[name]
        log = os.open(service["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            child = subprocess.Popen(
                service["argv"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": "/run/tmp", **service.get("env", {})})
        except OSError as error:
            os.write(log, f"{service['argv'][0]}: {error}\n".encode())
            service["running"] = False
            service["last_exit"] = f"not started: {error}"
            return
        finally:
            os.close(log)
        child.returncode = 0  # reaped by pid below, never by this object
        service.update(pid=child.pid, running=True, starts=service.get("starts", 0) + 1, started=time.monotonic())
        self.by_pid[child.pid] = name

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self.by_pid.pop(pid, None)
            if name is None:
                continue
            service = self.services[name]
            service.update(running=False, last_exit=os.waitstatus_to_exitcode(status), ended=time.monotonic())
            if service["restart"]:
                self.due[name] = time.monotonic() + service["restart_delay_ms"] / 1000

    def restart_due(self):
        """Starts what is due; returns the seconds until the next one, None if there is none."""
        now = time.monotonic()
        for name in [name for name, when in self.due.items() if when <= now]:
            del self.due[name]
            self.spawn(name)
        return max(0.0, min(self.due.values()) - now) if self.due else None

    def descendants(self, root):
        parents = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(entry)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue  # gone meanwhile
        family, grown = {root}, True
        while grown:
            more = {pid for pid, parent in parents.items() if parent in family} - family
            family |= more
            grown = bool(more)
        return family

    def start(self, request):
        name = request["name"]
        old = self.services.get(name, {})
        if old.get("running"):
            return {"error": f"{name} is running as {old['pid']}"}
        self.services[name] = {**old, "argv": request["argv"], "log": request["log"], "env": request.get("env", {}),
                               "restart": request.get("restart", False),
                               "restart_delay_ms": request.get("restart_delay_ms", 100)}
        self.due.pop(name, None)
        self.spawn(name)
        service = self.services[name]
        return {"pid": service.get("pid")} if service["running"] else {"error": service["last_exit"]}

    def supervise(self, request):
        """Switches restarting on or off; off also calls back a restart that is due."""
        service = self.services.get(request["name"])
        if service is None:
            return {"error": f"no service {request['name']}"}
        service["restart"] = request["restart"]
        if not request["restart"]:
            self.due.pop(request["name"], None)
        elif not service["running"]:
            self.spawn(request["name"])
        return {}

    def kill(self, request):
        """Sends a signal; with tree, also to every descendant, children first."""
        service = self.services.get(request["name"])
        if service is None or not service["running"]:
            return {"error": f"{request['name']} is not running"}
        pids = self.descendants(service["pid"]) if request.get("tree") else {service["pid"]}
        for pid in sorted(pids, reverse=True):
            try:
                os.kill(pid, request["signal"])
            except ProcessLookupError:
                pass
        return {"at": time.monotonic()}

    def status(self, _request):
        keys = ("pid", "running", "starts", "last_exit", "started", "ended", "restart")
        return {"services": {name: {key: service[key] for key in keys if key in service}
                             for name, service in self.services.items()}}

    def answer(self, line):
        try:
            request = json.loads(line)
            operation = {"start": self.start, "kill": self.kill, "status": self.status, "supervise": self.supervise}
            return operation[request["op"]](request)
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"bad request: {error!r}"}

    def serve(self):
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = os.path.join(self.disk, "init.sock")
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen(16)
        self.selector.register(listener, selectors.EVENT_READ, "listener")
        self.selector.register(wake_read, selectors.EVENT_READ, "child")
        buffers = {}
        while True:
            for key, _ in self.selector.select(self.restart_due()):
                if key.data == "child":
                    os.read(wake_read, 4096)
                elif key.data == "listener":
                    connection, _ = listener.accept()
                    buffers[connection] = b""
                    self.selector.register(connection, selectors.EVENT_READ, "connection")
                else:
                    self.read(key.fileobj, buffers)
            self.reap()

    def read(self, connection, buffers):
        try:
            data = connection.recv(65536)
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            data = b""
        if not data:
            self.selector.unregister(connection)
            connection.close()
            del buffers[connection]
            return
        *lines, buffers[connection] = (buffers[connection] + data).split(b"\n")
        for line in lines:
            connection.sendall(json.dumps(self.answer(line)).encode() + b"\n")


if __name__ == "__main__":
    lay_out(sys.argv[1])
    Init(sys.argv[1]).serve()
