"""The checks themselves, on trees that are wrong on purpose: each offence must be found, and nothing else."""

import os
import shutil
import subprocess

import check_structure
import pytest

WRONG = [
    ("ha/role/role.hpp", '#include "sync/registry/types.hpp"'),
    ("sync/registry/a.hpp", '#include "sync/replica/replica.hpp"'),
    ("sync/registry/a.hpp", '#include "openflow/wire/message.hpp"'),
    ("sync/replica/a.cpp", '#include "sync/store/store.hpp"'),
    ("sync/link/a.cpp", '#include "sync/registry/types.hpp"'),
    ("openflow/wire/a.cpp", '#include "sync/replica/replica.hpp"'),
    ("openflow/wire/a.cpp", '#include "node/config/config.hpp"'),
    ("openflow/wire/a.cpp", "#include <node/config/config.hpp>"),
    ("api/http/a.cpp", '#include "openflow/wire/message.hpp"'),
    ("api/http/a.cpp", '#  include "ha/role/role.hpp"'),
    ("node/daemon/a.cpp", '#include "sync/store/detail/sql.hpp"'),
    ("openflow/wire/a.cpp", '#include "openflow/programmer/detail/queue.hpp"'),
    ("openflow/wire/a.cpp", '#include "../programmer/programmer.hpp"'),
    ("openflow/wire/a.cpp", '#include "message.hpp"'),
]
RIGHT = [
    ("node/daemon/a.cpp", '#include "ha/role/role.hpp"'),
    ("node/daemon/a.cpp", '#include "sync/link/link.hpp"'),
    ("api/http/a.cpp", '#include "api/routes/router.hpp"'),
    ("api/http/a.cpp", '#include "sync/registry/types.hpp"'),
    ("openflow/programmer/a.cpp", '#include "openflow/wire/message.hpp"'),
    ("sync/store/a.cpp", '#include "sync/store/detail/sql.hpp"'),
    ("sync/store/a.cpp", '#include "sync/replica/replica.hpp"'),
    ("tests/unit/store/a.cpp", '#include "sync/store/detail/sql.hpp"'),
    ("sync/registry/a.hpp", "#include <vector>"),
    ("sync/registry/a.hpp", '// #include "node/config/config.hpp"'),
]


def tree(root, path, text):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")
    return check_structure.check(str(root))


@pytest.mark.parametrize("path,line", WRONG)
def test_an_include_that_points_the_wrong_way_is_found(tmp_path, path, line):
    offences, _ = tree(tmp_path, path, "#pragma once\n" + line)
    assert len(offences) == 1 and offences[0].startswith(f"{path}:2: ")


@pytest.mark.parametrize("path,line", RIGHT)
def test_an_include_that_points_the_right_way_is_left_alone(tmp_path, path, line):
    assert tree(tmp_path, path, line) == ([], [])


def test_a_file_that_is_too_long_is_found(tmp_path):
    offences, warnings = tree(tmp_path, "api/http/long.cpp", "\n" * 449)
    assert (len(offences), len(warnings)) == (0, 1)
    offences, warnings = tree(tmp_path, "api/http/long.cpp", "\n" * 450)
    assert (len(offences), len(warnings)) == (1, 0)


@pytest.mark.parametrize("header,compiles", [
    ("#pragma once\n#include <string>\ninline std::string name() { return {}; }\n", True),
    ("#pragma once\ninline std::string name() { return {}; }\n", False),
])
def test_a_header_that_leans_on_another_one_is_found(tmp_path, header, compiles):
    """The same recipe as the target header_check, in a project of its own."""
    here = os.path.dirname(os.path.abspath(__file__))
    (tmp_path / "api" / "a").mkdir(parents=True)
    (tmp_path / "api" / "a" / "a.hpp").write_text(header, encoding="utf-8")
    shutil.copy(os.path.join(here, "HeaderCheck.cmake"), tmp_path)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(t LANGUAGES CXX)\n"
        "add_library(distributor_options INTERFACE)\n"
        "target_include_directories(distributor_options INTERFACE ${CMAKE_SOURCE_DIR})\n"
        "include(HeaderCheck.cmake)\n", encoding="utf-8")
    build = str(tmp_path / "build")
    subprocess.run(["cmake", "-G", "Ninja", "-S", str(tmp_path), "-B", build], check=True, capture_output=True)
    done = subprocess.run(["cmake", "--build", build, "--target", "header_check"], capture_output=True, text=True)
    assert (done.returncode == 0) == compiles, done.stdout
    assert compiles or "a.hpp" in done.stdout
