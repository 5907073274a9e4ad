"""Finds the project's programs: named by the environment, else in the newest build directory of this tree."""

import dataclasses
import os
import shutil

from lab.system import LabError

PROGRAMS = {"distributord": "DISTRIBUTORD", "distributorctl": "DISTRIBUTORCTL",
            "distributor-gatekeeper": "DISTRIBUTOR_GATEKEEPER"}
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@dataclasses.dataclass(frozen=True)
class Binaries:
    distributord: str
    distributorctl: str
    gatekeeper: str

    def copied_to(self, directory):
        """Copies, so that a node sees them wherever the build lies, and a rebuild does not disturb a running lab."""
        os.makedirs(directory, exist_ok=True)
        return Binaries(*(shutil.copy2(path, directory) for path in dataclasses.astuple(self)))


def _candidates(program):
    for preset in ("release", "dev", "asan"):
        for base, folders, files in os.walk(os.path.join(TREE, "build", preset)):
            folders[:] = [name for name in folders if name not in ("CMakeFiles", "Testing")]
            if program in files and os.access(os.path.join(base, program), os.X_OK):
                yield os.path.join(base, program)


def find():
    """Binaries, or LabError that says what is missing and how to get it."""
    found, missing = [], []
    for program, variable in PROGRAMS.items():
        path = os.environ.get(variable) or next(_candidates(program), None)
        if path and os.access(path, os.X_OK):
            found.append(os.path.abspath(path))
        else:
            missing.append(f"{program} (build it, or name it in {variable})")
    if missing:
        raise LabError("missing: " + ", ".join(missing))
    return Binaries(*found)


def missing_prerequisites():
    """Why a lab cannot run on this machine; empty if it can."""
    problems = []
    if os.geteuid() != 0:
        problems.append("root is needed (network namespaces)")
    for tool in ("ip", "nsenter", "unshare", "nft", "ethtool", "openssl", "ovsdb-server", "ovsdb-tool", "ovs-vswitchd",
                 "ovs-vsctl", "ovs-ofctl", "keepalived"):
        if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            problems.append(f"{tool} is not installed (packaging/install-deps --tests)")
    if not os.path.exists("/dev/net/tun"):
        problems.append("/dev/net/tun is missing (the userspace datapath needs it)")
    return problems
