"""GET / of a lab node in a real browser: what an operator sees, without anything from elsewhere."""

import os
import re
import struct
import subprocess

import pytest
from lab import binaries
from lab.lab import Lab

PAGE = "http://127.0.0.1:9464/"


@pytest.fixture(scope="module")
def lab(programs):
    problems = binaries.missing_prerequisites()
    if problems:
        pytest.skip("; ".join(problems))
    with Lab(programs, tenants=2) as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def balancers(lab):
    import sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
    from support import Balancer
    for node in lab.nodes.values():
        node.plug_cable(2)
    with Balancer(lab) as first, Balancer(lab, tenant=2, amphorae=2, spare=False) as second:
        first.who([f"198.18.2.{i}" for i in range(1, 41)])
        second.who(["198.18.3.1"])
        yield first, second


def browse(node, profile, *arguments):
    """Chromium in the node's network namespace; loads nothing but the page, and runs no script of it."""
    return subprocess.run(
        ["nsenter", f"--net={node.namespace.path}", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
         f"--user-data-dir={profile}", *arguments, PAGE],
        capture_output=True, text=True, timeout=120, check=True, stdin=subprocess.DEVNULL)


def curl(node, *options):
    return node.exec(["curl", "-sS", "--max-time", "10", *options, PAGE]).stdout


def test_the_page_tells_the_pair_in_a_browser(lab, balancers, need, tmp_path):
    need("chromium")
    owner, standby = (lab.nodes[number] for number in lab.wait_in_sync())
    shot = os.environ.get("STATUS_PAGE_PNG", str(tmp_path / "page.png"))
    seen = browse(owner, tmp_path / "profile", "--dump-dom").stdout
    assert f"{owner.name} (this node)" in seen and "MASTER: answers for the VIPs" in seen
    assert standby.name in seen and "BACKUP: ready to take over" in seen and "in sync" in seen
    for balancer in balancers:
        assert balancer.id in seen
    for mac in balancers[0].macs[:4]:
        assert mac in seen
    assert "Nothing needs attention." in seen
    stages = re.search(r"took the VIPs over</td>((?:<td class=\"n\">[^<]+</td>){4})", seen)
    assert stages and len(re.findall(r"already|\d ms", stages[1])) == 4, "each stage of the takeover that made it the owner has its time"
    shares = [float(share) for share in re.findall(r'class="fill" style="width: ?([\d.]+)%', seen)]
    assert len(shares) == 6 and any(shares) and all(share <= 100 for share in shares)
    browse(owner, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1100,1250")
    with open(shot, "rb") as file:
        png = file.read()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (1100, 1250)
    assert len(png) > 20_000, "an empty page makes a small picture"


def test_the_page_is_whole_by_itself(lab, balancers):
    page = curl(lab.nodes[1], "-H", "Accept: text/html")
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|src=|https?://", page, re.IGNORECASE)
    headers = curl(lab.nodes[1], "-H", "Accept: text/html", "-D", "-", "-o", "/dev/null")
    assert "Content-Security-Policy: default-src 'none'" in headers and "text/html" in headers and "no-store" in headers


def test_programs_get_json(lab, balancers):
    assert '"loadbalancers_total":2' in curl(lab.nodes[2])


def test_a_standby_alone_is_told_at_once(lab, balancers):
    """The page is for the bad hour: without its peer a node says so on top."""
    owner, standby = (lab.nodes[number] for number in lab.wait_in_sync())
    standby.power_off()
    try:
        from lab.system import wait_until
        wait_until(lambda: "the peer is away" in curl(owner, "-H", "Accept: text/html"), 20, "the page to say that the peer is away", 0.2)
        page = curl(owner, "-H", "Accept: text/html")
        assert 'class="concern urgent"' in page and "not heard of" in page and "no contact" in page
    finally:
        standby.power_on()
        lab.wait_in_sync()
