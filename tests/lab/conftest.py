"""What all lab tests share. Nothing passes by not running: a missing prerequisite is a skip that says why."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab import binaries  # noqa: E402
from lab.lab import Lab, exit_on_signals  # noqa: E402
from lab.system import LabError  # noqa: E402

SKIPPED = 77  # what ctest is told to read as "not run"


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=int(os.environ.get("LAB_KILLS", "100")), help="how often test_kills.py kills")
    parser.addoption("--keep-logs", default=os.environ.get("LAB_LOGS"), help="directory to which the nodes' logs are copied")


def pytest_configure(config):
    exit_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    problems = binaries.missing_prerequisites()
    if problems:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="; ".join(problems)))


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and reporter and not reporter.stats.get("passed") and reporter.stats.get("skipped"):
        print("\nSKIPPED: " + "; ".join(sorted({report.longrepr[2] for report in reporter.stats["skipped"]})))
        session.exitstatus = SKIPPED


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the last lines of every node's logs: the lab is gone when somebody looks."""
    report = (yield).get_result()
    lab = item.funcargs.get("lab")
    if report.failed and isinstance(lab, Lab):
        for number, node in lab.nodes.items():
            report.sections.append((f"logs of node {number}", tail_of_logs(node)))


def tail_of_logs(node, lines=25):
    parts = []
    directory = os.path.join(node.directory, "log")
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        if name.startswith(("distributord", "gatekeeper", "keepalived")):
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                parts.append(f"--- {name}\n" + "".join(file.readlines()[-lines:]))
    return "\n".join(parts)


def keep_logs(lab, directory):
    for number, node in lab.nodes.items():
        target = os.path.join(directory, f"{lab.prefix}-n{number}")
        os.makedirs(target, exist_ok=True)
        for name in os.listdir(os.path.join(node.directory, "log")):
            with open(os.path.join(node.directory, "log", name), "rb") as source, open(os.path.join(target, name), "wb") as copy:
                copy.write(source.read())


@pytest.fixture(scope="session")
def programs():
    try:
        return binaries.find()
    except LabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def lab_settings():
    """Overridden by a test file that wants another lab."""
    return {}


@pytest.fixture(scope="module")
def lab(request, programs, lab_settings):
    """One running pair per test file."""
    with Lab(programs, **lab_settings) as lab:
        try:
            lab.start()
            yield lab
        except LabError as error:
            for number, node in lab.nodes.items():
                print(f"node {number}:\n{tail_of_logs(node)}", file=sys.stderr)
            raise error
        finally:
            if request.config.getoption("--keep-logs"):
                keep_logs(lab, request.config.getoption("--keep-logs"))


@pytest.fixture
def pair(lab):
    """The lab with both nodes in sync: (active, standby)."""
    return lab.wait_in_sync()
