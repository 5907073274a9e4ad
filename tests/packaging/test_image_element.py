"""The image element and the cloud-init example (L4). diskimage-builder is not in Debian: its rules for elements are checked here."""

import json
import os
import re
import subprocess

import pytest

yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed (packaging/install-deps --tests)")

HOOK_FOLDERS = {"root.d", "extra-data.d", "pre-install.d", "install.d", "post-install.d", "post-root.d", "block-device.d",
                "pre-finalise.d", "finalise.d", "cleanup.d", "environment.d"}


@pytest.fixture(scope="module")
def element(tree):
    return os.path.join(tree, "packaging/elements/distributor-agent")


def hooks_of(element):
    return sorted(os.path.join(base, name) for base, _, names in os.walk(element) for name in names if base.endswith(".d")
                  and "/static/" not in base + "/")


def lint(element):
    """What dib-lint finds: one line for each offence."""
    found = []
    for hook in hooks_of(element):
        name = os.path.relpath(hook, element)
        with open(hook, encoding="utf-8") as file:
            text = file.read()
        if os.path.dirname(name) not in HOOK_FOLDERS:
            found.append(f"{name}: not a hook folder of diskimage-builder")
        if not re.match(r"\d\d-[a-z-]+$", os.path.basename(name)):
            found.append(f"{name}: wanted a name like 75-what-it-does")
        if not os.access(hook, os.X_OK):
            found.append(f"{name}: not executable")
        if not text.startswith("#!/bin/bash\n"):
            found.append(f"{name}: wanted #!/bin/bash")
        if not re.search(r"^set -[a-z]*e[a-z]*", text, re.M) or not re.search(r"^set -[a-z]*u", text, re.M):
            found.append(f"{name}: wanted set -eu")
        if not re.search(r"^set -o pipefail|^set -[a-z]*o pipefail", text, re.M):
            found.append(f"{name}: wanted set -o pipefail")
        if "DIB_DEBUG_TRACE" not in text:
            found.append(f"{name}: wanted set -x with DIB_DEBUG_TRACE")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() or "\t" in line or (len(line) - len(line.lstrip(" "))) % 4:
                found.append(f"{name}:{number}: indented by other than 4 spaces, or trailing space")
        if not text.endswith("\n") or text.endswith("\n\n"):
            found.append(f"{name}: wanted one newline at the end")
        syntax = subprocess.run(["bash", "-n", hook], capture_output=True, text=True)
        if syntax.returncode != 0:
            found.append(f"{name}: {syntax.stderr}")
    for needed in ("README.rst", "element-deps", "package-installs.yaml", "pkg-map", "svc-map"):
        if not os.path.isfile(os.path.join(element, needed)):
            found.append(f"{needed}: missing")
    return found


def test_the_element_keeps_diskimage_builders_rules(element):
    assert hooks_of(element)
    assert lint(element) == []


def test_the_check_finds_what_is_wrong(element, tmp_path):
    bad = tmp_path / "bad" / "install.d"
    bad.mkdir(parents=True)
    (bad / "hook").write_text("#!/bin/sh\n\techo\n\n")
    text = "\n".join(lint(str(tmp_path / "bad")))
    for offence in ("wanted a name", "not executable", "wanted #!/bin/bash", "set -eu", "pipefail", "indented", "one newline", "README.rst: missing"):
        assert offence in text


def test_its_tables_are_readable_and_agree_with_the_package(element, package):
    with open(os.path.join(element, "element-deps"), encoding="ascii") as file:
        deps = file.read().split()
    assert deps == sorted(set(deps)) and {"package-installs", "svc-map", "install-static"} <= set(deps)
    with open(os.path.join(element, "pkg-map"), encoding="ascii") as file:
        assert "default" in json.load(file)
    with open(os.path.join(element, "package-installs.yaml"), encoding="ascii") as file:
        installs = yaml.safe_load(file)
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
    named = {one.split("(")[0].split("|")[0].strip() for one in depends.split(",")}
    assert set(installs) <= named
    with open(os.path.join(element, "svc-map"), encoding="ascii") as file:
        services = {entry["default"] for entry in yaml.safe_load(file).values()}
    contents = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    for service in services:
        assert f"/{service}.service" in contents


def test_the_package_is_asked_for_by_name(element, package, tmp_path):
    hook = os.path.join(element, "extra-data.d/50-distributor-package")
    environment = {"PATH": os.environ["PATH"], "TMP_HOOKS_PATH": str(tmp_path)}
    refused = subprocess.run([hook], env=environment, capture_output=True, text=True)
    assert refused.returncode != 0 and "DIB_DISTRIBUTOR_PACKAGE: wanted the path" in refused.stderr
    subprocess.run([hook], env={**environment, "DIB_DISTRIBUTOR_PACKAGE": package}, check=True)
    assert (tmp_path / "distributor-pair.deb").stat().st_size == os.path.getsize(package)


def test_the_cloud_init_example_makes_a_correct_node(tree, programs, tmp_path):
    with open(os.path.join(tree, "packaging/cloud-init/node.yaml"), encoding="utf-8") as file:
        text = file.read()
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    files = {entry["path"]: entry for entry in document["write_files"]}
    config = tmp_path / "distributord.toml"
    config.write_text(files["/etc/distributor/distributord.toml"]["content"])
    for option in ("--check-config", "--render-keepalived"):
        done = subprocess.run([programs.distributord, "--config", str(config), option], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for path in re.findall(r'= "(/etc/distributor/pki/[^"]+)"', config.read_text()):
        assert path in files
    assert all(re.fullmatch("0[0-7]{3}", entry["permissions"]) for entry in document["write_files"])
    assert files["/etc/distributor/pki/own.key"]["permissions"] == "0600"
