"""What programs say of themselves with --help."""

import re
import subprocess


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def subcommands(text):
    """Names below CLI11's heading "Subcommands:"."""
    below = text.split("Subcommands:\n", 1)
    return re.findall(r"^  ([a-z-]+) ", below[1], re.MULTILINE) if len(below) == 2 else []


def whole_help(program):
    """--help of the program and of every subcommand: {"": text, "lb": text, "lb show": text, ...}."""
    found = {"": help_of(program)}
    for command in subcommands(found[""]):
        found[command] = help_of(program, command)
        for below in subcommands(found[command]):
            found[f"{command} {below}"] = help_of(program, command, below)
    return found
