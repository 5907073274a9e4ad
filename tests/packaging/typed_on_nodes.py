"""Types the commands of the documentation in the machines of a pair, in the order of documented_commands.toml (test_clean_tree.py)."""

import os
import re
import tomllib
import uuid

from lab import plan

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "documented_commands.toml")
CONFIGURATION = "/etc/distributor/distributord.toml"
# Where the machine is not set up for a command by itself: the client's side, and keys for a bridge that listens with TLS.
REST = f"export DISTRIBUTOR_ADDRESS={plan.MANAGEMENT_VIP} DISTRIBUTOR_CERT=/root/controller/client.pem DISTRIBUTOR_CA=/root/controller/server_ca.pem; "
BRIDGE_KEYS = """cd /etc/openvswitch
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=bridge -keyout key.pem -out cert.pem 2> /dev/null
cp cert.pem ca.pem
install -o distributor -m 600 key.pem /etc/distributor/pki/bridge.key
install -o distributor -m 600 cert.pem /etc/distributor/pki/bridge.pem"""
TLS = 'certificate = "/etc/distributor/pki/bridge.pem"\nprivate_key = "/etc/distributor/pki/bridge.key"\nca = "/etc/distributor/pki/bridge.pem"\n'
# What the text around a command says of it.
COMPLETED = {"systemctl reload": "systemctl reload distributord"}


def table():
    with open(TABLE, "rb") as file:
        return tomllib.load(file)


class Typist:
    def __init__(self, pair, controller):
        self.pair, self.machines = pair, pair.machines
        self.balancer = str(uuid.uuid4())
        for one in self.machines.values():
            os.makedirs(one.path("root/controller"), exist_ok=True)
            for name in ("client.pem", "server_ca.pem"):
                with open(os.path.join(controller, name), "rb") as file, open(one.path(f"root/controller/{name}"), "wb") as copy:
                    copy.write(file.read())
            one.run("bash", "-ec", BRIDGE_KEYS)

    def filled(self, text, number):
        """Placeholders, and the addresses of examples, become what is there."""
        values = {"LB_ID": self.balancer, "LB": self.balancer, "COMMAND": "losses", "MARK": "1-0123456789ab", "CLIENT": "198.18.4.7", "IFACE": "eth0", "VIP": plan.VIP4,
                  "203.0.113.10": plan.VIP4, "203.0.113.0/24": plan.SUBNET4, "DISTRIBUTOR_MAC": plan.front_mac(1, number),
                  "--config FILE": f"--config {CONFIGURATION}", "FILE": "/var/lib/distributor/plain.db",
                  "backup-...db": "backup-*.db"}
        values |= {f"node-{n}=02:00:00:00:0a:0{n}": f"node-{n}={plan.front_mac(1, n)}" for n in self.machines}
        if "in_port=PORT" in text:
            values["PORT"] = self.machines[number].run("ovs-vsctl", "get", "Interface", "eth1", "ofport").stdout.strip()
        pattern = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(values, key=len, reverse=True))
        return re.sub(pattern, lambda found: values[found[0]], COMPLETED.get(text, text))

    def type(self, entry, number):
        text = self.filled(entry["run"], number)
        if entry.get("on") == "gateway":
            done = self.pair.lab.gateway().exec(["sh", "-c", text], check=False)
        else:
            done = self.machines[number].run("bash", "-c", f"cd /root; {REST if entry.get('api') else ''}{text}", check=False)
        said = done.stdout + done.stderr
        assert done.returncode in entry.get("exit", [0]), f"{text}: exit {done.returncode}\n{said}"
        assert self.filled(entry.get("says", ""), number).lower() in said.lower(), f"{text}: wanted {entry['says']!r} in\n{said}"
        if "target" in entry:
            self.over_the_network(number, entry["target"])

    def over_the_network(self, number, target):
        """The daemon speaks to the bridge as it listens now, is in sync with it, and goes back to the bridge's own socket."""
        one = self.machines[number]
        with open(one.path(CONFIGURATION[1:]), encoding="ascii") as file:
            before = file.read()
        settings = f'[openflow]\ntarget = "{target}"\n' + (TLS if target.startswith("ssl:") else "")
        for text in (before.replace("[openflow]\n", settings), before):
            with open(one.path(CONFIGURATION[1:]), "w", encoding="ascii") as file:
                file.write(text)
            assert ('[openflow]\ntarget' in text) == (text != before)
            one.run("systemctl", "restart", "distributord")
            self.pair.wait_in_sync()

    def type_on_the_pair(self):
        numbers = []
        for entry in table()["on_nodes"]:
            if entry["on"] != "same":
                active, standby = self.pair.wait_in_sync()
                numbers = {"owner": [active], "standby": [standby], "each": [active, standby], "gateway": [active]}[entry["on"]]
            for number in numbers:
                self.type(entry, number)

    def type_on_the_last_node(self, number):
        for entry in table()["on_the_last_node"]:
            self.type(entry, number)
