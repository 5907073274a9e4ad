"""Every command of the documentation is run by somebody: documented_commands.toml says by whom, and is held here against the pages."""

import json
import os
import re
import shlex
import subprocess
import uuid

import pytest

import documented
from program_help import help_of, options, whole_help
from typed_on_nodes import table

OWN = ("distributorctl", "distributord", "distributor-gatekeeper", "distributor-setup")


@pytest.fixture(scope="module")
def pages(tree):
    return documented.commands(tree)


@pytest.fixture(scope="module")
def listed():
    """Command of the table -> the list that it is in."""
    lists = table()
    found = {}
    for name in ("on_nodes", "on_the_last_node"):
        found |= {entry["run"]: name for entry in lists[name]}
    for name in ("here", "by_hand"):
        found |= dict.fromkeys(lists[name], name)
    for file, commands in lists["by"].items():
        found |= dict.fromkeys(commands, file)
    return found


def matches(entry, text):
    """An entry with "..." stands for commands that differ in figures only."""
    return re.fullmatch(re.escape(entry).replace(re.escape("..."), ".*"), text) is not None if "..." in entry else entry == text


def untold(pages, listed):
    return [one for one in pages if not any(matches(entry, one.text) for entry in listed)]


def stale(pages, listed):
    return [entry for entry in listed if not any(matches(entry, one.text) for one in pages)]


def test_somebody_runs_every_command(pages, listed):
    assert len(pages) > 150 and len({one.file for one in pages}) > 12, "the search for commands has stopped finding them"
    missing = untold(pages, listed)
    assert not missing, "documented_commands.toml: wanted who runs\n" + "\n".join(one.where for one in missing)


def test_the_table_has_nothing_that_no_page_has(pages, listed):
    assert not stale(pages, listed), f"documented_commands.toml: no page has {stale(pages, listed)}"


def test_the_named_files_run_them(tree):
    for file, commands in table()["by"].items():
        with open(os.path.join(tree, file), encoding="utf-8") as source:
            text = source.read()
        for command, words in commands.items():
            assert len(words) > 6 and words in text, f"documented_commands.toml: {file} does not hold {words!r}, so who runs `{command}`?"


def test_what_is_typed_by_hand_says_what_was_seen():
    for command, seen in table()["by_hand"].items():
        assert len(seen) > 20, f"documented_commands.toml: {command}: wanted what was seen, or why it cannot be run here"


# -- syntax, against the programs themselves ---------------------------------------------------------------------------------


def placeholder(word):
    return re.fullmatch(r"[A-Z][A-Z_]+", word) is not None


def subcommand_of(words, known):
    """The longest one of `known` that the words begin with; None if they begin with none."""
    if not words or words[0].startswith("-"):
        return ""
    return next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in known), None)


def options_of(words):
    return {word.split("=")[0] for word in words if re.match(r"\[?--[a-z]", word)}


def options_in(one):
    """(program, its options) of each program of a line, those that the comment behind it names included."""
    for words in one.simple:
        yield words, {option.strip("[]") for option in options_of(words)}
    spoken_of = one.simple[-1][:1]
    for word in one.comment.replace("`", " ").replace(",", " ").split():
        if word in OWN:
            spoken_of = [word]
        if word.startswith("--"):
            yield spoken_of, {word.strip(".;:)")}


def test_the_projects_programs_know_what_they_are_told(tree, programs, pages):
    setup = os.path.join(tree, "packaging", "node", "distributor-setup")
    known = {"distributorctl": whole_help(programs.distributorctl), "distributord": {"": help_of(programs.distributord)},
             "distributor-gatekeeper": {"": help_of(programs.gatekeeper)}, "distributor-setup": {"": help_of(setup)}}
    for one in pages:
        for words, said in options_in(one):
            if words[0] not in known:
                continue
            texts = known[words[0]]
            command = "" if len(words) > 1 and placeholder(words[1]) else subcommand_of(words[1:], texts)
            assert command is not None, f"{one.where}: {words[0]} has no such command"
            if len(words) == 1 and words[0] == "distributorctl":  # of the comment: any command's
                understood = set().union(*map(options, texts.values()))
            else:
                understood = options(texts[command]) | options(texts[""])
            assert said <= understood, f"{one.where}: {words[0]} {command} does not know {sorted(said - understood)}"


