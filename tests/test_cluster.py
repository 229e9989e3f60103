"""The job on a cluster: what `obs2seq package` makes is all that the workers know of obs2seq."""

import json
import re
import signal
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import obs2seq
from obs2seq.bootstrap import compare, run
from obs2seq.errors import DONE
from obs2seq.generator import generate
from obs2seq.packaging import DEPENDENCIES_FOLDER, Package, Role, spark_settings
from obs2seq.settings import Settings
from tests.clusters import Cluster, Job
from tests.small_jobs import files_at

N_OBSERVATIONS = 3000
NOWHERE = Path("/nowhere/python")
MANY_FILES = 40
"""One small file after the other, so that a run is a long time about its last step."""
KERNEL_ON_EXECUTORS = Path(__file__).with_name("kernel_on_executors.py")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the dependencies are for Linux")


def with_java_alone(package: Package, bare: Path) -> dict[str, object]:
    """Only the driver, which is no part of the cluster, finds a Python."""
    (code,) = package.paths(Role.CODE)
    return {"spark.submit.pyFiles": code, **pythons(NOWHERE)}


def with_python(package: Package, bare: Path) -> dict[str, object]:
    """The executors have a Python without packages, and what EMR is sent."""
    (code,), (dependencies,) = package.paths(Role.CODE), package.paths(Role.DEPENDENCIES)
    path, archive = "spark.executorEnv.PYTHONPATH", f"{dependencies.as_uri()}#{DEPENDENCIES_FOLDER}"
    sent = {"spark.submit.pyFiles": code, "spark.archives": archive, path: spark_settings("ec2")[path]}
    return sent | pythons(bare)


def pythons(executors: Path) -> dict[str, object]:
    return {"spark.pyspark.driver.python": sys.executable, "spark.pyspark.python": executors}


class Execution(NamedTuple):
    """A way to compute on the executors."""

    settings: Mapping[str, object]
    launch: Callable[[Package, Path], dict[str, object]]


EXECUTIONS = {
    "native": Execution({"execution": "native"}, with_java_alone),
    "arrow": Execution({"execution": "arrow"}, with_python),
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


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


@pytest.fixture(params=EXECUTIONS)
def execution(request: pytest.FixtureRequest) -> Execution:
    return EXECUTIONS[request.param]


@pytest.fixture
def settings(execution: Execution, tmp_path: Path) -> Settings:
    generate(tmp_path / "in", observations=N_OBSERVATIONS, files=4)
    return Settings(
        s3_data_location=str(tmp_path / "in"),
        output_s3_location=str(tmp_path / "out"),
        sequence_length=20,
        subsets={"train": 0.75, "test": 0.25},
        mode="local",
        **execution.settings,
    )


@pytest.fixture
def launch(execution: Execution, package: Package, bare: Path) -> dict[str, object]:
    return execution.launch(package, bare)


def start(cluster: Cluster, settings: Settings, launch: Mapping[str, object]) -> Job:
    config = Path(settings.output_s3_location).with_name("job.yaml")
    config.write_text(settings.model_dump_json(), encoding="utf-8")
    script = Path(__file__).parents[1] / "jobs" / "sequence_observations.py"
    return cluster.submit(script, "--config", config, settings=launch)


def require_what_the_embedded_engine_makes(settings: Settings, tmp_path: Path) -> None:
    embedded = settings.model_copy(update={"engine": "arrow", "output_s3_location": str(tmp_path / "embedded")})
    run(embedded)
    names = [f"{subset}_sequenced_{settings.sequence_length}" for subset in settings.subsets]
    assert [compare(f"{tmp_path}/out/{name}", f"{tmp_path}/embedded/{name}") for name in names] == [[] for _ in names]
    made = [obs2seq.load(tmp_path / "out", subset).arrays(["is_pad"])["is_pad"] for subset in settings.subsets]
    assert min(map(len, made)) > 0
    assert sum(int((~is_pad).sum()) for is_pad in made) == N_OBSERVATIONS


def files_of_tasks(settings: Settings) -> list[str]:
    """Return the data that tasks have finished, whether their job is done or not."""
    files = files_at(settings.output_s3_location)
    return [path for path in files if path.endswith(".parquet") and "/_temporary/0/_temporary/" not in path]


def require_nothing_left_over(settings: Settings) -> None:
    of_a_run = r"run_id=[0-9a-f-]+/(_AUDIT\.json|_MANIFEST\.json|part-[^/]+\.parquet|\.part-[^/]+\.parquet\.crc)"
    known = rf"\w+_sequenced_20/(_CURRENT\.json|{of_a_run})"
    assert [path for path in files_at(settings.output_s3_location) if not re.fullmatch(known, path)] == []


def test_a_job_on_two_workers_publishes_what_the_embedded_engine_does(
    cluster: Cluster, settings: Settings, launch: dict[str, object], tmp_path: Path
) -> None:
    job = start(cluster, settings, launch)

    assert job.end() == DONE, job.said
    assert ("execution arrow, in" in job.said) == (settings.execution == "arrow")
    require_what_the_embedded_engine_makes(settings, tmp_path)
    require_nothing_left_over(settings)
    assert {event["Task Info"]["Executor ID"] for event in job.events("TaskEnd")} == {"0", "1"}


def test_a_run_that_loses_a_worker_while_it_writes_publishes_the_same(
    cluster: Cluster, settings: Settings, launch: dict[str, object], tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"subsets": {"all": 1.0}, "shuffle_partitions": MANY_FILES})
    job = start(cluster, settings, launch | {"spark.sql.adaptive.coalescePartitions.enabled": "false"})
    job.until(lambda: files_of_tasks(settings))
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
    stages = [event["Stage Info"]["Stage Attempt ID"] for event in job.events("StageSubmitted")]
    # Where the worker that is left has read all of the input, only the tasks of the other are begun again.
    assert max(*stages, *(event["Task Info"]["Attempt"] for event in job.events("TaskEnd"))) > 0


def test_the_kernel_runs_on_executors_with_what_the_package_brings(
    cluster: Cluster, package: Package, bare: Path, tmp_path: Path
) -> None:
    job = cluster.submit(KERNEL_ON_EXECUTORS, tmp_path / "told.json", settings=with_python(package, bare))

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
    job = cluster.submit(
        KERNEL_ON_EXECUTORS, tmp_path / "told.json", settings=pythons(bare) | {"spark.task.maxFailures": 1}
    )

    assert job.end() != DONE
    assert "ModuleNotFoundError: No module named 'obs2seq'" in job.said
