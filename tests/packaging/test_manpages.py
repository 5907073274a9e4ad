"""Man pages: no warnings of man or mandoc, and every option and subcommand that --help lists, no more."""

import os
import re
import subprocess

import pytest

from program_help import help_of, options, subcommands, whole_help

PAGES = ["distributord", "distributorctl", "distributor-gatekeeper", "distributor-setup"]


def page(tree, name):
    return os.path.join(tree, "packaging", "man", f"{name}.8")


def rendered(tree, name):
    done = subprocess.run(["man", "--warnings", "-l", page(tree, name)], capture_output=True, text=True, check=True,
                          env={**{key: value for key, value in os.environ.items() if key != "MAN_KEEP_FORMATTING"}, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"})
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_man_and_mandoc_have_nothing_to_say(tree, need, name):
    need("man", "mandoc")
    text, warnings = rendered(tree, name)
    assert warnings == "" and "NAME" in text and "EXIT STATUS" in text
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page(tree, name)], capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout


def program_of(name, programs, tree):
    return {"distributord": programs.distributord, "distributorctl": programs.distributorctl, "distributor-gatekeeper": programs.gatekeeper,
            "distributor-setup": os.path.join(tree, "packaging", "node", "distributor-setup")}[name]


@pytest.mark.parametrize("name", PAGES)
def test_options_are_those_of_help(tree, programs, need, name):
    need("man")
    program = program_of(name, programs, tree)
    if not os.path.exists(program):
        pytest.skip(f"{program} is not there")
    asked = whole_help(program) if name != "distributor-setup" else {"": help_of(program)}
    wanted = set().union(*map(options, asked.values()))
    assert options(rendered(tree, name)[0]) == wanted


def test_commands_are_those_of_help(tree, programs, need):
    need("man")
    text = rendered(tree, "distributorctl")[0]
    commands = [command for command, said in whole_help(programs.distributorctl).items() if command and not subcommands(said)]
    assert len(commands) > 12
    headings = {line.strip() for line in text.splitlines()}
    missing = [command for command in commands if not any(re.match(rf"{command}( |$)", line) for line in headings)]
    assert not missing, f"packaging/man/distributorctl.8: wanted an entry for {missing}"
