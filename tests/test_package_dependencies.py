"""The archive of dependencies: what is in it, what it is called, and what can keep it from being made."""

import hashlib
import os
import sys
import tarfile
import threading
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from obs2seq.errors import ConfigurationError, Obs2SeqError, StorageError
from obs2seq.packaging.dependencies import dependencies_name, make_dependencies
from obs2seq.packaging.targets import Target
from tests.small_wheels import SCRIPT, put_wheel, use_only

INTEL = Target("3.11", "x86_64")
GRAVITON = Target("3.11", "arm64")
NUMPY = {"numpy/__init__.py": "one = 1\n", "numpy/lib/tests/test_one.py": "", "numpy/testing/__init__.py": ""}
ROOT = Path(__file__).parents[1]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_only(monkeypatch, tmp_path / "index")
    return tmp_path / "index"


def _lock(folder: Path, *lines: str) -> Path:
    (folder / "cluster.txt").write_text("\n".join(lines) + "\n")
    return folder / "cluster.txt"


def _names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def _text(archive: Path, name: str) -> str:
    with tarfile.open(archive) as tar:
        content = tar.extractfile(name)
        assert content is not None
        return content.read().decode()


def test_the_archive_holds_the_packages_without_tests_scripts_and_notes_of_pip(index: Path, tmp_path: Path) -> None:
    numpy = put_wheel(index, "numpy", NUMPY, scripts=SCRIPT)
    rich = put_wheel(index, "rich", {"rich/tests/imported.py": "", "rich/bin/shown.py": ""})

    archive = make_dependencies(_lock(tmp_path, numpy, rich), INTEL, tmp_path / "out")

    assert _names(archive) == [
        "numpy-1.0.dist-info/METADATA",
        "numpy-1.0.dist-info/WHEEL",
        "numpy-1.0.dist-info/entry_points.txt",
        "numpy/__init__.py",
        "numpy/testing/__init__.py",
        "rich-1.0.dist-info/METADATA",
        "rich-1.0.dist-info/WHEEL",
        "rich/bin/shown.py",
        "rich/tests/imported.py",
    ]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (INTEL, "cp311-cp311-manylinux_2_17_x86_64"),
        (GRAVITON, "cp311-cp311-manylinux2014_aarch64"),
        (Target("3.13", "x86_64"), "cp313-cp313-manylinux_2_28_x86_64"),
        (Target("3.12", "arm64"), "cp311-abi3-manylinux_2_24_aarch64"),
    ],
    ids=str,
)
def test_the_archive_is_made_for_the_target_whatever_machine_makes_it(
    index: Path, tmp_path: Path, target: Target, expected: str
) -> None:
    wheels = [
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp311-cp311-manylinux2014_aarch64",
        "cp313-cp313-manylinux_2_28_x86_64",
        "cp311-abi3-manylinux_2_24_aarch64",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-manylinux_2_39_x86_64",
        "cp311-cp311-musllinux_1_2_x86_64",
    ]
    lines = [put_wheel(index, "fast", {"fast.py": tag}, tag) for tag in wheels]
    hashes = " ".join(line.split(maxsplit=1)[1] for line in lines)

    archive = make_dependencies(_lock(tmp_path, f"fast==1.0 {hashes}"), target, tmp_path / "out")

    assert _text(archive, "fast.py") == expected


def test_the_same_lock_gives_the_same_bytes(index: Path, tmp_path: Path) -> None:
    lock = _lock(tmp_path, put_wheel(index, "numpy", NUMPY), put_wheel(index, "six", {"six.py": "six = 6\n"}))
    first = make_dependencies(lock, INTEL, tmp_path / "first")
    mask = os.umask(0o077)
    try:
        second = make_dependencies(lock, INTEL, tmp_path / "second")
    finally:
        os.umask(mask)

    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as tar:
        assert {(entry.mode, entry.uid, entry.gid, entry.uname, entry.mtime) for entry in tar} == {
            (0o644, 0, 0, "", 315_532_800)
        }
    assert first.stat().st_mode & 0o777 == second.stat().st_mode & 0o777 == 0o644


def test_the_name_follows_the_lock_the_python_and_the_architecture() -> None:
    names = [
        dependencies_name("numpy==1.0\n", INTEL),
        dependencies_name("numpy==1.1\n", INTEL),
        dependencies_name("numpy==1.0\n", GRAVITON),
        dependencies_name("numpy==1.0\n", Target("3.13", "x86_64")),
    ]

    assert len(set(names)) == 4
    assert names[0] == dependencies_name("numpy==1.0\n", Target("3.11", "x86_64"))
    assert all(name.startswith("deps-") and len(name) == len("deps-0123456789abcdef.tar.gz") for name in names)


