#!/usr/bin/env python3
"""Builds the Debian package from a build directory, into its folder package/. Usage: build_package.py BUILD_DIR"""

import os
import shutil
import subprocess
import sys


def build(build_directory):
    """The path of the package. What an earlier run left is removed first: a stale package must not pass for the new one."""
    target = os.path.join(build_directory, "package")
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cpack", "-G", "DEB", "-B", target, "--config", os.path.join(build_directory, "CPackConfig.cmake")],
                   check=True, cwd=build_directory, stdin=subprocess.DEVNULL)
    return find(build_directory)


def find(build_directory):
    """The package that build() made; a LookupError that says what to do if there is none, or more than one."""
    target = os.path.join(build_directory, "package")
    found = [name for name in os.listdir(target) if name.endswith(".deb")] if os.path.isdir(target) else []
    if len(found) != 1:
        raise LookupError(f"wanted one .deb in {target}, found {found}; make it: tests/packaging/build_package.py {build_directory}")
    return os.path.join(target, found[0])


if __name__ == "__main__":
    print(build(os.path.abspath(sys.argv[1])))
