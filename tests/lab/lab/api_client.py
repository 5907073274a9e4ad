"""A client of the REST API as Octavia's is: mutual TLS, name check, one keep-alive connection, JSON."""

import dataclasses
import http.client
import json
import socket
import ssl

from lab import plan


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: dict

    @property
    def ok(self):
        return self.status // 100 == 2

    def expect(self, status=None):
        """Itself, if the status is the wanted one (any 2xx by default)."""
        if not (self.ok if status is None else self.status == status):
            raise AssertionError(f"wanted status {status or '2xx'}, found {self.status}: {self.body}")
        return self


class _Connection(http.client.HTTPConnection):
    def __init__(self, namespace, address, context, name, timeout_s):
        super().__init__(address, plan.API_PORT, timeout=timeout_s)
        self.namespace, self.context, self.name = namespace, context, name

    def connect(self):
        plain = self.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as urllib3, which Octavia's client uses
        try:
            plain.connect((self.host, self.port))
            self.sock = self.context.wrap_socket(plain, server_hostname=self.name)
        except BaseException:
            plain.close()
            raise


class ApiClient:
    def __init__(self, lab, address=plan.MANAGEMENT_VIP, certificate=None, timeout_s=10, tls=None, anonymous=False, replay=True):
        """certificate: a PEM file with certificate and key, the lab's client by default. tls: an ssl.TLSVersion.
        replay: a call that fails on a connection that was open before is sent once more on a new one, as Octavia's does."""
        context = ssl.create_default_context(cafile=lab.certificates.server_ca)
        if not anonymous:
            context.load_cert_chain(certificate or lab.certificates.client)
        if tls is not None:
            context.minimum_version = context.maximum_version = tls
        self.replay = replay
        self.connection = _Connection(lab.fabric.controller, address, context, lab.distributor_id, timeout_s)

    def close(self):
        self.connection.close()

    def raw(self, method, path, body=None, headers=None):
        """Sends bytes as they are. Any failure of the connection closes it; the next call opens a new one."""
        reused = self.connection.sock is not None
        try:
            return self._once(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            if not (self.replay and reused):
                raise
        return self._once(method, path, body, headers)

    def _once(self, method, path, body, headers):
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        return Answer(answer.status, json.loads(text) if text else {})

    def call(self, method, path, body=None, request_id=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if request_id:
            headers["Idempotency-Key"] = request_id
        return self.raw(method, path, None if body is None else json.dumps(body).encode(), headers)

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body, request_id=None):
        return self.call("POST", path, body, request_id)

    # -- the calls of the REST API -----------------------------------------------------------------------------------

    def plug(self, lb, **fields):
        return self.post(f"/1.0/loadbalancer/{lb}/plug", fields)

    def unplug(self, lb):
        return self.post(f"/1.0/loadbalancer/{lb}/unplug", {})

    def register(self, lb, amphorae, request_id=None):
        return self.post(f"/1.0/loadbalancer/{lb}/register", {"amphorae": amphorae}, request_id)

    def unregister(self, lb, macs, request_id=None):
        return self.post(f"/1.0/loadbalancer/{lb}/unregister", {"amphorae": macs}, request_id)

    def replace(self, lb, failed, standby=None):
        return self.post(f"/1.0/loadbalancer/{lb}/replace", {"failed": failed, **({"standby": standby} if standby else {})})

    def status(self, lb):
        return self.get(f"/1.0/loadbalancer/{lb}")

    def where(self, lb, client):
        return self.get(f"/1.0/loadbalancer/{lb}/where?client={client}")

    def pair(self):
        return self.get("/1.0/pair")
