"""The package as a file: what is in it, how it was built, what it asks for. L4"""

import os
import subprocess

import pytest


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("path", ["usr/sbin/distributord", "usr/sbin/distributor-gatekeeper", "usr/bin/distributorctl"])
def test_programs_are_there_and_stripped(unpacked, path):
    program = os.path.join(unpacked, path)
    assert os.access(program, os.X_OK)
    sections = subprocess.run(["readelf", "-S", "--wide", program], check=True, capture_output=True, text=True).stdout
    assert ".debug_info" not in sections and ".symtab" not in sections


def test_shared_libraries_are_dependencies(package):
    depends = field(package, "Depends")
    for library in ("libc6 (>=", "libzmq5", "libssl3", "libsqlite3-0", "libprotobuf", "libsystemd0"):
        assert library in depends, depends
