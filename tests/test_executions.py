"""Which execution a job on Spark takes, how its work is cut, and what executors are found to lack; without Spark."""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from obs2seq import SequenceSpec
from obs2seq.bootstrap import warehouse
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.quality import MaxPerPupil
from obs2seq.domain.source import Source
from obs2seq.errors import ConfigurationError
from obs2seq.version import __version__
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.spark_arrow import executors
from obs2seq.warehouses.spark_arrow.attempts import Attempt
from obs2seq.warehouses.spark_arrow.choice import ChosenEngine
from obs2seq.warehouses.spark_arrow.executors import fault, lacking
from obs2seq.warehouses.spark_arrow.obstacles import ObstacleError
from obs2seq.warehouses.spark_arrow.shuffling import rows_per_batch, wait_for_stragglers
from obs2seq.warehouses.spark_arrow.sizes import Sizes
from obs2seq.warehouses.subsets import SubsetSource
from tests.small_jobs import CORRECT, settings_for

MIB = 1 << 20
SPEC = SequenceSpec.model_validate({"order_by": ["t"], "sequence_length": 3, "features": [CORRECT]})
ORDER = Order.of(Job(SPEC), "train", "sequences")
FOUND = SubsetSource(Source("in", "parquet", (), is_all=True), has_own_folder=False)
MANIFEST: Any = object()
LEDGER = Ledger(1, 1, {}, {})
OBSTACLE = ObstacleError("execution", "expected executors, found none", "look for them")
WHOLE: Mapping[str, str | None] = {
    "pyarrow": "15.0.0", "numpy": "1.26.4", "obs2seq": __version__, "missing": None, "credentials": "found",
    "python": "/usr/bin/python3.11",
}  # fmt: skip


class RecordingEngine(Engine):
    def __init__(self, obstacle: ObstacleError | None = None) -> None:
        self.asked: list[str] = []
        self._obstacle = obstacle

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        self.asked.append("make")
        if self._obstacle is not None:
            raise self._obstacle
        return MANIFEST

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        self.asked.append("check")
        return LEDGER


def test_auto_takes_native_where_executors_lack_something_and_asks_them_once(caplog: pytest.LogCaptureFixture) -> None:
    native, arrow, asked = RecordingEngine(), RecordingEngine(), []
    engine = ChosenEngine(native, arrow, lambda: asked.append("once") or OBSTACLE, is_required=False)

    with caplog.at_level(logging.INFO):
        made = [engine.make(ORDER, FOUND, "out", "run") for _ in range(2)]

    assert made == [MANIFEST, MANIFEST]
    assert (native.asked, arrow.asked, asked) == (["make", "make"], [], ["once"])
    assert f"train_sequenced_3: execution native, since arrow is refused: {OBSTACLE}" in caplog.text


def test_auto_takes_native_where_arrow_finds_an_obstacle_in_the_data() -> None:
    native = RecordingEngine()

    made = ChosenEngine(native, RecordingEngine(OBSTACLE), lambda: None, is_required=False).make(
        ORDER, FOUND, "out", "run"
    )

    assert made is MANIFEST
    assert native.asked == ["make"]


@pytest.mark.parametrize("act", ["make", "check"])
def test_arrow_is_refused_before_the_run_where_executors_lack_something(act: str) -> None:
    native, arrow = RecordingEngine(), RecordingEngine()
    engine = ChosenEngine(native, arrow, lambda: OBSTACLE, is_required=True)

    with pytest.raises(ObstacleError) as refused:
        engine.make(ORDER, FOUND, "out", "run") if act == "make" else engine.check(ORDER, FOUND)

    assert refused.value is OBSTACLE
    assert native.asked + arrow.asked == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"pyarrow": None, "missing": "pyarrow"}, "no module 'pyarrow' in /usr/bin/python3.11"),
        ({"obs2seq": None, "missing": "obs2seq"}, "no module 'obs2seq' in /usr/bin/python3.11"),
        ({"pyarrow": "14.0.2"}, "pyarrow 14.0.2, older than 15, in /usr/bin/python3.11"),
        ({"numpy": "1.25.9", "missing": "pyarrow"}, "numpy 1.25.9, older than 1.26, in /usr/bin/python3.11"),
        ({"obs2seq": "0.0.9"}, f"obs2seq 0.0.9 where the driver has {__version__}"),
        ({"credentials": None}, "no credentials for S3"),
        ({}, None),
    ],
)
def test_what_an_executor_lacks_is_named(found: dict[str, str | None], said: str | None) -> None:
    assert fault({**WHOLE, **found}, s3=True) == said


