"""Splits by time, context and folds on Spark: what the embedded engine makes, which the oracle has checked."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from obs2seq.bootstrap import run
from obs2seq.domain.splits import Folds
from obs2seq.errors import ConfigurationError
from tests.commands import put_parquet
from tests.small_jobs import CORRECT, SCHEMA, answers, put_answers, settings_for
from tests.test_arrow_and_spark import both
from tests.test_time_splits import BY_TIME, COLUMNS, minute

pytestmark = pytest.mark.usefixtures("spark")


SPECIFICATIONS: list[dict[str, Any]] = [
    {"sequence_length": 4},
    {"sequence_length": 5, "stride": 2, "align": "end", "min_length": 3},
    {"sequence_length": 4, "stride": 3, "session_gap_seconds": 90.0, "min_length": 2, "max_sequences_per_pupil": 3},
    {"sequence_length": 4, "align": "end", "session_gap_seconds": 90.0, "max_sequences_per_pupil": 2, "stride": 1},
    {"sequence_length": 3, "stride": 1, "max_sequences_per_pupil": 4, "duplicates": "drop"},
]


def put_histories(folder: Path) -> Path:
    """Twelve pupils with one to thirty answers, some minutes without any, some answers twice."""
    draw = random.Random(11)
    pupils = []
    for pupil in range(12):
        kept = [answer for answer in answers(pupil, range(30)) if draw.random() < pupil / 11]
        pupils.append([*kept, *kept[::7]])
    put_answers(f"{folder}/a.parquet", *pupils)
    return folder


@pytest.mark.parametrize("fields", SPECIFICATIONS, ids=range(len(SPECIFICATIONS)))
def test_context_is_the_same_on_both_engines(spark: SparkSession, tmp_path: Path, fields: dict[str, Any]) -> None:
    times = {"validation": minute(11), "test": minute(19)}
    told = BY_TIME | fields | {"split_times": times, "split_context": True, "features": (CORRECT,), "folds": 3}

    found = both(spark, tmp_path, put_histories(tmp_path / "in"), **told)

    ledgers = {name: manifest.ledger for name, (manifest, _) in found.items()}

    assert all(ledger.sequenced and ledger.left_out["other_subset"] for ledger in ledgers.values())
    if "stride" not in fields:
        assert sum(ledger.sequenced for ledger in ledgers.values()) == ledgers["train"].rows_in


@pytest.mark.parametrize(("type_", "times", "at"), COLUMNS, ids=lambda value: str(value)[:20])
def test_an_instant_parts_times_of_every_type(
    spark: SparkSession, type_: pa.DataType, times: list[Any], at: Any, tmp_path: Path
) -> None:
    put_parquet(
        tmp_path / "in" / "a.parquet", pa.table({"pupilid": [1, 1], "at": pa.array(times, type_), "correct": [0, 1]})
    )
    told = {"order_by": ("at",), "features": (CORRECT,), "subsets": {"a": 0.5, "b": 0.5}, "subset_method": "time"}

    found = both(spark, tmp_path, tmp_path / "in", **told, split_times={"b": at}, sequence_length=2)

    assert [manifest.ledger.sequenced for manifest, _ in found.values()] == [1, 1]


@pytest.mark.parametrize("output", ["sequences", "observations"])
def test_folds_are_the_same_on_both_engines(spark: SparkSession, output: str, tmp_path: Path) -> None:
    data = put_histories(tmp_path / "in")

    found = both(spark, tmp_path, data, features=(CORRECT,), folds=5, split_salt="ß", output=output)

    for manifest, _ in found.values():
        assert manifest.columns["fold"] == "int"
        location = tmp_path / "spark" / manifest.dataset / f"run_id={manifest.run_id}"
        rows = spark.read.parquet(str(location)).select("pupilid", "fold").distinct().collect()
        assert {row["pupilid"]: row["fold"] for row in rows} == {
            row["pupilid"]: Folds(5, "ß").of(str(row["pupilid"]).encode()) for row in rows
        }


@pytest.mark.parametrize("columns", [{}, {"pupilid": "concat('ß', pupilid)"}], ids=["as it is", "mapped"])
def test_assignments_are_the_same_on_both_engines(spark: SparkSession, columns: dict[str, str], tmp_path: Path) -> None:
    told = {"features": (CORRECT,), "subset_method": "stratified", "columns": columns}
    data = put_histories(tmp_path / "in")

    found = both(spark, tmp_path, data, **told)

    kept = [next((tmp_path / engine / "_assignment").glob("*.parquet")) for engine in ("spark", "arrow")]
    assert kept[0].name == kept[1].name
    assert pq.read_table(kept[0]) == pq.read_table(kept[1])
    assert sum(manifest.ledger.sequenced for manifest, _ in found.values()) == found["train"][0].ledger.rows_in


def test_whole_observations_are_assigned_without_a_further_column(spark: SparkSession, tmp_path: Path) -> None:
    found = both(spark, tmp_path, put_histories(tmp_path / "in"), subset_method="stratified", output="observations")

    assert list(found["train"][0].columns) == list(found["test"][0].columns) == SCHEMA.names


def test_an_instant_of_another_kind_than_the_time_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, range(8)))
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **BY_TIME, split_times={"validation": 1, "test": 2})

    with pytest.raises(ConfigurationError, match=r"^split_times: expected instants .* 'answered_at' is of type timest"):
        run(told)