def test_an_archive_that_is_there_is_kept_unless_forced(index: Path, tmp_path: Path) -> None:
    lock = _lock(tmp_path, put_wheel(index, "six", {"six.py": "six = 6\n"}))
    archive = make_dependencies(lock, INTEL, tmp_path)
    whole = archive.read_bytes()
    archive.write_bytes(b"there")

    assert make_dependencies(lock, INTEL, tmp_path) == archive
    assert archive.read_bytes() == b"there"
    assert make_dependencies(lock, INTEL, tmp_path, force=True) == archive
    assert archive.read_bytes() == whole


def _refusal(kind: type[Obs2SeqError], lock: Path, output: Path) -> str:
    with pytest.raises(kind) as caught:
        make_dependencies(lock, INTEL, output)
    assert not list(output.glob("*"))
    return str(caught.value)


def test_a_package_without_a_wheel_for_the_target_is_named(index: Path, tmp_path: Path) -> None:
    line = put_wheel(index, "fast", {"fast.py": ""}, "cp311-cp311-macosx_11_0_arm64")

    assert _refusal(ConfigurationError, _lock(tmp_path, line), tmp_path / "out") == (
        "packaging: expected a wheel of fast==1.0 for Python 3.11 on x86_64, found none at the package index. Hint: "
        "try another --python or --architecture, or add the wheel to the index ('pip config list')."
    )


def test_a_wheel_that_is_not_the_one_locked_is_refused(index: Path, tmp_path: Path) -> None:
    put_wheel(index, "six", {"six.py": "import this\n"})
    wrong = hashlib.sha256(b"").hexdigest()

    said = _refusal(StorageError, _lock(tmp_path, f"six==1.0 --hash=sha256:{wrong}"), tmp_path / "out")

    assert said.startswith("packaging: expected the files that requirements/cluster.txt names, found others at the ")


@pytest.fixture
def refusing_index() -> Iterator[str]:
    """The address of a package index that lets nobody in."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def _use_index(patch: pytest.MonkeyPatch, address: str) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("PIP_INDEX_URL", address)
    patch.setenv("PIP_RETRIES", "0")


def test_an_index_that_cannot_be_reached_is_told_from_a_wheel_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = _lock(tmp_path, put_wheel(tmp_path / "elsewhere", "six", {}))
    _use_index(monkeypatch, "http://127.0.0.1:1/simple")  # nothing listens at port 1

    assert _refusal(StorageError, lock, tmp_path / "out") == (
        "packaging: expected the package index to answer, found no connection. Hint: check the network and the index "
        "that pip is told of ('pip config list')."
    )


def test_an_index_that_lets_nobody_in_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing_index: str
) -> None:
    lock = _lock(tmp_path, put_wheel(tmp_path / "elsewhere", "six", {}))
    _use_index(monkeypatch, refusing_index)

    assert _refusal(StorageError, lock, tmp_path / "out") == (
        "packaging: expected the package index to answer, found 403 Client Error: Forbidden. Hint: check the "
        "credentials and the index that pip is told of ('pip config list')."
    )


def test_a_python_without_pip_is_told_how_to_get_it(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))

    assert _refusal(ConfigurationError, _lock(tmp_path, "six==1.0"), tmp_path / "out") == (
        "packaging: expected pip beside this Python, found none. Hint: run 'python -m ensurepip', or use the "
        "environment that make creates."
    )


def test_whatever_else_pip_says_is_passed_on(index: Path, tmp_path: Path) -> None:
    put_wheel(index, "six", {})

    said = _refusal(StorageError, _lock(tmp_path, "six==1.0"), tmp_path / "out")

    assert said.startswith("packaging: expected pip to finish, found: ")
    assert "hash" in said.lower()


def test_an_output_that_cannot_be_written_is_named(index: Path, tmp_path: Path) -> None:
    lock = _lock(tmp_path, put_wheel(index, "six", {"six.py": ""}))
    (tmp_path / "file").write_text("")

    assert _refusal(ConfigurationError, lock, tmp_path / "file") == (
        f"{tmp_path}/file: expected a folder, found a file. Hint: name another folder."
    )


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    pins = (line.partition("==") for line in lines if "==" in line)
    return {package: version.split()[0] for package, _, version in pins}


@pytest.mark.parametrize("lane", ["spark35.txt", "spark41.txt"])
def test_a_cluster_gets_the_versions_that_the_tests_run_with(lane: str) -> None:
    tested, shipped = _pins(lane), _pins("cluster.txt")

    assert {"apache-hamilton", "boto3", "cloudpathlib", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml"} < set(
        shipped
    )
    assert {package: tested.get(package) for package in shipped} == shipped
    assert not {"pyspark", "py4j", "delta-spark", "setuptools"} & set(shipped)


def test_the_lock_has_no_conditions_since_pip_would_judge_them_by_this_machine() -> None:
    assert ";" not in (ROOT / "requirements" / "cluster.txt").read_text()