def test_who_writes_to_no_bucket_needs_no_credentials() -> None:
    assert fault({**WHOLE, "credentials": None}, s3=False) is None


class ThisProcess:
    """A cluster whose executors are this process."""

    def __init__(self) -> None:
        self.defaultParallelism = 2

    def parallelize(self, items: Any, _: int) -> Any:
        def mapped(probe: Any) -> Any:
            answers = [answer for item in items for answer in probe(iter([item]))]
            return SimpleNamespace(distinct=lambda: SimpleNamespace(collect=lambda: list(set(answers))))

        return SimpleNamespace(mapPartitions=mapped)


def test_executors_that_have_everything_lack_nothing() -> None:
    cluster: Any = ThisProcess()

    assert lacking(cluster, s3=False) is None


def test_executors_without_pyarrow_are_refused_with_how_to_ship_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    cluster: Any = ThisProcess()

    assert str(lacking(cluster, s3=False)) == (
        "execution: expected executors with Python, pyarrow, NumPy and obs2seq where execution is arrow, found no "
        f"module 'pyarrow' in {sys.executable}. Hint: ship it there (obs2seq package makes the archives), or set "
        "execution: native, which needs no Python there."
    )


def test_executors_without_obs2seq_are_asked_all_the_same() -> None:
    """The probe must not be taken from the package that it looks for."""
    from pyspark import cloudpickle

    executor = (
        "import pickle, sys; sys.modules['obs2seq'] = None; print(*pickle.load(sys.stdin.buffer)(iter([0])), end='')"
    )
    probe = cloudpickle.dumps(executors._probe(s3=False))

    answer = subprocess.run([sys.executable, "-c", executor], input=probe, capture_output=True, check=True).stdout

    assert (fault(json.loads(answer), s3=False) or "").startswith("no module 'obs2seq")


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"output_format": "delta"}, "output_format", "expected parquet where execution is arrow, found delta"),
        (
            {"s3_kms_key": "alias/mine", "output_s3_location": "s3://bucket/out"},
            "s3_kms_key",
            "expected none where execution is arrow, found one, which Arrow's access to S3 knows nothing of",
        ),
        (
            {"rules": (MaxPerPupil(name="robots", kind="max_per_pupil", most=9, severity="warn"),)},
            "rules",
            "expected none over pupils where execution is arrow, found robots, which take a second shuffle",
        ),
    ],
)
def test_what_only_native_does_is_refused_by_name_before_the_run(
    tmp_path: Path, changes: dict[str, Any], key: str, problem: str
) -> None:
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow").model_copy(update=changes)

    with pytest.raises(ConfigurationError) as refused:
        warehouse(settings)

    assert str(refused.value) == f"{key}: {problem}. Hint: set execution: native."


