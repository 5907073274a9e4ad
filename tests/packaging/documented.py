"""The commands that the documentation tells people to type, with the line that each stands at."""

import dataclasses
import glob
import os
import re
import shlex

PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "packaging/**/README*")
# In running text, code is a command if it begins with one of these, or with a program of this tree, and goes on.
PROGRAMS = frozenset("""apt apt-get arping chroot cmake cpack ctest curl disk-image-create distributor-gatekeeper distributor-setup distributorctl distributord
dpkg git ip journalctl kill make mount nft octavia-distributor openssl openstack oslo-config-generator ovs-appctl ovs-ofctl ovs-vsctl pip3 pip
pkill promtool pytest python3 rm runuser scp sqlite3 ss ssh sysctl systemctl systemd-analyze tar tcpdump""".split())
OPERATORS = frozenset({";", "&&", "||", "|", "&"})


@dataclasses.dataclass(frozen=True)
class Documented:
    text: str  # as it is typed, without the comment behind it
    comment: str
    file: str
    line: int

    @property
    def where(self):
        return f"{self.file}:{self.line}: {self.text}"

    @property
    def simple(self):
        """The words of each program that it starts, as lists."""
        return simple_commands(self.text)


def simple_commands(text):
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "MADE", text), posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split, lexer.commenters = True, ""
    found, redirected = [[]], False
    for word in lexer:
        if word in OPERATORS:
            found.append([])
        elif word in (">", ">>", "<"):
            redirected = True
        elif redirected:
            redirected = False
        else:
            found[-1].append(word)
    return [of_whom(words) for words in found if words]


def of_whom(words):
    """`ssh root@node systemctl restart x` is about systemctl, and so with runuser."""
    if words[0] == "runuser":
        return words[words.index("--") + 1:]
    return words[2:] if words[0] == "ssh" and len(words) > 2 and "@" in words[1] else words


def without_comment(line):
    """The command and what is said behind it; a # within quotes or a word begins no comment."""
    match = re.match(r"""((?:'[^']*'|"[^"]*"|[^'"])*?)(?:\s+#\s*(.*))?$""", line)
    return " ".join(match[1].split()), match[2] or ""


def program_of_the_tree(tree, word):
    return "/" in word and not word.startswith("/") and os.path.isfile(os.path.join(tree, word)) and os.access(os.path.join(tree, word), os.X_OK)


def in_blocks(tree, file, lines):
    """Lines of shell blocks; of blocks without a language, and of indented ones, those that begin with a program."""
    fence, rst, before = None, False, ""
    for number, line in enumerate(lines, 1):
        opened = re.match(r"```(\w*)$", line)
        if opened:
            fence = opened[1] if fence is None else None
            continue
        rst = line.startswith(".. code-block:: bash") or (rst and (not line or line.startswith("   ")))
        typed = line.strip()
        if not typed or typed.startswith((".. ", "#")):
            continue
        first = typed.split()[0]
        known = first in PROGRAMS or program_of_the_tree(tree, first)
        if fence in ("sh", "bash") or (fence == "" and known and line == typed) or (fence is None and (rst and line[0] == " " or known and line.startswith("    "))):
            if typed.endswith("\\"):
                before += typed[:-1]
                continue
            text, comment = without_comment(before + typed)
            before = ""
            yield Documented(text, comment, file, number)


def in_text(tree, file, lines):
    """Code spans that are commands. Blocks are blanked first, so that lines keep their numbers."""
    text, fence = "", False
    for line in lines:
        mark = line.startswith("```")
        text += ("" if fence or mark else line) + "\n"
        fence ^= mark
    for span in re.finditer(r"(`+)((?:\\`|(?!\n\n)[^`])+)\1", text):
        typed = " ".join(span[2].split())
        words = typed.split()
        if words and (words[0] in PROGRAMS and len(words) > 1 or words[0].startswith("build/") and len(words) > 1 or
                      program_of_the_tree(tree, words[0]) and not typed.endswith(".py")):
            yield Documented(typed, "", file, text.count("\n", 0, span.start()) + 1)


def commands(tree):
    found = []
    for pattern in PAGES:
        for path in sorted(glob.glob(os.path.join(tree, pattern), recursive=True)):
            with open(path, encoding="utf-8") as page:
                lines = page.read().splitlines()
            file = os.path.relpath(path, tree)
            found += [*in_blocks(tree, file, lines), *in_text(tree, file, lines)]
    return found
