"""The warnings and errors that the daemons can log, as the sources have them, and the alerts: what docs/operations.md explains."""

import os
import re

FOLDERS = ("sync", "openflow", "ha", "api", "node")
# What is said through log(Severity) of the cores, say(true, ...) of the ports, Shared::note of the API server and the link's trouble() counts too.
CALL = re.compile(r"(?:spdlog::(?:warn|error|critical)|\blog\([^\";]*?Severity::(?:warning|error)|\b(?:say|log)\(true|->note\b|\btrouble\b(?!\(const))")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
HOLE = re.compile(r"\{[^{}]*\}")
FRAGMENT_MIN = 10  # characters that name a line; shorter ones are compared as a whole


def _arguments(text, start):
    """The text of a call's arguments from behind its opening bracket to the matching one; string literals are skipped over."""
    depth, at = 1, start
    while at < len(text) and depth:
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start:at]


def phrase_of(literals):
    """The longest constant part of a message: what an operator sees whatever the values are."""
    parts = [part.strip(" :;,()'`.") for literal in literals for part in HOLE.split(literal.replace("\\n", " ").replace('\\"', '"'))]
    best = max(parts, key=len, default="")
    if len(best) >= FRAGMENT_MIN:
        return best
    whole = max(literals, key=len, default="")
    return HOLE.sub("...", whole)


def in_sources(tree):
    """{(file, line): phrase} of every warning and error."""
    found = {}
    for folder in FOLDERS:
        for base, folders, files in os.walk(os.path.join(tree, folder)):
            folders.sort()
            for name in sorted(files):
                if not name.endswith(".cpp") or os.path.relpath(base, tree).startswith("node/ctl"):
                    continue
                path = os.path.join(base, name)
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                for call in CALL.finditer(text):
                    opening = text.index("(", call.start())
                    arguments = _arguments(text, opening + 1)
                    literals = LITERAL.findall(arguments)
                    if not any(len(literal) > 3 for literal in literals):
                        continue  # passes on what was said elsewhere
                    line = text.count("\n", 0, call.start()) + 1
                    found[(os.path.relpath(path, tree), line)] = phrase_of(literals)
    return found


def squeezed(text):
    return re.sub(r"\s+", " ", text)
