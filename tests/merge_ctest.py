#!/usr/bin/env python3
"""Joins the tests of several build directories into one that ctest can run, so that one summary covers all of them.

Usage: merge_ctest.py TARGET NAME=BUILD_DIR... A test t of NAME is called NAME/t.
"""

import json
import os
import subprocess
import sys


def quoted(value):
    return "[==[" + str(value) + "]==]"


def as_text(value):
    """A property's value as CMake writes it."""
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, list):
        return ";".join(map(str, value))
    return str(value)


def entries(name, directory):
    """The lines of a CTestTestfile.cmake for the tests of one build directory."""
    shown = subprocess.run(["ctest", "--test-dir", directory, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    for test in json.loads(shown.stdout)["tests"]:
        if "command" not in test:
            raise SystemExit(f"{directory}: test {test['name']} has no command: build everything first")
        title = f"{name}/{test['name']}"
        yield f"add_test({quoted(title)} {' '.join(map(quoted, test['command']))})"
        for prop in test.get("properties", []):
            yield f"set_tests_properties({quoted(title)} PROPERTIES {quoted(prop['name'])} {quoted(as_text(prop['value']))})"


def main():
    target, *pairs = sys.argv[1:]
    lines = []
    for pair in pairs:
        name, _, directory = pair.partition("=")
        lines += entries(name, os.path.abspath(directory))
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
