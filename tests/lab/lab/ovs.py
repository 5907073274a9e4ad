"""Looks into a node's Open vSwitch from outside: flows, groups, traces. An oracle that shares no code with the daemon."""

import glob
import json
import os
import re
import socket

from lab.system import LabError, run

_COUNTERS = re.compile(r" ?(duration|n_packets|n_bytes|idle_age|hard_age|ref_count|packet_count|byte_count)=[^, ]*,?")


FINGERPRINT_GROUP = 8  # pipeline::kFingerprintGroup: always there, used by no rule


class OpenVSwitch:
    def __init__(self, root, bridge="br-dist"):
        """root: the directory under which the node's files are seen, e.g. /proc/PID/root."""
        self.root = root
        self.bridge = bridge

    def ofctl(self, command, *arguments, check=True):
        target = f"unix:{self.root}/run/openvswitch/{self.bridge}.mgmt"
        return run(["ovs-ofctl", "-O", "OpenFlow15", command, target, *arguments], check=check).stdout

    def vsctl(self, *arguments):
        return run(["ovs-vsctl", f"--db=unix:{self.root}/run/openvswitch/db.sock", "--timeout=5", *arguments]).stdout

    def groups(self):
        """group id -> its text without counters, of load balancers. Bucket order is kept: it matters for ties."""
        found = {}
        for line in self.ofctl("dump-groups").splitlines():
            if match := re.match(r"\s*group_id=(\d+),(.*)", line):
                found[int(match[1])] = match[2]
        found.pop(FINGERPRINT_GROUP, None)
        return found

    def buckets(self, group):
        """[(bucket id, destination MAC)] of a group's text, in list order."""
        return [(int(number), mac) for number, mac in
                re.findall(r"bucket=bucket_id:(\d+)[^b]*?set_field:([0-9a-f:]{17})->eth_dst",
                           re.sub(r"set_field:[0-9a-f:]{17}->eth_src,?", "", group))]

    def flows(self):
        """The flows without counters and ages, sorted."""
        lines = [line.strip() for line in self.ofctl("dump-flows").splitlines() if "actions=" in line]
        return sorted(_COUNTERS.sub("", line).strip() for line in lines)

    def durations(self):
        """flow text -> seconds since it was added. Falls when somebody sends it again."""
        found = {}
        for line in self.ofctl("dump-flows").splitlines():
            if match := re.search(r"duration=([\d.]+)s", line):
                found[_COUNTERS.sub("", line).strip()] = float(match[1])
        return found

    def group_durations(self):
        """group id -> (seconds since it was added, packets)."""
        text = self.ofctl("dump-group-stats")
        return {int(number): (float(seconds), int(packets)) for number, seconds, packets in re.findall(
            r"group_id=(\d+),duration=([\d.]+)s,ref_count=\d+,packet_count=(\d+)", text)}

    def appctl(self, method, *arguments):
        """A call on ovs-vswitchd's control socket (JSON-RPC), without a process of its own."""
        paths = glob.glob(f"{self.root}/run/openvswitch/ovs-vswitchd.*.ctl")
        if not paths:
            raise LabError(f"no control socket of ovs-vswitchd under {self.root}/run/openvswitch")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(max(paths, key=os.path.getmtime))
            connection.sendall(json.dumps({"method": method, "params": list(arguments), "id": 0}).encode())
            decoder, text = json.JSONDecoder(), ""
            while chunk := connection.recv(65536):
                text += chunk.decode()
                try:
                    answer, _ = decoder.raw_decode(text)
                except json.JSONDecodeError:
                    continue
                if answer.get("error"):
                    raise LabError(f"{method}: {answer['error']}")
                return answer["result"]
        raise LabError(f"{method}: the control socket closed without an answer")

    def trace(self, flow):
        return self.appctl("ofproto/trace", self.bridge, flow)

    def traced_bucket(self, flow):
        """The bucket that Open vSwitch itself chooses for a flow; None if it drops it."""
        chosen = re.findall(r"using bucket (\d+)", self.trace(flow))
        return int(chosen[0]) if chosen else None
