"""Bash completion of distributorctl: the file is what the program makes of its own tree of options, and bash completes with it."""

import os
import subprocess

import pytest


@pytest.fixture
def script(tree):
    return os.path.join(tree, "packaging", "completion", "distributorctl")


def test_the_file_is_what_the_program_makes(programs, script):
    made = subprocess.run([programs.distributorctl, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    with open(script, encoding="ascii") as file:
        assert file.read() == made, "run: distributorctl completion bash > packaging/completion/distributorctl"


def completed(script, *words):
    """What bash offers for the last of these words."""
    program = ('source "$1"; shift; COMP_WORDS=(distributorctl "$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _distributorctl; '
               'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-euo", "pipefail", "-c", program, "bash", script, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bash_completes_commands_options_and_files(script, tmp_path):
    assert completed(script, "st") == {"status"}
    assert {"list", "show"} <= completed(script, "lb", "")
    assert "plug" not in completed(script, "lb", "")
    assert completed(script, "losses", "--ack") == {"--acknowledge"}
    assert completed(script, "--json", "wat") == {"watch"}
    assert completed(script, "--address", "192.0.2.1", "wat") == {"watch"}, "the value of an option is no command"
    assert completed(script, "plug", "x", "--vrrp") == {"--vrrp-ip"}
    assert completed(script, "--address", "") == set(), "nothing is known about addresses"
    (tmp_path / "client.pem").write_text("", encoding="ascii")
    assert completed(script, "--cert", f"{tmp_path}/cl") == {f"{tmp_path}/client.pem"}
    assert completed(script, "completion", "") >= {"--help"}
