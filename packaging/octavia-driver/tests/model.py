"""What stands around the driver in unit tests: the pair behind Octavia's client, Neutron and Nova, reduced to the rules that
the driver relies on. The real pair is in tests/octavia."""

import json
import uuid

from octavia.common import data_models
from octavia.network import data_models as network_models
import requests


class Refusal(Exception):
    def __init__(self, status, error, details=""):
        super().__init__(details)
        self.status, self.error, self.details = status, error, details


class ModelPair(requests.adapters.BaseAdapter):
    """The rules of a pair that the driver relies on, behind Octavia's client as its transport."""

    def __init__(self):
        super().__init__()
        self.balancers, self.calls, self.uuid = {}, [], None
        self.answers = []  # (status, error) to give before anything else
        self.lose_answers = 0  # so many changes are made and their answers lost
        self.limit = 4096
        self.certificates = []
        self.stale = None  # why the answering node may show what is old

    def send(self, request, **_):
        path = request.url.split("/1.0/")[1]
        self.calls.append(f"{request.method} {path}")
        try:
            if self.answers:
                raise Refusal(*self.answers.pop(0))
            status, body = 200, self.handle(request, path)
        except Refusal as refusal:
            status, body = refusal.status, {"error": refusal.error, "details": refusal.details, "http_code": refusal.status}
        if self.lose_answers:
            self.lose_answers -= 1
            raise requests.ConnectionError("the answer was lost")
        response = requests.Response()
        response.status_code, response.headers["content-type"] = status, "application/json"
        response._content = json.dumps(body).encode()
        response.request = request
        return response

    def close(self):
        pass

    def handle(self, request, path):
        if path == "certificate":
            self.certificates.append(request.body)
            return {}
        if path == "loadbalancer":
            return {"loadbalancers": [{"lb_id": one} for one in self.balancers], "next": None, "stale": self.stale}
        _, lb_id, *verb = path.split("/")
        body = json.loads(request.body) if request.body else {}
        if verb == ["plug"]:
            return self.plug(lb_id, body)
        if verb == ["unplug"]:
            self.balancers.pop(lb_id, None)
            return {"lb_id": lb_id, "amphorae": [], "spares": []}
        if lb_id not in self.balancers:
            raise Refusal(404, "load_balancer_not_found", "no such load balancer")
        getattr(self, verb[0])(self.balancers[lb_id], body)
        return self.listing(lb_id)

    def listing(self, lb_id):
        one = self.balancers[lb_id]
        return {"lb_id": lb_id, "hash_seed": one["seed"],
                "amphorae": [{"mac_address": mac, "position": position, "amphora_id": one["ids"].get(mac)}
                             for position, mac in sorted(one["slots"].items())],
                "spares": [{"mac_address": mac, "position": None, "amphora_id": one["ids"].get(mac)} for mac in one["spares"]]}

    def plug(self, lb_id, body):
        if lb_id not in self.balancers and len(self.balancers) >= self.limit:
            raise Refusal(409, "limit_reached", "full")
        seed = body.pop("hash_seed", None)
        present = self.balancers.setdefault(lb_id, {"seed": seed or uuid.uuid4().hex[:16], "slots": {}, "spares": [], "ids": {}})
        if seed and seed != present["seed"]:
            raise Refusal(409, "conflict", "hash_seed")
        present["plug"] = body
        return self.listing(lb_id)

    def register(self, one, body):
        for item in body["amphorae"]:
            mac, position = item["mac_address"], item.get("position")
            one["ids"][mac] = item.get("amphora_id")
            if mac in one["slots"].values() or (mac in one["spares"] and item.get("role") == "standby"):
                continue
            if item.get("role") == "standby":
                one["spares"].append(mac)
                continue
            if position is None:
                position = next(slot for slot in range(256) if slot not in one["slots"])
            if position in one["slots"]:
                raise Refusal(409, "conflict", "position")
            one["slots"][position] = mac

    def unregister(self, one, body):
        gone = set(body["amphorae"])
        one["slots"] = {position: mac for position, mac in one["slots"].items() if mac not in gone}
        one["spares"] = [mac for mac in one["spares"] if mac not in gone]

    def replace(self, one, body):
        position = next(slot for slot, mac in one["slots"].items() if mac == body["failed"])
        one["spares"].remove(body["standby"])
        one["slots"][position] = body["standby"]


class ModelNeutron:
    """Ports and subnets, and the one call of the Neutron client that the driver makes."""

    def __init__(self):
        self.ports, self.updates, self.made = {}, [], 0
        self.neutron_client = self

    def update_port(self, port_id, body):
        self.updates.append((port_id, body["port"]))

    def create_port(self, network_id, name=None, fixed_ips=(), secondary_ips=(), security_group_ids=()):
        self.made += 1
        number = self.made
        subnet = fixed_ips[0]["subnet_id"] if fixed_ips else "subnet-management"
        port = network_models.Port(id=f"port-{number}", name=name, mac_address=f"02:00:00:00:00:{number:02x}",
                                   network_id=network_id, fixed_ips=[network_models.FixedIP(subnet, f"192.0.2.{number}")])
        port.secondary_ips = secondary_ips
        self.ports[port.id] = port
        return port

    def delete_port(self, port_id):
        self.ports.pop(port_id, None)

    def get_port(self, port_id):
        return self.ports[port_id]

    def get_subnet(self, subnet_id):
        if subnet_id == "subnet-6":
            return network_models.Subnet(id=subnet_id, cidr="2001:db8:1::/64", gateway_ip="2001:db8:1::1")
        return network_models.Subnet(id=subnet_id, cidr="192.0.2.0/24", gateway_ip="192.0.2.1", host_routes=[
            network_models.HostRoute(destination="203.0.113.0/24", nexthop="192.0.2.9")])

    def get_network(self, network_id):
        return network_models.Network(id=network_id, mtu=1450)


class ModelNova:
    def __init__(self):
        self.instances, self.attached, self.built = {}, [], []

    def build(self, **arguments):
        compute_id = str(uuid.uuid4())
        self.built.append(arguments)
        self.instances[compute_id] = arguments
        return compute_id

    def delete(self, compute_id):
        self.instances.pop(compute_id)

    def get_amphora(self, compute_id, management_network_id=None):
        return data_models.Amphora(compute_id=compute_id, status="ACTIVE" if compute_id in self.instances else "ERROR"), None

    def attach_network_or_port(self, compute_id, network_id=None, ip_address=None, port_id=None):
        self.attached.append((compute_id, port_id))

    def detach_port(self, compute_id, port_id):
        self.attached.remove((compute_id, port_id))


def balancer(lb_id=None, project="project-1", second_vip=False):
    lb = data_models.LoadBalancer(id=lb_id or str(uuid.uuid4()), project_id=project)
    lb.vip = data_models.Vip(load_balancer_id=lb.id, ip_address="192.0.2.100", subnet_id="subnet-4", network_id="network-1",
                             port_id="vip-port", load_balancer=lb)
    if second_vip:
        lb.additional_vips = [data_models.AdditionalVip(load_balancer_id=lb.id, ip_address="2001:db8:1::100",
                                                        subnet_id="subnet-6", network_id="network-1")]
    return lb


def amphorae(neutron, lb, count):
    made = []
    for _ in range(count):
        port = neutron.create_port("network-1", name="amphora")
        made.append(data_models.Amphora(id=str(uuid.uuid4()), load_balancer_id=lb.id, vrrp_port_id=port.id))
    return tuple(made)