def test_distributorctl_takes_every_command_line(programs, pages, tmp_path):
    """It is typed for real, where nobody answers: a line that it does not understand ends with 2."""
    nowhere = {**os.environ, "DISTRIBUTOR_ADDRESS": "127.0.0.1", "DISTRIBUTOR_PORT": "1", "DISTRIBUTOR_ADMIN_SOCKET": str(tmp_path / "none.sock"),
               "DISTRIBUTOR_CONFIG": "/dev/null", "DISTRIBUTOR_TIMEOUT": "2", "DISTRIBUTOR_CERT": "/dev/null", "DISTRIBUTOR_CA": "/dev/null"}
    lines = {tuple(words): one for one in pages for words in one.simple if words[0] == "distributorctl" and words[1:] != ["watch"]}
    assert len(lines) > 20
    for words, one in lines.items():
        filled = [{"LB": str(uuid.uuid4()), "LB_ID": str(uuid.uuid4()), "CLIENT": "198.51.100.7", "COMMAND": "status"}.get(word, word) for word in words[1:]]
        done = subprocess.run([programs.distributorctl, *filled], capture_output=True, text=True, env=nowhere, cwd=tmp_path, check=False)
        assert done.returncode != 2, f"{one.where}: {done.stderr}"


def test_scripts_know_their_options(tree, pages):
    for one in pages:
        for words, said in options_in(one):
            script = os.path.join(tree, words[0])
            if not (words[0].startswith(("tests/", "packaging/")) and os.path.isfile(script)) or not said:
                continue
            assert os.access(script, os.X_OK), f"{one.where}: cannot be run"
            done = subprocess.run([script, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            understood = options(done.stdout + done.stderr)
            assert said <= understood, f"{one.where}: {words[0]} does not know {sorted(said - understood)}"


def test_presets_and_targets_are_there(tree, build, pages):
    with open(os.path.join(tree, "CMakePresets.json"), encoding="utf-8") as file:
        presets = set(re.findall(r'"name": "(\w+)"', file.read()))
    for one in pages:
        for words in one.simple:
            for option, value in zip(words, words[1:]):
                assert option != "--preset" or value in presets, f"{one.where}: there is no preset {value}"


PARSE = """import argparse, json, sys
from octavia_distributor import command
parser = argparse.ArgumentParser()
command._add_parsers(parser.add_subparsers(required=True))
for words in json.load(sys.stdin):
    parser.parse_args(words)
"""


def test_octavia_distributor_takes_every_command_line(tree, pages):
    lines = [words[1:] for one in pages for words in one.simple if words[0] == "octavia-distributor"]
    assert len(lines) > 9
    done = subprocess.run(["/usr/bin/python3", "-B", "-W", "ignore", "-c", PARSE], capture_output=True, text=True, input=json.dumps(lines), check=False,
                          env={**os.environ, "PYTHONPATH": os.path.join(tree, "packaging", "octavia-driver")})
    if "No module named 'octavia'" in done.stderr:
        pytest.skip("not installed: python3-octavia (packaging/install-deps --tests --full)")
    assert done.returncode == 0, done.stderr


# -- run here ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", table()["here"])
def test_run_here(tree, build, command):
    text = table()["here"][command].replace("BUILD", build)
    for word in shlex.split(text):
        if word.startswith(build + "/tests/") and not os.path.exists(word):
            pytest.skip(f"not built: {word}")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, cwd=tree, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "BUILD": build, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=120)
    assert done.returncode == 0, f"{text}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert done.stdout.strip() or text.startswith("cd ") and "&&" not in text
    assert not re.search(r"Total Tests: 0|collected 0 items|0 tests from|no tests ran", done.stdout), done.stdout[-2000:]


# -- the search itself ------------------------------------------------------------------------------------------------------


def test_the_search_finds_what_it_is_for(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "x.md").write_text(
        "Type `distributorctl frob --now`, not `the gate` or `distributord`.\n\n```sh\nip link \\\n  show   # --all of them\n"
        "a --x | b > c; ssh root@n1 d 'e # f'\n```\n\n```\n  ip drawn\nip typed\n```\n\n    ip indented\n", encoding="utf-8")
    found = documented.commands(str(tmp_path))
    assert {(one.line, one.text) for one in found} == {(1, "distributorctl frob --now"), (5, "ip link show"), (6, "a --x | b > c; ssh root@n1 d 'e # f'"),
                                                       (11, "ip typed"), (14, "ip indented")}
    by_line = {one.line: one for one in found}
    assert by_line[5].comment == "--all of them"
    assert by_line[6].simple == [["a", "--x"], ["b"], ["d", "e # f"]]
    listed = {"ip link show": "here", "ip ...": "here", "gone": "here"}
    assert {one.line for one in untold(found, listed)} == {1, 6} and stale(found, listed) == ["gone"]
