"""Certificates of a lab, made with the openssl command: the server's, a client's, and those that must be refused."""

import os

from lab.system import run


def _key(path):
    run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path])
    os.chmod(path, 0o600)


def _authority(directory, name):
    base = os.path.join(directory, name)
    _key(base + ".key")
    run(["openssl", "req", "-x509", "-new", "-key", base + ".key", "-subj", f"/CN={name}", "-days", "365",
         "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
         "-out", base + ".pem"])
    return base


def _leaf(authority, directory, name, usage, dns=None, days=30):
    """A certificate and its key in one file, NAME.pem, as Octavia writes server.pem. Without AKI and SKI, as Octavia's."""
    base = os.path.join(directory, name)
    _key(base + ".key")
    run(["openssl", "req", "-new", "-key", base + ".key", "-subj", f"/CN={dns or name}", "-out", base + ".csr"])
    extensions = ["basicConstraints=CA:FALSE", f"extendedKeyUsage={usage}", "authorityKeyIdentifier=none",
                  "subjectKeyIdentifier=none"]
    if dns:
        extensions.append(f"subjectAltName=DNS:{dns}")
    with open(base + ".ext", "w", encoding="ascii") as file:
        file.write("\n".join(extensions) + "\n")
    signed = run(["openssl", "x509", "-req", "-in", base + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
                  "-CAcreateserial", "-days", str(days), "-extfile", base + ".ext"]).stdout
    with open(base + ".key", encoding="ascii") as file:
        key = file.read()
    descriptor = os.open(base + ".pem", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(signed + key)
    return base + ".pem"


class Certificates:
    def __init__(self, directory, distributor_id):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.server_ca = os.path.join(directory, "server_ca.pem")
        self.client_ca = os.path.join(directory, "client_ca.pem")
        self.server = os.path.join(directory, "server.pem")
        self.client = os.path.join(directory, "client.pem")
        if os.path.exists(self.client):
            return
        server_ca = _authority(directory, "server_ca")
        client_ca = _authority(directory, "client_ca")
        _leaf(server_ca, directory, "server", "serverAuth", dns=distributor_id)
        _leaf(client_ca, directory, "client", "clientAuth")

    def new_server(self, name, dns, days=30, authority="server_ca"):
        """Another server certificate with its key, as Octavia issues one for a rotation: one PEM text."""
        path = _leaf(os.path.join(self.directory, authority), self.directory, name, "serverAuth", dns=dns, days=days)
        with open(path, encoding="ascii") as file:
            return file.read()

    def new_client_ca(self, name):
        """Another CA of clients: the text of its certificate, and the PEM file of a client of it."""
        authority = _authority(self.directory, name)
        with open(authority + ".pem", encoding="ascii") as file:
            return file.read(), _leaf(authority, self.directory, name + "_client", "clientAuth")

    def stranger(self):
        """A client certificate of a CA that nobody trusts."""
        path = os.path.join(self.directory, "stranger.pem")
        if not os.path.exists(path):
            _leaf(_authority(self.directory, "other_ca"), self.directory, "stranger", "clientAuth")
        return path

    def expired(self):
        """A client certificate of the right CA whose time is over."""
        path = os.path.join(self.directory, "expired.pem")
        if not os.path.exists(path):
            _leaf(os.path.join(self.directory, "client_ca"), self.directory, "expired", "clientAuth", days=-1)
        return path
