"""The script for spark-submit, as a process of its own: its exit code, and all that it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from tests.commands import FEATURES, N_ROWS, SECRET, observations, put_parquet

ROOT = Path(__file__).parents[1]
LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) \S")
JAVAS_OWN = "WARNING: Using incubator modules: jdk.incubator.vector"
"""Said before anything can be configured, where Spark 4 starts a whole Java."""


def _run_job(data: Path, output: Path, *options: str) -> tuple[int, list[str], list[str]]:
    words = ["--s3_data_location", data, "--output_s3_location", output, "--sequence_length", 4, "--subsets", "all=1"]
    words += ["--features", FEATURES, "--driver_memory", "1g", "--shuffle_partitions", 1, *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OBS2SEQ_", "SPARK_"))}
    done = subprocess.run(
        [sys.executable, "jobs/sequence_observations.py", *map(str, words)],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": "src", "MODE": "local"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), [line for line in done.stderr.splitlines() if line != JAVAS_OWN]


def test_a_job_that_succeeds_says_what_it_did_and_spark_says_nothing(tmp_path: Path) -> None:
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations())

    code, out, err = _run_job(data, tmp_path / "out", "--strid", "3")

    assert code == 0, err
    assert out[0].split() == ["subset", "rows", "in", "used", "left", "out", "rows", "out", "bytes", "out"]
    assert out[1].split()[:5] == ["all", "24", "24", "0", "6"]
    assert out[2].startswith(f"all: {tmp_path}/out/all_sequenced_4 (run ")
    assert [line for line in err if not LOGGED.match(line)] == []
    assert any(line.endswith("passed over unknown option --strid (did you mean --stride?)") for line in err)
    assert any(f"all is ready at {tmp_path}/out/all_sequenced_4" in line for line in err)


def test_a_job_that_fails_on_a_row_says_so_once_and_shows_no_row(tmp_path: Path) -> None:
    names = pa.array([SECRET if i == 5 else str(i) for i in range(N_ROWS)])
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations(name=names))

    code, out, err = _run_job(data, tmp_path / "out", "--columns", "{correct: CAST(name AS INT)}")

    assert (code, out) == (1, [])
    assert err[-1] == (
        "error: columns.correct: expected every row to have a value, found one for which the expression fails. Hint: "
        "use try_cast, try_divide or try_to_timestamp, which give null instead."
    )
    assert [line for line in err[:-1] if not LOGGED.match(line)] == []
    assert SECRET not in "".join(err)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_job_whose_java_does_not_start_says_why(tmp_path: Path) -> None:
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations())

    code, _, err = _run_job(data, tmp_path / "out", "--driver_memory", "1k")

    assert code == 2
    assert err[-1].startswith(
        "error: spark: expected Java to start, found that it refused its options. Hint: check dri"
    )
    assert "Traceback" not in "".join(err)
