"""What each part of the flow promises the next, and what is said where it breaks that."""

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq import sequence_observations
from obs2seq.domain.counts import require_plausible
from obs2seq.domain.ledger import Ledger
from obs2seq.errors import DATA, CheckError
from obs2seq.flow import dataflow, windows
from obs2seq.flow.checks import ANY, WHOLE, Schema
from tests.flow_inputs import specification

TRUSTED = {"pupil": ANY, "session": WHOLE}
SECRET = "Robin-of-Form-3B"


def problems(frame: DataFrame, others: tuple[str, tuple[str, ...]] | None = None) -> str:
    return str(Schema(TRUSTED, others).validate(frame).message)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("pupil string, session int", ""),
        ("pupil string, session bigint", ""),
        ("pupil string", "1 columns missing: session"),
        ("pupil string, session string", "1 columns of another type: session string and not int or bigint"),
        ("pupil string, session int, extra int", "1 columns more: extra"),
        ("session int, x int", "1 columns missing: pupil; 1 columns more: x"),
    ],
)
def test_a_schema_says_what_is_wrong(spark: SparkSession, schema: str, said: str) -> None:
    assert problems(spark.createDataFrame([], schema)) == said


def test_further_columns_are_held_to_a_pattern(spark: SparkSession) -> None:
    frame = spark.createDataFrame([], "pupil string, session int, value_0 int, value_x int")

    assert problems(frame, (r"value_\d+", ())) == "1 columns more: value_x"


def test_any_further_column_may_have_any_name(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", 1, 2)], "pupil string, session int, x int").withColumnRenamed("x", "a\nb.`c")

    assert problems(frame, (r".*", ())) == ""


def test_a_node_that_breaks_its_promise_stops_the_flow_without_a_row(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations = spark.createDataFrame([(SECRET, 1, 2)], "pupilid string, t bigint, v bigint")
    broken = F.lit(SECRET)
    monkeypatch.setattr(windows.F, "size", lambda _: broken)

    with pytest.raises(CheckError) as refused:
        sequence_observations(observations, specification())

    assert str(refused.value) == (
        "node 'joined_windows': expected what rule 'schema' says, found 1 columns of another type: n_observations "
        "string and not int or bigint. Hint: this is no fault of the data; nothing was published."
    )
    assert refused.value.exit_code == DATA


def test_checks_run_no_job(spark: SparkSession, tmp_path: Path) -> None:
    observations = spark.createDataFrame([(1, 1, 2)], "pupilid bigint, t bigint, v bigint")
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup
    spark.sparkContext.setJobGroup("checks", "checks")

    sequence_observations(observations, specification())

    assert list(jobs("checks")) == []
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


def test_the_checks_stand_at_every_border() -> None:
    from obs2seq.flow import histories, sequences

    modules = (histories, windows, sequences)
    ways = {"sessions": False, "window_kind": "chunked", "kind": "sequences", "duplicates": "keep", "counted": True}
    ways |= {"cut": "nothing", "exploded": False, "lengths": "counted"}
    flow = dataflow.driver.Builder().with_modules(*modules).with_config(ways).build()

    checked = {node.name for node in flow.list_available_variables() if node.name.endswith("_schema")}
    assert checked == {
        "keyed_observations_schema",
        "positioned_observations_schema",
        "joined_windows_schema",
        "sequences_schema",
    }


@pytest.mark.parametrize(
    ("sequenced", "rows", "kind", "said"),
    [
        (
            10,
            11,
            "sequences",
            "sequences': expected at most 10 rows by rule 'each_holds_a_new_observation', found 11",
        ),
        (
            10,
            3,
            "sequences",
            "sequences': expected at least 4 rows by rule 'none_holds_more_than_its_length', found 3",
        ),
        (10, 9, "observations", "prepared_observations': expected 10 rows by rule 'a_row_each', found 9"),
    ],
)
def test_counts_that_cannot_be_are_refused(sequenced: int, rows: int, kind: str, said: str) -> None:
    with pytest.raises(CheckError) as refused:
        require_plausible(Ledger(sequenced, sequenced, {}, {}), rows, specification(), kind)  # type: ignore[arg-type]

    assert str(refused.value).startswith(f"node '{said}. Hint: ")


@pytest.mark.parametrize(
    ("sequenced", "rows", "kind"), [(10, 10, "sequences"), (9, 3, "sequences"), (5, 5, "observations")]
)
def test_counts_at_the_edge_pass(sequenced: int, rows: int, kind: str) -> None:
    require_plausible(Ledger(sequenced, sequenced, {}, {}), rows, specification(), kind)  # type: ignore[arg-type]
