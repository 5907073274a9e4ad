"""distributor-setup: what it makes, what it refuses, and that a second run changes nothing. That a pair set up by it works is
test_clean_tree.py's part. L4, X2"""

import os
import stat
import subprocess

import pytest

PAIR = ("--node", "node-1=198.51.100.1", "--node", "node-2=198.51.100.2", "--management-vip", "198.51.100.10/24")
PAIR_ID = "6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10"


@pytest.fixture
def setup(tree, programs, need):
    need("openssl")

    def run(*arguments):
        return subprocess.run([os.path.join(tree, "packaging/node/distributor-setup"), *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, "DISTRIBUTORD": programs.distributord}, check=False)
    return run


def contents(directory):
    return {os.path.relpath(os.path.join(base, name), directory): (open(os.path.join(base, name), "rb").read(), os.stat(os.path.join(base, name)).st_mtime_ns)
            for base, _, names in os.walk(directory) for name in names}


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def test_a_pair_gets_all_that_it_needs(setup, programs, tmp_path):
    out = tmp_path / "pair"
    done = setup("--output", out, "--pair-id", PAIR_ID, *PAIR)
    assert done.returncode == 0, done.stderr
    assert f"tar -C {out}/node-2 -c etc" in done.stdout
    for name, other in (("node-1", "node-2"), ("node-2", "node-1")):
        etc = out / name / "etc"
        checked = subprocess.run([programs.distributord, "--config", etc / "distributor/distributord.toml", "--check-config"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        rendered = subprocess.run([programs.distributord, "--config", etc / "distributor/distributord.toml", "--render-keepalived"], capture_output=True, text=True, check=True)
        assert (etc / "keepalived/keepalived.conf").read_text() == rendered.stdout
        own = (out / name / "etc/distributor/pki/own.key").read_text()
        assert (out / other / "etc/distributor/pki/peer.pub").read_text().strip() not in ("", own.strip())
        assert own != (out / other / "etc/distributor/pki/own.key").read_text()
    # One server certificate for both nodes, whose name is the distributor's id (FACTS: Octavia's client checks it), and a client's.
    server = out / "node-1/etc/distributor/pki/server.pem"
    assert server.read_bytes() == (out / "node-2/etc/distributor/pki/server.pem").read_bytes()
    assert f"DNS:{PAIR_ID}" in openssl("x509", "-in", server, "-noout", "-ext", "subjectAltName")
    openssl("verify", "-CAfile", out / "controller/server_ca.pem", "-purpose", "sslserver", server)
    openssl("verify", "-CAfile", out / "node-1/etc/distributor/pki/client_ca.pem", "-purpose", "sslclient", out / "controller/client.pem")


def test_nobody_else_can_read_it(setup, tmp_path):
    out = tmp_path / "pair"
    assert setup("--output", out, *PAIR).returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    for name in contents(out):
        if not name.endswith(".pub"):
            assert stat.S_IMODE(os.stat(out / name).st_mode) & 0o077 == 0, name


def test_the_same_call_changes_nothing_and_another_is_refused(setup, tmp_path):
    out = tmp_path / "pair"
    first = setup("--output", out, *PAIR)
    before = contents(out)
    again = setup("--output", out, *PAIR)
    assert again.returncode == 0 and "nothing was changed" in again.stdout
    assert again.stdout.split("\n", 1)[1] == first.stdout
    for other in (("--router-id", 52), ("--pair-id", PAIR_ID), ("--interface", "eth1")):
        refused = setup("--output", out, *PAIR, *other)
        assert refused.returncode == 2 and "made with other values" in refused.stderr
    assert contents(out) == before
    (tmp_path / "mine").mkdir()
    refused = setup("--output", tmp_path / "mine", *PAIR)
    assert refused.returncode == 2 and "not made by distributor-setup" in refused.stderr
    assert not any(name.startswith(".distributor-setup") for name in os.listdir(tmp_path))


def test_requests_and_octavias_certificates(setup, tmp_path):
    asked = setup("--output", tmp_path / "r", "--pair-id", PAIR_ID, "--certificates", "request", *PAIR)
    assert asked.returncode == 0 and "server.csr signed" in asked.stdout
    assert f"DNS:{PAIR_ID}" in openssl("req", "-in", tmp_path / "r/request/server.csr", "-noout", "-text", "-verify")
    assert not (tmp_path / "r/controller").exists()
    brought = setup("--output", tmp_path / "o", "--certificates", "octavia", *PAIR)
    assert brought.returncode == 0
    assert 'certificate = "/etc/octavia/certs/server.pem"' in (tmp_path / "o/node-1/etc/distributor/distributord.toml").read_text()


def test_a_standalone_node_and_ipv6(setup, tmp_path):
    assert setup("--output", tmp_path / "s", "--node", "only=198.51.100.1").returncode == 0
    assert "[peer]" not in (tmp_path / "s/only/etc/distributor/distributord.toml").read_text()
    assert not (tmp_path / "s/only/etc/keepalived").exists()
    six = setup("--output", tmp_path / "6", "--node", "a=2001:db8::1", "--node", "b=2001:db8::2", "--management-vip", "2001:db8::10/64")
    assert six.returncode == 0, six.stderr
    text = (tmp_path / "6/a/etc/distributor/distributord.toml").read_text()
    assert 'connect = "tcp://[2001:db8::2]:9444"' in text and 'listen = ["[::]:9443"]' in text


@pytest.mark.parametrize("arguments, says", [
    (PAIR, "--output: wanted"),
    (("--output", "x"), "--node: wanted one (standalone) or two"),
    (("--output", "x", *PAIR, "--node", "node-3=198.51.100.3"), "found 3"),
    (("--output", "x", *PAIR[:4]), "--management-vip: wanted"),
    (("--output", "x", "--node", "a=198.51.100.1", "--node", "a=198.51.100.2", "--management-vip", "198.51.100.3/24"), "both nodes are called"),
    (("--output", "x", "--node", "a b=198.51.100.1"), "--node: wanted NAME=ADDRESS"),
    (("--output", "x", "--node", "a=$(reboot)"), "wanted an IPv4 or IPv6 address"),
    (("--output", "x", "--node", "a=198.51.100.256", *PAIR[2:]), "these values make no correct configuration"),
    (("--output", "x", *PAIR, "--router-id", "256"), "--router-id: wanted 1..255"),
    (("--output", "x", *PAIR, "--advert-interval-ms", "5"), "--advert-interval-ms: wanted"),
    (("--output", "x", *PAIR, "--interface", "eth0;"), "--interface: wanted"),
    (("--output", "x", *PAIR, "--pair-id", "one"), "--pair-id: wanted a UUID"),
    (("--output", "x", *PAIR, "--certificates", "self"), "--certificates: wanted"),
    (("--output", "x", *PAIR, "--no-realtime", "--advert-interval-ms", "20"), "below 50 ms needs realtime"),
    (("--output", "x", "--surprise"), "unknown argument"),
    (("--output",), "--output: wanted a value"),
])
def test_wrong_values_are_named(setup, tmp_path, arguments, says):
    place = {"x": str(tmp_path / "x")}
    done = setup(*(place.get(word, word) for word in arguments))
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert os.listdir(tmp_path) == []
