"""The job on a cluster: what `obs2seq package` makes is all that the workers know of obs2seq."""

import json
import re
import signal
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import obs2seq
from obs2seq.bootstrap import compare, run
from obs2seq.errors import DONE
from obs2seq.generator import generate
from obs2seq.packaging import DEPENDENCIES_FOLDER, Package, Role, spark_settings
from obs2seq.settings import Settings
from tests.clusters import Cluster, Job
from tests.small_jobs import files_at

EXECUTIONS: dict[str, Mapping[str, object]] = {"native": {}}
"""The settings that choose what computes on the executors."""
N_OBSERVATIONS = 3000
NOWHERE = Path("/nowhere/python")
MANY_FILES = {"spark.sql.adaptive.coalescePartitions.enabled": "false", "spark.sql.shuffle.partitions": 40}
"""One small file after the other, so that a run is a long time about its last step."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the dependencies are for Linux")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(standing: Cluster) -> Cluster:
    """With all its workers, whatever the test before has done to them."""
    standing.fill()
    return standing


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python without packages."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    return tmp_path / "bare" / "bin" / "python"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    generate(tmp_path / "in", observations=N_OBSERVATIONS, files=4)
    return Settings(
        s3_data_location=str(tmp_path / "in"),
        output_s3_location=str(tmp_path / "out"),
        sequence_length=20,
        subsets={"train": 0.75, "test": 0.25},
        mode="local",
    )


def shipped(package: Package) -> dict[str, object]:
    """What a job on a cluster is given for the executors' Python, as on EMR."""
    (code,), (dependencies,) = package.paths(Role.CODE), package.paths(Role.DEPENDENCIES)
    path = "spark.executorEnv.PYTHONPATH"
    archive = f"{dependencies.as_uri()}#{DEPENDENCIES_FOLDER}"
    return {"spark.submit.pyFiles": code, "spark.archives": archive, path: spark_settings("ec2")[path]}


def pythons(executors: Path) -> dict[str, object]:
    return {"spark.pyspark.driver.python": sys.executable, "spark.pyspark.python": executors}


def submit(cluster: Cluster, package: Package, settings: Settings, spark: Mapping[str, object]) -> Job:
    """Start the job as the README says."""
    config = Path(settings.output_s3_location).with_name("job.yaml")
    config.write_text(settings.model_dump_json(), encoding="utf-8")
    script = next(path for path in package.paths(Role.JOB) if path.name == "sequence_observations.py")
    (code,) = package.paths(Role.CODE)
    return cluster.submit(script, "--config", config, settings={"spark.submit.pyFiles": code, **spark})


def require_what_the_embedded_engine_makes(settings: Settings, tmp_path: Path) -> None:
    embedded = settings.model_copy(update={"engine": "arrow", "output_s3_location": str(tmp_path / "embedded")})
    run(embedded)
    names = [f"{subset}_sequenced_{settings.sequence_length}" for subset in settings.subsets]
    assert [compare(f"{tmp_path}/out/{name}", f"{tmp_path}/embedded/{name}") for name in names] == [[] for _ in names]
    found = [obs2seq.load(tmp_path / "out", subset).table(["n_observations"]) for subset in settings.subsets]
    assert sum(sum(table["n_observations"].to_pylist()) for table in found) == N_OBSERVATIONS
    assert min(map(len, found)) > 0


def executors_of(job: Job) -> set[str]:
    return {event["Task Info"]["Executor ID"] for event in job.events("TaskEnd")}


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_job_on_two_workers_publishes_what_the_embedded_engine_does(
    cluster: Cluster, package: Package, settings: Settings, tmp_path: Path, execution: str
) -> None:
    settings = settings.model_copy(update=EXECUTIONS[execution])

    job = submit(cluster, package, settings, pythons(NOWHERE))

    assert job.end() == DONE, job.said
    require_what_the_embedded_engine_makes(settings, tmp_path)
    assert executors_of(job) == {"0", "1"}


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_run_that_loses_a_worker_while_it_writes_publishes_the_same(
    cluster: Cluster, package: Package, settings: Settings, tmp_path: Path, execution: str
) -> None:
    settings = settings.model_copy(update={"subsets": {"all": 1.0}, **EXECUTIONS[execution]})
    job = submit(cluster, package, settings, pythons(NOWHERE) | MANY_FILES)
    job.until(lambda: written(settings))
    for worker in cluster.workers:
        worker.signal(signal.SIGSTOP)
    assert not [path for path in files_at(settings.output_s3_location) if path.endswith("_MANIFEST.json")]
    lost, left = cluster.workers
    lost.signal(signal.SIGKILL)
    left.signal(signal.SIGCONT)

    assert job.end() == DONE, job.said
    require_what_the_embedded_engine_makes(settings, tmp_path)
    require_nothing_left_over(settings)
    assert len(job.events("ExecutorRemoved")) == 1


def written(settings: Settings) -> list[str]:
    """Return the data that tasks have finished."""
    files = files_at(settings.output_s3_location) if Path(settings.output_s3_location).exists() else []
    return [path for path in files if path.endswith(".parquet") and "/_temporary/0/_temporary/" not in path]


def require_nothing_left_over(settings: Settings) -> None:
    of_a_run = r"run_id=[0-9a-f-]+/(_MANIFEST\.json|part-[^/]+\.parquet|\.part-[^/]+\.parquet\.crc)"
    known = rf"\w+_sequenced_20/(_CURRENT\.json|{of_a_run})"
    assert [path for path in files_at(settings.output_s3_location) if not re.fullmatch(known, path)] == []


def test_the_kernel_runs_on_executors_with_what_the_package_brings(
    cluster: Cluster, package: Package, bare: Path, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("kernel_on_executors.py")

    job = cluster.submit(script, tmp_path / "told.json", settings=shipped(package) | pythons(bare))

    assert job.end() == DONE, job.said
    told = json.loads((tmp_path / "told.json").read_text())
    assert [task["n"] for task in told] == [2, 2, 2, 2]
    (code,) = package.paths(Role.CODE)
    work = re.escape(str(cluster.folder / "work"))
    brought = {"obs2seq": code.name, "numpy": DEPENDENCIES_FOLDER, "pyarrow": DEPENDENCIES_FOLDER}
    for name, root in brought.items():
        place = rf"{work}/app-[-\d]+/[01]/{root}/{name}/__init__\.py"
        assert [task[name] for task in told if not re.fullmatch(place, task[name])] == []


def test_executors_find_no_package_that_is_not_shipped(cluster: Cluster, bare: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("kernel_on_executors.py")

    job = cluster.submit(script, tmp_path / "told.json", settings=pythons(bare) | {"spark.task.maxFailures": 1})

    assert job.end() != DONE
    assert "ModuleNotFoundError: No module named 'obs2seq'" in job.said
