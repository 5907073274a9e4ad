#!/usr/bin/env python3
"""Checks how the tree hangs together: which way includes point, who may see detail headers, how long files are.

Usage: check_structure.py [ROOT]. Prints every offence as FILE:LINE: what, and what would be right; exit 1 if there is one.
"""

import os
import re
import sys

FOLDERS = ("sync", "openflow", "ha", "api", "node")
# A module may include its own folder's siblings unless it stands here by itself, and what is listed.
KNOWS = {
    "node": ("api", "openflow", "ha", "sync"),
    "api": ("sync/registry",),
    "openflow": ("sync/registry",),
    "ha": (),
    "sync/registry": (),
    "sync/replica": ("sync/registry",),
    "sync/store": ("sync/registry", "sync/replica"),
    "sync/link": (),
}
CODE = (".cpp", ".hpp", ".h", ".cc")
COUNTED = (*CODE, ".py", ".sh", ".proto", ".cmake")
LINES_MAX = 450
LINES_WARN = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def files(root):
    for base, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in ("build", ".git", "__pycache__", ".cache"))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(base, name), root)


def module_of(path):
    """'sync/registry' of 'sync/registry/detail/x.hpp'; the folder alone for a file directly in it; None outside."""
    parts = path.split("/")
    if parts[0] not in FOLDERS:
        return None
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def may_know(source, target):
    if source == target:
        return True
    folder = source.split("/")[0]
    allowed = KNOWS.get(source)
    if allowed is None:
        allowed = (folder, *KNOWS.get(folder, ()))
    return any(target == one or target.startswith(one + "/") for one in allowed)


def include_offence(path, quoted, target):
    """Why this include is wrong; None if it is right."""
    if ".." in target.split("/"):
        return f'include "{target}" climbs out of its folder; write it from the root of the tree'
    source, wanted = module_of(path), module_of(target)
    if wanted is None:
        if quoted and source is not None:
            return f'include "{target}" is not a path from the root of the tree; write it from the root'
        return None
    if source is None:
        return None  # tests may look everywhere
    if not may_know(source, wanted):
        return f"{source} includes {target}, but may only know: {', '.join(KNOWS.get(source, KNOWS.get(source.split('/')[0], ()))) or 'itself'}"
    if "detail" in target.split("/") and wanted != source:
        return f"{target} is a detail of {wanted}; use a header directly in {wanted}/"
    return None


def check(root):
    """(offences, warnings), each a list of lines."""
    offences, warnings = [], []
    for path in files(root):
        if not (path.endswith(COUNTED) or os.path.basename(path) in ("run", "quickstart", "install-deps", "CMakeLists.txt")):
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        if len(lines) > LINES_MAX:
            offences.append(f"{path}:{LINES_MAX}: {len(lines)} lines, at most {LINES_MAX}: split it by subject")
        elif len(lines) > LINES_WARN:
            warnings.append(f"{path}: {len(lines)} lines, above {LINES_WARN}")
        if not path.endswith(CODE):
            continue
        for number, line in enumerate(lines, 1):
            if match := INCLUDE.match(line):
                if offence := include_offence(path, match[1] == '"', match[2]):
                    offences.append(f"{path}:{number}: {offence}")
    return offences, warnings


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    offences, warnings = check(root)
    for line in warnings:
        print("warning:", line)
    for line in offences:
        print(line)
    print(f"{len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
