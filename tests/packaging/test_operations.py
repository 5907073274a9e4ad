"""docs/operations.md explains every alert and every warning and error that the sources can log."""

import os
import re

import log_lines


def operations(tree):
    with open(os.path.join(tree, "docs", "operations.md"), encoding="utf-8") as file:
        return file.read()


def alert_names(tree):
    with open(os.path.join(tree, "packaging", "monitoring", "alerts.yml"), encoding="utf-8") as file:
        return re.findall(r"- alert: (\w+)", file.read())


def entries(text):
    """What stands in code at the beginning of a row of the tables of log lines."""
    return [log_lines.squeezed(match).replace("\\`", "`") for match in re.findall(r"^\| `((?:\\`|[^`])+)` \|", text, re.MULTILINE)]


def test_every_alert_has_an_entry_with_meaning_and_action(tree):
    text = operations(tree)
    names = alert_names(tree)
    assert len(names) == len(set(names)) and len(names) > 20
    for name in names:
        section = re.search(rf"^### {name}\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
        assert section, f"docs/operations.md: wanted a section '### {name}'"
        assert len(section[1].strip()) > 60, f"docs/operations.md: {name}: wanted meaning, cause and action"


def test_no_entry_is_about_an_alert_that_is_not_there(tree):
    found = set(re.findall(r"^### (Distributor\w+)$", operations(tree), re.MULTILINE))
    assert found == set(alert_names(tree))


def test_every_warning_and_error_has_an_entry(tree):
    wanted = log_lines.in_sources(tree)
    assert len(wanted) > 40, "the search for log lines has stopped finding them"
    listed = entries(operations(tree))
    missing = [f"{file}:{line}: `{phrase}`" for (file, line), phrase in sorted(wanted.items())
               if not any(phrase in entry or (len(entry) >= 12 and entry in phrase) for entry in listed)]
    assert not missing, "docs/operations.md: wanted a row for:\n" + "\n".join(missing)


def test_no_entry_is_about_a_line_that_is_not_logged(tree):
    phrases = log_lines.in_sources(tree).values()
    stale = [entry for entry in entries(operations(tree)) if not any(phrase in entry or entry in phrase for phrase in phrases)]
    assert not stale, f"docs/operations.md: no source logs {stale}"


def test_links_inside_the_page_lead_somewhere(tree):
    text = operations(tree)
    anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    assert {link for link in re.findall(r"\]\(#([^)]+)\)", text)} <= anchors


def test_the_search_finds_what_it_is_for(tmp_path):
    source = tmp_path / "node" / "daemon"
    source.mkdir(parents=True)
    (source / "x.cpp").write_text('void f() {\n  spdlog::warn("disk {} is {} and somebody must look at it", a(1, "x"), b);\n'
                                  '  log(Severity::error, "change " + std::to_string(n) + " was refused by everybody: " + why);\n'
                                  '  spdlog::info("all is well and nothing is to be done");\n  spdlog::error("{}", why);\n}\n', encoding="ascii")
    assert log_lines.in_sources(str(tmp_path)) == {("node/daemon/x.cpp", 2): "and somebody must look at it",
                                                   ("node/daemon/x.cpp", 3): "was refused by everybody"}
