"""The script for Glue: on Glue (a fake of it), with Glue's library alone, and without."""

import runpy
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from obs2seq.errors import ConfigurationError, DataError
from obs2seq.glue import run_glue_job
from tests.commands import FEATURES, N_ROWS, SECRET, observations, put_parquet
from tests.small_jobs import answers, published_sequences, put_answers

TESTS = Path(__file__).parent
SCRIPT = TESTS.parent / "jobs" / "glue_sequence_observations.py"
ON_GLUE = ["--JOB_NAME", "obs2seq", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--job-bookmark-option"]
ON_GLUE += ["job-bookmark-disable", "--TempDir", "s3://bucket/temporary/", "--mode", "batch"]


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "local")


def _forget_glue(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "awsglue"]:
        patch.delitem(sys.modules, name)


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    """What Glue is told, where it is."""
    _forget_glue(monkeypatch)
    monkeypatch.syspath_prepend(TESTS / "fake_glue")
    import awsglue

    awsglue.calls.clear()
    yield awsglue.calls
    _forget_glue(monkeypatch)


@pytest.fixture
def glues_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, without Glue."""
    _forget_glue(monkeypatch)
    pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is not installed")


@pytest.fixture
def no_glue(monkeypatch: pytest.MonkeyPatch) -> None:
    _forget_glue(monkeypatch)
    monkeypatch.setitem(sys.modules, "awsglue", None)


def _arguments(data: object, output: object, *more: str) -> list[str]:
    pairs = {"--s3_data_location": data, "--output-s3-location": output, "--sequence_length": 3}
    pairs |= {"--features": "[{name: correct, column: correct, pad: -1}]", "--subsets": "train=1", "--force": "true"}
    return [str(word) for pair in pairs.items() for word in pair] + list(more)


def _run_script(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.mark.parametrize("place", ["glue", "glues_library", "no_glue"])
def test_the_script_publishes_the_same_everywhere(
    place: str, request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = request.getfixturevalue(place)
    put_answers(str(tmp_path / "in" / "part-0.parquet"), answers(1, [1, 0, 1, 1]), answers(2, [0]))

    _run_script(monkeypatch, *_arguments(tmp_path / "in", tmp_path / "out", *(ON_GLUE if place == "glue" else [])))

    assert published_sequences(str(tmp_path / "out" / "train_sequenced_3")) == [
        (1, [1, -1, -1]),
        (1, [1, 0, 1]),
        (2, [0, -1, -1]),
    ]
    assert told == ([("init", "obs2seq", "job-bookmark-disable"), ("commit",)] if place == "glue" else None)


def _unfit(tmp_path: Path) -> list[str]:
    """Arguments of a job that fails on one row."""
    names = pa.array([SECRET if i == 5 else str(i) for i in range(N_ROWS)])
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations(name=names))
    return _arguments(data, tmp_path / "out", "--features", FEATURES, "--columns", "{correct: CAST(name AS INT)}")


def test_a_run_that_glue_started_fails_with_a_reason_and_shows_no_row(
    glue: list[tuple[str, ...]], spark: SparkSession, tmp_path: Path
) -> None:
    arguments = _unfit(tmp_path)

    with pytest.raises(DataError) as failure:
        run_glue_job([str(SCRIPT), *arguments, *ON_GLUE])

    assert str(failure.value).startswith("columns.correct: expected every row to have a value, found one")
    assert SECRET not in "".join(traceback.format_exception(failure.value))
    assert glue == [("init", "obs2seq", "job-bookmark-disable")]
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_run_that_glue_did_not_start_fails_with_the_exit_code(
    no_glue: None, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = _unfit(tmp_path)

    with pytest.raises(SystemExit) as exit_:
        _run_script(monkeypatch, *arguments)

    assert exit_.value.code == 1


def test_settings_that_are_not_allowed_are_refused_before_anything_starts(glue: list[tuple[str, ...]]) -> None:
    with pytest.raises(ConfigurationError) as failure:
        run_glue_job(["script.py", *_arguments("s3://bucket/in", "s3://bucket/out", "--stride", "4"), *ON_GLUE])

    assert str(failure.value).startswith("option --stride: expected")
    assert glue == []


@pytest.mark.parametrize("place", ["glue", "glues_library", "no_glue"])
def test_an_option_without_a_value_is_refused(
    place: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    request.getfixturevalue(place)

    code = run_glue_job(["script.py", "--sequence_length"])

    assert code == 2
    assert capsys.readouterr().err == (
        "error: arguments: expected pairs --name value, found: argument --sequence_length: expected one argument. "
        "Hint: give every option one value, flags too: --force true.\n"
    )


def test_glues_own_options_are_passed_over_and_misspelled_ones_named(
    glue: list[tuple[str, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    options = ["--strid", "3", "--enable-metrics", "true", "--conf", "spark.a=b", "--sequence_length", "0"]

    with pytest.raises(ConfigurationError, match="option --sequence_length"):
        run_glue_job(["script.py", *ON_GLUE, *options])

    assert [record.message for record in caplog.records] == [
        "passed over unknown option --strid (did you mean --stride?)"
    ]
