"""Alert rules and dashboard: promtool takes them, each alert fires for what it is about, and the real daemon exports every name."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from lab.lab import Lab
from lab.system import LabError

NAME = re.compile(r"\bdistributor_[a-z0-9_]+")


@pytest.fixture(scope="module")
def monitoring(tree):
    return os.path.join(tree, "packaging", "monitoring")


def promtool(*arguments, text=None):
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def test_rules_are_valid(monitoring, need):
    need("promtool")
    done = promtool("check", "rules", os.path.join(monitoring, "alerts.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_for_what_it_is_about(monitoring, need):
    need("promtool")
    done = promtool("test", "rules", os.path.join(monitoring, "alerts_test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = set(re.findall(r"- alert: (\w+)", read(monitoring, "alerts.yml")))
    fires = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts", read(monitoring, "alerts_test.yml")))
    quiet = set(re.findall(r"alertname: (\w+)\}", read(monitoring, "alerts_test.yml")))
    assert alerts == fires == quiet


def test_a_rule_that_is_wrong_is_seen(monitoring, need, tmp_path):
    need("promtool")
    rules = read(monitoring, "alerts.yml").replace("distributor_ovs_programmed == 0", "distributor_ovs_programmed == 2")
    (tmp_path / "alerts.yml").write_text(rules, encoding="utf-8")
    (tmp_path / "alerts_test.yml").write_text(read(monitoring, "alerts_test.yml"), encoding="utf-8")
    done = promtool("test", "rules", str(tmp_path / "alerts_test.yml"))
    assert done.returncode != 0 and "DistributorOpenVSwitchBehind" in done.stdout + done.stderr


def test_dashboard_is_complete(monitoring):
    board = json.loads(read(monitoring, "dashboard.json"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places), "panels lie on one another"
    for panel in panels:
        assert panel["title"] and panel["targets"] and all(target["expr"] for target in panel["targets"])


# -- against the real daemon ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(programs):
    from lab import binaries
    problems = binaries.missing_prerequisites()
    if problems:
        pytest.skip("; ".join(problems))
    with Lab(programs) as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def balancer(lab):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab"))
    from support import Balancer
    with Balancer(lab) as plugged:
        yield plugged


def scrape(node, path="/metrics", *options):
    return node.exec(["curl", "-sS", "--fail-with-body", "--max-time", "10", *options, f"http://127.0.0.1:9464{path}"]).stdout


def series(text):
    """{(name, labels as text): value}."""
    return {(match[1], match[2] or ""): float(match[3]) for match in re.finditer(r"^(\w+)(\{[^}]*\})? (\S+)$", text, re.MULTILINE)}


def test_metrics_follow_the_conventions(lab, balancer, need):
    need("promtool")
    balancer.who(["198.18.0.7"])
    text = scrape(lab.nodes[1])
    done = promtool("check", "metrics", text=text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text.count("# TYPE distributor_api_answer_seconds ") == 1, "one family, once"


def test_every_name_in_alerts_and_dashboard_is_exported(lab, balancer, monitoring):
    exported = {name for name, _ in series(scrape(lab.nodes[1]))} | {name for name, _ in series(scrape(lab.nodes[2]))}
    for file in ("alerts.yml", "alerts_test.yml", "dashboard.json"):
        missing = set(NAME.findall(read(monitoring, file))) - exported
        assert not missing, f"{file}: the daemon does not export {sorted(missing)}"
    described = set(NAME.findall(read(os.path.dirname(os.path.dirname(monitoring)), "docs", "operations.md")))
    assert described and described <= exported


def test_traffic_is_counted_by_position_on_the_node_that_forwards(lab, balancer):
    owner = lab.nodes[lab.wait_in_sync()[0]]
    clients = [f"198.18.1.{i}" for i in range(1, 33)]

    def packets():
        found = series(scrape(owner))
        return {labels: value for (name, labels), value in found.items() if name == "distributor_bucket_packets_total" and balancer.id in labels}

    before = packets()
    balancer.who(clients)
    deadline = time.monotonic() + 15
    while sum(packets().values()) < sum(before.values()) + len(clients):
        assert time.monotonic() < deadline, "the packets of 32 clients are not counted"
        time.sleep(0.2)
    assert len(packets()) == 4 and all('position="' in labels for labels in packets())


def test_roles_of_the_pair_and_the_ends_of_certificates(lab, balancer):
    values = [series(scrape(node)) for node in lab.nodes.values()]
    assert sum(one["distributor_owner", ""] for one in values) == 1
    assert all(one["distributor_ready", ""] == 1 and one["distributor_replication_lag_entries", ""] == 0 for one in values)
    for one in values:
        for which in ("server", "client_ca"):
            assert one["distributor_certificate_expiry_timestamp_seconds", f'{{certificate="{which}"}}'] > time.time()
    for one in values:
        programmed = one["distributor_ovs_programming_seconds_count", ""]
        assert 0 < programmed == one["distributor_ovs_programming_seconds_bucket", '{le="+Inf"}'] and one["distributor_ovs_programming_seconds_sum", ""] > 0
    owner = values[0] if values[0]["distributor_owner", ""] else values[1]
    assert owner["distributor_changes_total", '{durability="pair"}'] >= 2 and owner["distributor_last_change_durable_on_pair", ""] == 1


def test_series_are_bounded_and_what_is_left_out_is_counted(lab, balancer):
    node = lab.nodes[lab.wait_in_sync()[1]]
    text = node.config_text()
    try:
        with open(node.config, "w", encoding="ascii") as file:
            file.write(text.replace("[metrics]\n", "[metrics]\nseries_max = 3\n"))
        node.stop("distributord")
        node.start("distributord")
        lab.wait_in_sync()
        found = series(scrape(node))
        assert found["distributor_load_balancers_left_out", ""] == 1
        assert not any(balancer.id in labels for _, labels in found)
    finally:
        with open(node.config, "w", encoding="ascii") as file:
            file.write(text)
        node.stop("distributord")
        node.start("distributord")
        lab.wait_in_sync()


def test_the_listener_takes_loopback_names_only(lab, balancer):
    node = lab.nodes[1]
    assert scrape(node, "/metrics", "-H", "Host: localhost:9464").startswith("# HELP")
    with pytest.raises(LabError):
        scrape(node, "/", "-H", "Host: rebound.example.net")
    with pytest.raises(LabError):
        scrape(node, "/nothing")
