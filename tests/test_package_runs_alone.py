"""The package on a machine that has nothing else: a bare Python, a Spark, and what `obs2seq package` made.

The wheels come from the package index that pip is told of, some 100 MB.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pyspark
import pytest

from obs2seq.generator import generate
from obs2seq.packaging import Package, Role, spark_settings, target_for
from obs2seq.packaging.clone import find_clone
from obs2seq.packaging.dependencies import make_dependencies
from obs2seq.warehouses.java import find_java
from obs2seq.warehouses.java_launcher import launchable_home
from obs2seq.warehouses.lanes import java_lane_of

ROOT = Path(__file__).parents[1]
N_OBSERVATIONS = 300
AARCH64 = 183
"""As an ELF header calls the machine."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the dependencies are for Linux")


@dataclass(frozen=True)
class Machine:
    """A folder in which a driver starts, as a cluster leaves it: the script, the settings, and the archive unpacked."""

    folder: Path
    python: Path
    spark: Path
    code: Path

    @property
    def record(self) -> Path:
        return self.folder / "modules.json"

    def submit(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run spark-submit with no variable but those that it needs."""
        java = find_java(java_lane_of(pyspark.__version__))
        assert java is not None
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "JAVA_HOME": str(launchable_home(java.path)),
            "SPARK_HOME": str(self.spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": str(self.python),
            "PYTHONPATH": spark_settings("ec2")["spark.yarn.appMasterEnv.PYTHONPATH"],
            "MODE": "local",
        }
        launch = ("--master", "local[1]", "--driver-memory", "1g", "--conf", "spark.ui.enabled=false")
        loopback = ("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1")
        return subprocess.run(
            [
                *("bash", self.spark / "bin" / "spark-submit", *launch, *loopback, "--py-files", self.code),
                *("recording_job.py", self.record, "sequence_observations.py", *map(str, words)),
            ],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )


@pytest.fixture
def machine(package: Package, tmp_path: Path) -> Machine:
    folder = tmp_path / "work"
    folder.mkdir()
    for role in (Role.JOB, Role.CONFIG):
        for path in package.paths(role):
            shutil.copy(path, folder)
    shutil.copy(Path(__file__).with_name("recording_job.py"), folder)
    (archive,) = package.paths(Role.DEPENDENCIES)
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "deps", filter="data")
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    (tmp_path / "spark").symlink_to(Path(pyspark.__file__).parent)
    (code,) = package.paths(Role.CODE)
    return Machine(folder, tmp_path / "bare" / "bin" / "python", tmp_path / "spark", code)


def _library(python: Path) -> list[Path]:
    """Return where a Python's own modules lie."""
    program = "import json, sysconfig; print(json.dumps([sysconfig.get_path(n) for n in ('stdlib', 'platstdlib')]))"
    said = subprocess.run([python, "-I", "-S", "-c", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in json.loads(said)]


def _is_below(path: str, roots: Iterable[Path]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)


def test_the_job_runs_on_what_is_packaged_and_imports_nothing_else(machine: Machine, tmp_path: Path) -> None:
    generate(tmp_path / "in", observations=N_OBSERVATIONS, pupils=7)
    locations = ("--s3_data_location", tmp_path / "in", "--output_s3_location", tmp_path / "out")

    done = machine.submit("--config", "local.yaml", *locations, "--sequence_length", 10, "--subsets", "all=1")

    assert done.returncode == 0, done.stderr
    made = pq.read_table(tmp_path / "out" / "all_sequenced_10", columns=["n_observations"])
    assert sum(made["n_observations"].to_pylist()) == N_OBSERVATIONS
    recorded = json.loads(machine.record.read_text())
    places = recorded["modules"]
    shipped = (machine.code, machine.folder / "deps", machine.spark)
    # Java finds Spark's own jars by where links lead.
    brought = (*shipped, machine.spark.resolve() / "jars")
    others = [place for module in places.values() for place in module if not _is_below(place, brought)]
    library = _library(machine.python)
    assert [place for place in others if not _is_below(place, library) or "-packages" in place] == []
    assert {name: _root(places[name], shipped) for name in ("obs2seq", "numpy", "pydantic", "hamilton", "pyspark")} == {
        "obs2seq": machine.code,
        "numpy": machine.folder / "deps",
        "pydantic": machine.folder / "deps",
        "hamilton": machine.folder / "deps",
        "pyspark": machine.spark,
    }
    assert not {str(ROOT), str(ROOT / "src"), str(Path(pyspark.__file__).parents[1])} & set(recorded["path"])


def _root(places: list[str], roots: Iterable[Path]) -> Path | None:
    return next((root for root in roots if _is_below(places[0], [root])), None)


def test_the_archive_for_graviton_holds_what_runs_on_graviton(tmp_path: Path) -> None:
    archive = make_dependencies(find_clone().lock, target_for("3.13", "arm64"), tmp_path)

    with tarfile.open(archive) as tar:
        machines = {entry.name: _machine(tar, entry) for entry in tar if ".so" in Path(entry.name).suffixes}

    assert {name for name, machine in machines.items() if machine != AARCH64} == set()
    assert any(name.startswith("numpy/_core/_multiarray_umath.cpython-313-aarch64") for name in machines)
    assert any(name.startswith("pyarrow/lib.cpython-313-aarch64") for name in machines)


def _machine(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> int:
    """Read the machine that a shared library is for: two bytes of its header, at the 18th."""
    content = tar.extractfile(entry)
    assert content is not None
    header = content.read(20)
    assert header[:4] == b"\x7fELF"
    return int.from_bytes(header[18:], "little")
