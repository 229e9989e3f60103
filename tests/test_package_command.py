"""`obs2seq package`, and the zip and the wheel that it makes."""

import errno
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from obs2seq.errors import ConfigurationError
from obs2seq.packaging import Package, Role, make_package, spark_settings, target_for
from obs2seq.version import __version__
from tests.commands import asked, message_of
from tests.small_clones import ROOT, enter_clone, enter_installed

Capture = pytest.CaptureFixture[str]
DONE, USAGE, SERVICE = 0, 2, 3
INTEL = target_for("3.11", "x86_64")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package of this clone, but for its dependencies."""
    folder = tmp_path_factory.mktemp("package")
    with pytest.MonkeyPatch.context() as patch:
        enter_clone(patch, folder)
        return make_package(INTEL, folder / "dist")


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_a_package_lists_every_file_with_its_role(package: Package) -> None:
    assert (package.version, package.target) == (__version__, INTEL)
    assert [path.name for path in package.paths(Role.CODE)] == [f"obs2seq-{__version__}.zip"]
    assert [path.name for path in package.paths(Role.WHEEL)] == [f"obs2seq-{__version__}-py3-none-any.whl"]
    assert [path.name[:5] for path in package.paths(Role.DEPENDENCIES)] == ["deps-"]
    assert "sequence_observations.py" in [path.name for path in package.paths(Role.JOB)]
    assert [path.name for path in package.paths(Role.CONFIG)] == [
        "athena.yaml",
        "base.yaml",
        "emr.yaml",
        "local.yaml",
    ]
    assert all(file.size == len(file.path.read_bytes()) for file in package.files)


def test_dependencies_that_nobody_needs_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_clone(monkeypatch, tmp_path)

    without = make_package(INTEL, tmp_path / "dist", has_dependencies=False)

    assert without.paths(Role.DEPENDENCIES) == ()
    assert sorted(path.suffix for path in (tmp_path / "dist").iterdir()) == [".whl", ".zip"]


def test_the_zip_holds_the_package_with_its_data_and_nothing_else(package: Package) -> None:
    source = ROOT / "src"
    expected = [
        path.relative_to(source).as_posix()
        for path in (source / "obs2seq").rglob("*")
        if path.suffix in (".j2", ".json", ".properties", ".py") or path.name == "py.typed"
    ]

    (code,) = package.paths(Role.CODE)

    assert _names(code) == sorted(expected)
    assert "obs2seq/warehouses/jars.json" in expected


def test_the_wheel_is_one_that_pip_installs(package: Package, tmp_path: Path) -> None:
    (wheel,) = package.paths(Role.WHEEL)

    subprocess.run(
        [sys.executable, "-I", "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", tmp_path, wheel],
        check=True,
    )

    assert (tmp_path / "obs2seq" / "warehouses" / "jars.json").is_file()
    metadata = (tmp_path / f"obs2seq-{__version__}.dist-info" / "METADATA").read_text()
    assert f"\nName: obs2seq\nVersion: {__version__}\n" in metadata
    assert "\nRequires-Dist: pydantic" in metadata


def test_the_same_clone_gives_the_same_bytes(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = enter_clone(monkeypatch, tmp_path)
    (root / "build" / "lib" / "obs2seq").mkdir(parents=True)
    (root / "build" / "lib" / "obs2seq" / "left_by_an_earlier_build.py").write_text("")
    (root / "src" / "obs2seq" / "__pycache__").mkdir()
    (root / "src" / "obs2seq" / "__pycache__" / "cli.cpython-311.pyc").write_bytes(b"old")
    for path in (root / "src").rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    mask = os.umask(0o077)
    try:
        again = make_package(INTEL, tmp_path / "dist")
    finally:
        os.umask(mask)

    for role in (Role.CODE, Role.WHEEL, Role.DEPENDENCIES):
        (first,), (second,) = package.paths(role), again.paths(role)
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), role


def test_the_command_says_what_it_made_and_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    enter_clone(monkeypatch, tmp_path)

    answer = asked(capsys, "package", "--architecture", "arm64", "--python", "3.13")

    assert answer.code == DONE, answer.err
    *files, last = answer.out.splitlines()
    assert files[0].split()[:2] == ["code", f"dist/obs2seq-{__version__}.zip"]
    size = (tmp_path / "clone" / "dist" / f"obs2seq-{__version__}.zip").stat().st_size
    assert files[0].split()[2:] == [f"{size:,}", "bytes"]
    assert {line.split()[0] for line in files} == {"code", "wheel", "dependencies", "job", "config"}
    assert "conf/emr.yaml" in [line.split()[1] for line in files]
    assert last.startswith(f"obs2seq {__version__} for Python 3.13 on arm64. Next: 'obs2seq deploy'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--python", "3.9"), "option --python: expected 3.11 or 3.12 or 3.13, found '3.9'. Hint: take that of the "),
        (
            ("--architecture", "sparc"),
            "option --architecture: expected x86_64 or arm64, found 'sparc'. Hint: arm64 is ",
        ),
    ],
)
def test_a_target_that_no_cluster_offers_is_refused(capsys: Capture, words: tuple[str, str], said: str) -> None:
    answer = asked(capsys, "package", *words)

    assert (answer.code, answer.out) == (USAGE, "")
    assert message_of(answer).startswith(said)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_an_output_that_is_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, below: str
) -> None:
    enter_clone(monkeypatch, tmp_path)
    (tmp_path / "dist").write_text("")
    folder = tmp_path / "dist" / below

    answer = asked(capsys, "package", "--output", folder)

    assert (answer.code, answer.out) == (USAGE, "")
    assert message_of(answer) == f"{folder}: expected a folder, found a file. Hint: name another folder."


def test_an_output_without_room_is_the_storages_affair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    enter_clone(monkeypatch, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("obs2seq.packaging.archives.tempfile.mkstemp", refuse)
    answer = asked(capsys, "package", "--output", tmp_path / "dist")

    assert (answer.code, answer.out) == (SERVICE, "")
    assert message_of(answer).startswith(f"{tmp_path}/dist: expected a folder with room for obs2seq-{__version__}-py3")


def test_what_is_installed_alone_says_where_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    enter_installed(monkeypatch, tmp_path)

    answer = asked(capsys, "package")

    assert (answer.code, answer.out) == (USAGE, "")
    assert message_of(answer) == (
        "packaging: expected a clone of obs2seq, with its jobs, conf and requirements, found only "
        f"{tmp_path}/lib/python/site-packages/obs2seq. Hint: run it in the folder of a clone of the version that is "
        "installed."
    )


def test_a_clone_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    root = enter_clone(monkeypatch, tmp_path)
    (root / "src" / "obs2seq" / "version.py").write_text('__version__ = "99.1"\n')

    answer = asked(capsys, "package")

    assert answer.code == USAGE
    assert message_of(answer).startswith(
        f"{root}: expected a clone of version {__version__}, which is the one installed, found 99.1"
    )
    assert not (root / "dist").exists()


def test_a_python_without_setuptools_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    enter_clone(monkeypatch, tmp_path)
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    pip = find_spec("pip")
    assert pip is not None
    assert pip.origin is not None
    packages = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "bare")})
    Path(packages, "pip").symlink_to(Path(pip.origin).parent)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))

    answer = asked(capsys, "package")

    assert answer.code == USAGE
    assert message_of(answer).startswith("packaging: expected setuptools as pyproject.toml asks for, found that it is ")


def test_settings_of_each_target_lead_driver_and_executors_to_the_dependencies() -> None:
    assert spark_settings("ec2") == {
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON": "/usr/bin/python3.11",
        "spark.yarn.appMasterEnv.PYTHONPATH": "./deps",
        "spark.executorEnv.PYSPARK_PYTHON": "/usr/bin/python3.11",
        "spark.executorEnv.PYTHONPATH": "./deps",
    }
    assert spark_settings("serverless", "3.13") == {
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": "/usr/bin/python3.13",
        "spark.emr-serverless.driverEnv.PYTHONPATH": "./deps",
        "spark.executorEnv.PYSPARK_PYTHON": "/usr/bin/python3.13",
        "spark.executorEnv.PYTHONPATH": "./deps",
    }
    assert spark_settings("glue") == {}
    with pytest.raises(ConfigurationError, match="expected ec2 or serverless or glue, found 'athena'"):
        spark_settings("athena")