def test_a_driver_without_pandas_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark itself asks for it, to hand rows to Python."""
    monkeypatch.setattr("obs2seq.bootstrap.executions.find_spec", lambda name: None if name == "pandas" else object())

    with pytest.raises(ConfigurationError) as refused:
        warehouse(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow"))

    assert str(refused.value) == (
        "execution: expected arrow with pyarrow, NumPy and pandas installed, found no pandas. "
        "Hint: set execution: native."
    )


def test_auto_takes_native_for_what_only_that_does(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="auto", output_format="delta")

    with caplog.at_level(logging.INFO):
        warehouse(settings)

    assert "execution native: output_format: expected parquet where execution is auto, found delta" in caplog.text


def test_the_execution_does_not_shape_the_result(tmp_path: Path) -> None:
    from obs2seq.bootstrap import job

    native, arrow = (
        job(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution=name)).shape() for name in ("native", "arrow")
    )

    assert native == arrow


@pytest.mark.parametrize(
    ("size", "budget", "partitions"),
    [
        (0, 1024 * MIB, 1),
        (3 * MIB, 1024 * MIB, 1),  # not worth two tasks
        (170 * MIB, 1024 * MIB, 8),  # four for each of two processors
        (2600 * MIB, 6144 * MIB, 82),  # 32 MB each
        (170 * MIB, 100 * MIB, 34),  # 20 bytes of memory for each
        (1_700_000 * MIB, 1024 * MIB, 33_204),  # no more than memory asks for
    ],
)
def test_partitions_follow_from_the_input_and_the_memory_of_a_task(size: int, budget: int, partitions: int) -> None:
    assert Sizes().number_of_partitions(size, budget, 2) == partitions


def test_the_number_of_partitions_in_the_settings_counts() -> None:
    assert Sizes(partitions=7).number_of_partitions(170 * MIB, MIB, 2) == 7


@pytest.mark.parametrize(("joins_small", "partitions"), [(True, 8), (False, 500)])
def test_so_many_small_partitions_are_joined_as_spark_would(joins_small: bool, partitions: int) -> None:
    assert Sizes(partitions=500).number_of_partitions(MIB, MIB, 2, joins_small=joins_small) == partitions


def context_with(master: str, **told: str) -> Any:
    known = {f"spark.{name.replace('_', '.')}": value for name, value in told.items()}
    units = {"m": 1, "g": 1024}

    def as_mib(text: str) -> int:
        return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)

    java = SimpleNamespace(byteStringAsMb=as_mib)
    util = SimpleNamespace(util=SimpleNamespace(JavaUtils=java))
    spark = SimpleNamespace(network=util)
    jvm = SimpleNamespace(org=SimpleNamespace(apache=SimpleNamespace(spark=spark)))
    return SimpleNamespace(
        master=master,
        defaultParallelism=4,
        _jvm=jvm,
        getConf=lambda: SimpleNamespace(get=lambda n, d=None: known.get(n, d)),
    )


@pytest.mark.parametrize(
    ("conf", "mebibytes"),
    [
        ({"executor_memoryOverhead": "4g", "executor_cores": "4"}, 1024 - 160),
        ({"executor_memoryOverhead": "2048"}, 2048 - 160),
        ({"executor_pyspark_memory": "1g", "executor_memoryOverhead": "9g", "executor_cores": "2"}, 512 - 160),
        ({"executor_memory": "20g", "executor_cores": "4"}, 512 - 160),
        ({"executor_memory": "20g", "executor_cores": "4", "task_cpus": "2"}, 1024 - 160),
        ({"executor_memory": "2g", "executor_cores": "4"}, 64),  # 384 MB beside the heap: the least there is
    ],
)
def test_a_tasks_budget_is_its_share_of_the_memory_beside_javas(conf: dict[str, str], mebibytes: int) -> None:
    assert Sizes().budget(context_with("yarn", **conf)) == mebibytes * MIB


def test_a_budget_in_the_settings_is_each_tasks() -> None:
    assert Sizes(memory_budget="300m").budget(context_with("yarn")) == 300 * MIB


@pytest.mark.parametrize(("row_bytes", "rows"), [(40, 10_000), (1_024, 4_096), (100_000, 1_000)])
def test_python_gets_batches_of_bounded_size(row_bytes: int, rows: int) -> None:
    assert rows_per_batch(row_bytes) == rows


def test_late_attempts_are_waited_for_only_where_spark_speculates() -> None:
    pauses: list[float] = []
    active = iter([2, 1, 0])
    tracker = SimpleNamespace(getStageInfo=lambda stage: SimpleNamespace(numActiveTasks=next(active)))

    for speculates in ("false", "true"):
        context = context_with("yarn", speculation=speculates)
        context.statusTracker = lambda: tracker
        wait_for_stragglers(context, [Attempt(7, [], {})], pauses.append)

    assert pauses == [0.1, 0.1]
