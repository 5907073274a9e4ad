"""docs/limits.md and sync/registry/limits.hpp say the same."""

import os
import re


def constants_of(text):
    return {name: int(value.replace("'", "")) for name, value in re.findall(r"^inline constexpr [\w:]+ (k\w+) = ([\d']+);", text, re.M)}


def rows_of(text):
    return {name: int(value) for name, value in re.findall(r"^\| `(k\w+)` \| (\d+) \| \S", text, re.M)}


def read(tree, *path):
    with open(os.path.join(tree, *path), encoding="utf-8") as file:
        return file.read()


def test_the_table_is_the_header(tree):
    header = read(tree, "sync/registry/limits.hpp")
    constants = constants_of(header)
    assert len(constants) == len(re.findall(r"\bk[A-Z]\w+ =", header)) > 10, "every constant must be understood here"
    assert rows_of(read(tree, "docs/limits.md")) == constants


def test_the_reader_sees_a_difference():
    assert constants_of("inline constexpr std::size_t kOne = 65'536;\n") == {"kOne": 65536}
    assert rows_of("| `kOne` | 65536 | what |\n") == {"kOne": 65536}
    assert rows_of("| `kOne` | 6 | what |\n") != {"kOne": 65536}
