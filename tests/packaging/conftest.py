"""What all packaging tests share. Nothing passes by not running: a missing prerequisite is a skip that says why."""

import os
import shutil
import subprocess
import sys

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tests", "lab"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import build_package  # noqa: E402
from lab import binaries  # noqa: E402
from lab.system import LabError  # noqa: E402

SKIPPED = 77  # what ctest is told to read as "not run"


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and reporter and not reporter.stats.get("passed") and reporter.stats.get("skipped"):
        print("\nSKIPPED: " + "; ".join(sorted({report.longrepr[2] for report in reporter.stats["skipped"]})))
        session.exitstatus = SKIPPED


@pytest.fixture(scope="session")
def tree():
    """The root of the source tree."""
    return TREE


@pytest.fixture(scope="session")
def build():
    """The build directory whose programs and package are tested."""
    return os.environ.get("DISTRIBUTOR_BUILD") or os.path.join(TREE, "build", "release")


@pytest.fixture(scope="session")
def programs():
    """Paths of distributord, distributorctl and the gatekeeper, as the lab has them."""
    try:
        return binaries.find()
    except LabError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def package(build):
    """The path of the .deb; made here if the test was not started by ctest."""
    try:
        return build_package.find(build)
    except LookupError:
        return build_package.build(build)


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    """The files of the package, unpacked into a directory: what a node will have under /."""
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", package, str(directory)], check=True)
    yield str(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def need():
    """need("man", "lintian"): skips the test, with the reason, where one of these programs is not installed."""
    def check(*names):
        missing = [name for name in names if shutil.which(name, path="/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") is None]
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)} (packaging/install-deps --tests --full)")
    return check
