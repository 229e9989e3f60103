"""Jobs in processes of their own that are killed, or overtaken, at the worst moments."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from obs2seq.bootstrap import run
from obs2seq.domain.locations import is_s3
from obs2seq.errors import SERVICE
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from tests.small_jobs import (
    FIRST,
    SCHEMA,
    answers,
    files_at,
    folders_at,
    published_rows,
    published_sequences,
    put,
    put_answers,
    settings_for,
)
from tests.test_publish_runs import spark_not_needed

ROOT = Path(__file__).parents[1]
PUPILS, ANSWERS_EACH = 40, 450
FILES = {"local": 40, "S3": 12}
SLOWLY = {"spark.master": "local[1]", "spark.sql.adaptive.coalescePartitions.enabled": "false"}
"""One small file after the other, so that a run is a long time about its last step."""
PROCESS_DOES_NOT_ANSWER_WITHIN_S = 120
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs; ends what is left of them, their Java included."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), "MODE": "local"}
        command = [sys.executable, *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=environment, stderr=pipe, text=True, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with process:  # closes its pipe and waits
            pass


@pytest.fixture(params=["local", "S3"])
def settings(request: pytest.FixtureRequest, spark: SparkSession) -> Settings:
    """A job whose sequences of one pupil's answers are published, and whose data has grown since."""
    is_local = request.param == "local"
    root = str(request.getfixturevalue("tmp_path")) if is_local else f"s3://{request.getfixturevalue('bucket')}/deep"
    settings = settings_for(f"{root}/in", f"{root}/out", min_length=2)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0, 1, 1]))
    run(settings)
    put(f"{root}/in/part-1.parquet", _many_answers())
    return settings


def _many_answers() -> bytes:
    n = PUPILS * ANSWERS_EACH
    columns = {
        "pupilid": [i % PUPILS + 100 for i in range(n)],
        "observation_id": range(n),
        "answered_at": [FIRST + timedelta(seconds=i) for i in range(n)],
        "exercise_id": [1] * n,
        "skill": ["addition"] * n,
        "correct": [i % 2 for i in range(n)],
        "duration_s": [1.0] * n,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in columns}), sink)
    return sink.getvalue()


def dataset(settings: Settings) -> str:
    return f"{settings.output_s3_location}/train_sequenced_3"


def written_by(settings: Settings) -> tuple[list[str], bool]:
    """Return the data that lies in the folder of the run that is going on, and whether that run is finished."""
    current = resolve(RoutedStorage(), dataset(settings))[0].run_id
    files = [path for path in files_at(dataset(settings)) if not path.startswith((f"run_id={current}/", "_"))]
    data = [path for path in files if re.search(r"/part-[^/]*\.parquet$", path) and "/_temporary/0/_temp" not in path]
    return data, any(path.endswith("_MANIFEST.json") for path in files)


def stop_while_writing(job: subprocess.Popen[str], settings: Settings) -> None:
    """Stop the process, Java included, when the first of its files are there and the last are not."""
    for _ in range(50 * PROCESS_DOES_NOT_ANSWER_WITHIN_S):
        # What Spark moves while the folder is listed is gone when its turn comes.
        with suppress(FileNotFoundError):
            if written_by(settings)[0]:
                break
        assert job.poll() is None, job.communicate()[1]
        time.sleep(0.02)
    os.killpg(job.pid, signal.SIGSTOP)
    data, is_finished = written_by(settings)
    assert data
    assert not is_finished


def require_former(settings: Settings) -> None:
    assert published_sequences(dataset(settings)) == [(1, [1, 0, 1])]


def require_new(settings: Settings) -> None:
    manifest, rows = published_rows(dataset(settings))
    assert manifest.rows == len(rows) == PUPILS * ANSWERS_EACH // 3 + 1
    assert sum(row["n_observations"] for row in rows) == PUPILS * ANSWERS_EACH + 3
    assert len({(row["pupilid"], row["sequence_index"]) for row in rows}) == len(rows)


def require_nothing_left_over(settings: Settings) -> None:
    location = dataset(settings)
    files = files_at(location)
    assert {f"{folder}/_MANIFEST.json" for folder in folders_at(location)} <= set(files)
    known = r"_CURRENT\.json|run_id=[0-9a-f-]+/(_MANIFEST\.json|part-[^/]+\.parquet|\.part-[^/]+\.parquet\.crc)"
    assert [path for path in files if not re.fullmatch(known, path)] == []


def in_a_process(settings: Settings, files: int = 2, spark: Mapping[str, str] | None = None) -> str:
    """Return the same job's settings for a process with a session of its own, as JSON."""
    java = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    own = {"shuffle_partitions": files, "driver_memory": "1g", "spark": {**java, **(spark or {})}}
    return settings.model_copy(update=own).model_dump_json()


def start_slowly(start: Start, settings: Settings, tmp_path: Path) -> subprocess.Popen[str]:
    """Start the job as it is meant to be started."""
    path = tmp_path / "job.yaml"
    files = FILES["S3" if is_s3(settings.output_s3_location) else "local"]
    path.write_text(in_a_process(settings, files, SLOWLY), encoding="utf-8")
    return start(str(ROOT / "jobs" / "sequence_observations.py"), "--config", str(path))


def test_a_run_killed_while_it_writes_leaves_the_former_output_and_the_next_clears_up(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    job = start_slowly(start, settings, tmp_path)
    stop_while_writing(job, settings)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()

    require_former(settings)
    run(settings)

    require_new(settings)
    require_nothing_left_over(settings)


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_a_run_killed_before_it_is_published_is_published_by_the_next(start: Start, settings: Settings) -> None:
    job = start(str(ROOT / "tests" / "killed_job.py"), in_a_process(settings))
    # Its Java holds the pipe too, so that this waits for both to end.
    _, said = job.communicate(timeout=PROCESS_DOES_NOT_ANSWER_WITHIN_S)

    assert job.returncode == -signal.SIGKILL, said
    require_former(settings)
    assert written_by(settings)[1]
    with spark_not_needed():
        run(settings)

    require_new(settings)
    require_nothing_left_over(settings)


@pytest.mark.parametrize("settings", ["local"], indirect=True)
def test_a_run_that_is_overtaken_while_it_writes_fails_and_harms_nothing(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    job = start_slowly(start, settings, tmp_path)
    stop_while_writing(job, settings)
    run(settings)
    os.killpg(job.pid, signal.SIGCONT)
    _, said = job.communicate(timeout=PROCESS_DOES_NOT_ANSWER_WITHIN_S)

    assert (job.returncode, "error: " in said) == (SERVICE, True), said
    require_new(settings)
    with spark_not_needed():
        run(settings)
    require_new(settings)
    require_nothing_left_over(settings)
