"""packaging/openapi.yaml against the running server: every call that the server knows stands there, every call there answers as it
says, and every body validates (P9, P10)."""

import http.client
import json
import os
import ssl
import subprocess

import jsonschema
import pytest
import yaml

LB = "5d9b1f2c-6a4e-4c8e-9d41-0a5b7e3f2c11"
PLUG = {"vip_address": "192.0.2.10", "subnet_cidr": "192.0.2.0/24", "gateway": "192.0.2.1", "mac_address": "02:00:00:00:00:0a",
        "vrrp_ip": "192.0.2.11", "host_routes": [{"destination": "198.51.100.0/24", "nexthop": "192.0.2.2"}],
        "nodes": [{"node_id": "node-b", "mac_address": "02:00:00:00:00:0b"}],
        "additional_vips": [{"vip_address": "2001:db8::10", "subnet_cidr": "2001:db8::/64"}],
        "alg_extras": {"algorithm": "hash", "affinity": "Source_IP", "hash_classes_max": 256}, "cluster_size": 4, "mtu": 1450}
REGISTER = {"amphorae": [{"mac_address": "02:00:00:00:01:01", "position": 0, "amphora_id": "one"}, {"mac_address": "02:00:00:00:01:02"},
                         {"mac_address": "02:00:00:00:01:09", "role": "standby"}]}

# (call, query, body) in an order in which each has its effect.
GOOD = [("get /", "", None), ("get /1.0/info", "", None), ("get /1.0/details", "", None), ("get /1.0/pair", "", None),
        ("post /1.0/pair/switchover", "", {}),
        ("put /1.0/certificate", "", "a certificate"), ("put /1.0/config", "", "a configuration"),
        ("post /1.0/loadbalancer/{lb_id}/plug", "", PLUG), ("post /1.0/loadbalancer/{lb_id}/register", "", REGISTER),
        ("get /1.0/loadbalancer", "", None), ("get /1.0/loadbalancer", "?after=" + LB, None), ("get /1.0/loadbalancer/{lb_id}", "", None),
        ("get /1.0/loadbalancer/{lb_id}/where", "?client=203.0.113.7&port=40000&protocol=tcp", None),
        ("post /1.0/loadbalancer/{lb_id}/replace", "", {"failed": "02:00:00:00:01:01", "standby": "02:00:00:00:01:09"}),
        ("post /1.0/loadbalancer/{lb_id}/unregister", "", {"amphorae": ["02:00:00:00:01:02"]}),
        ("post /1.0/loadbalancer/{lb_id}/unplug", "", {"lb_id": LB})]
BAD = [("post /1.0/loadbalancer/{lb_id}/plug", "", {**PLUG, "gatewy": "192.0.2.1"}, 400), ("post /1.0/loadbalancer/{lb_id}/plug", "", "[", 400),
       ("post /1.0/loadbalancer/{lb_id}/register", "", {"amphorae": []}, 400), ("get /1.0/loadbalancer/{lb_id}/where", "", None, 400),
       ("get /1.0/loadbalancer", "?before=1", None, 400), ("get /1.0/loadbalancer/{lb_id}", "", None, 404),
       ("post /1.0/loadbalancer/{lb_id}/replace", "", {"failed": "02:00:00:00:01:01"}, 404), ("get /1.0/nothing", "", None, 404),
       ("delete /1.0/loadbalancer/{lb_id}", "", None, 405), ("get /1.0/certificate", "", None, 405)]


@pytest.fixture(scope="module")
def document():
    with open(os.environ["OPENAPI"], encoding="ascii") as file:
        return yaml.safe_load(file)


class Server:
    def __init__(self):
        self.process = subprocess.Popen([os.environ["OPENAPI_SERVER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = json.loads(self.process.stdout.readline())
        context = ssl.create_default_context(cafile=self.facts["ca"])
        context.load_cert_chain(self.facts["certificate"], self.facts["key"])
        context.check_hostname = False
        self.connection = http.client.HTTPSConnection("127.0.0.1", self.facts["port"], context=context, timeout=30)

    def call(self, call, query, body):
        method, path = call.split(" ")
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        self.connection.request(method.upper(), path.replace("{lb_id}", LB) + query, body=data)
        answer = self.connection.getresponse()
        assert answer.headers["Content-Type"] == "application/json", call
        return answer.status, json.loads(answer.read())

    def close(self):
        self.connection.close()
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


def calls_of(document):
    verbs = ("get", "put", "post", "delete", "patch")
    return {f"{verb} {path}" for path, item in document["paths"].items() for verb in item if verb in verbs}


def pointed(document, item):
    """The thing itself, or what its $ref points to."""
    while "$ref" in item:
        target = document
        for part in item["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/")]
        item = target
    return item


def validator(document, schema):
    return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver.from_schema(document))


def described(document, call, status):
    """The schema of that answer; None if the status is not foreseen."""
    verb, path = call.split(" ")
    responses = document["paths"][path][verb]["responses"]
    found = responses.get(str(status), responses["default"] if status >= 400 else None)
    return found and pointed(document, found)["content"]["application/json"]["schema"]


def test_every_call_of_the_server_is_described_and_no_other(document, server):
    known = {f"{method.lower()} {pattern.replace('*', '{lb_id}')}" for method, pattern in server.facts["calls"]}
    missing, invented = known - calls_of(document), calls_of(document) - known
    assert not missing, f"add to packaging/openapi.yaml, and to GOOD of this test: {sorted(missing)}"
    assert not invented, f"packaging/openapi.yaml describes what the server does not know: {sorted(invented)}"
    assert {call for call, _, _ in GOOD} == known, "GOOD of this test lacks a call"


def test_every_schema_is_one(document):
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name[0].isupper()


def test_every_reference_leads_somewhere(document):
    def walk(item):
        if isinstance(item, dict):
            if "$ref" in item:
                pointed(document, item)
            for one in item.values():
                walk(one)
        elif isinstance(item, list):
            for one in item:
                walk(one)
    walk(document)


def test_every_call_answers_as_described(document, server):
    for call, query, body in GOOD:
        verb, path = call.split(" ")
        request = document["paths"][path][verb].get("requestBody")
        if isinstance(body, dict):
            validator(document, request["content"]["application/json"]["schema"]).validate(body)
        assert (body is not None) == (request is not None), call
        status, answer = server.call(call, query, body)
        assert status < 300, (call, answer)
        schema = described(document, call, status)
        assert schema is not None, f"{call} answered {status}, which is not described"
        validator(document, schema).validate(answer)


def test_every_refusal_is_an_error_as_described(document, server):
    for call, query, body, wanted in BAD:
        status, answer = server.call(call, query, body)
        assert status == wanted, (call, answer)
        validator(document, document["components"]["schemas"]["Error"]).validate(answer)
        assert answer["http_code"] == status


def test_what_the_parsers_refuse_is_not_described_as_right(document, server):
    schema = validator(document, document["components"]["schemas"]["Plug"])
    for wrong in ({**PLUG, "gatewy": "192.0.2.1"}, {**PLUG, "mtu": 1}, {**PLUG, "forwarding_mode": "other"}, {"subnet_cidr": "192.0.2.0/24"}):
        assert not schema.is_valid(wrong)
        assert server.call("post /1.0/loadbalancer/{lb_id}/plug", "", wrong)[0] == 400
