"""What a job costs, read off Spark's own plan: one shuffle, no pupil's history in one row, no column too many."""

import re
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from obs2seq import SequenceSpec, sequence_observations
from obs2seq.domain.splits import ColumnValue, HashRange
from obs2seq.flow.dataflow import Kind, select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests.flow_inputs import feature, specification

SHIFTED = [feature("v"), feature("v", name="next", shift=1)]
WAYS = {
    "chunks": {},
    "chunks from the end": {"align": "end"},
    "last chunks": {"max_sequences_per_pupil": 2},
    "whole chunks": {"min_length": 3},
    "shifted": {"features": SHIFTED},
    "overlapping": {"stride": 1},
    "overlapping from the end": {"stride": 2, "align": "end", "features": SHIFTED},
    "last one": {"align": "end", "max_sequences_per_pupil": 1, "min_length": 2},
    "sessions": {"session_gap_seconds": 60},
    "sessions, all rules": {
        "session_gap_seconds": 60,
        "stride": 1,
        "align": "end",
        "min_length": 2,
        "max_sequences_per_pupil": 2,
        "features": SHIFTED,
    },
}
COLUMNS = "id % 7 pupilid", "timestamp_seconds(id) t", "int(id) v", "'train' subset", "id wide", "string(id) `w.x`"


@pytest.fixture
def stored(spark: SparkSession, tmp_path: Path) -> DataFrame:
    """A Parquet table with columns that no specification here reads."""
    location = str(tmp_path / "observations")
    spark.range(50).selectExpr(*COLUMNS).coalesce(1).write.parquet(location)
    return spark.read.parquet(location)


def plan_of(frame: DataFrame) -> str:
    """Return the physical plan as it stands before the job, an operator a line."""
    return frame._jdf.queryExecution().executedPlan().toString()


def operators(plan: str) -> list[str]:
    """Return the operators' names, the last to run first."""
    return re.findall(r"^[ :+-]*(\w+)", plan, flags=re.MULTILINE)


def selected(raw: DataFrame, spec: SequenceSpec, kind: Kind = "sequences", **selection: object) -> str:
    return plan_of(select_and_sequence(raw, spec, Selection(**selection), Tally(), kind))


def read_columns(plan: str) -> set[str]:
    """Return what the plan reads from Parquet."""
    (schema,) = re.findall(r"ReadSchema: struct<(.*)>", plan)
    return {field.split(":")[0] for field in schema.split(",")}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_shuffles_once_and_before_all_else(stored: DataFrame, way: str) -> None:
    spec = specification(**WAYS[way])

    names = operators(plan_of(sequence_observations(stored, spec)))

    below = names[names.index("Exchange") + 1 :]
    assert names.count("Exchange") == 1
    assert not {"Sort", "Window", "ObjectHashAggregate", "SortAggregate"} & set(below)


@pytest.mark.parametrize("way", WAYS)
def test_no_row_and_no_buffer_of_lists_holds_a_whole_history(stored: DataFrame, way: str) -> None:
    plan = plan_of(sequence_observations(stored, specification(**WAYS[way])))

    grouped_by = re.findall(r"Aggregate\(keys=\[([^\]]*)\]", plan)
    list_frames = re.findall(
        r"collect_list\([^()]*\) windowspecdefinition\(.*?specifiedwindowframe\(([^)]*\(?\)?[^)]*)\)", plan
    )
    assert len(grouped_by) == 2
    assert all("block#" in keys for keys in grouped_by)
    assert all("unbounded" not in frame for frame in list_frames)
    assert len(list_frames) == ("overlapping" in way or way == "sessions, all rules")


@pytest.mark.parametrize(("way", "sorts"), [("chunks", 1), ("last one", 1), ("overlapping", 2), ("sessions", 2)])
def test_sorts_are_those_that_the_docstrings_name(stored: DataFrame, way: str, sorts: int) -> None:
    plan = plan_of(sequence_observations(stored, specification(**WAYS[way])))

    assert operators(plan).count("Sort") == sorts


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_counting_costs_neither_shuffle_nor_sort(stored: DataFrame, duplicates: str) -> None:
    names = operators(selected(stored, specification(), duplicates=duplicates, row_filter="v > 3"))

    assert (names.count("Exchange"), names.count("Sort"), names.count("CollectMetrics")) == (1, 1, 3)
    assert names.index("ObjectHashAggregate") < names.index("Sort") < names.index("Exchange")


def test_each_column_goes_through_the_shuffle_once(stored: DataFrame) -> None:
    plan = selected(stored, specification())

    (shuffled,) = re.findall(r"Exchange hashpartitioning.*\n[ :]*\+- \*?(?:\(\d+\) )?Project \[(.*)\]", plan)
    assert [part.split(" AS ")[1].split("#")[0] for part in shuffled.split(", ")] == ["pupil", "key_0", "key_1"]


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_prepared_observations_shuffle_and_sort_once(stored: DataFrame, duplicates: str) -> None:
    names = operators(selected(stored, specification(), "observations", duplicates=duplicates))

    assert (names.count("Exchange"), names.count("Sort")) == (1, 1)


def test_sequences_read_their_columns_alone(stored: DataFrame) -> None:
    assert read_columns(plan_of(sequence_observations(stored, specification()))) == {"pupilid", "t", "v"}


def test_selected_sequences_read_their_columns_and_those_of_the_rules(stored: DataFrame) -> None:
    plain = selected(stored, specification(), share=HashRange("", "0", None))
    mapped = selected(stored, specification(features=[feature("n")]), columns={"n": "v + 1"}, row_filter="wide > 0")
    by_column = selected(stored, specification(), share=ColumnValue("subset", "train", ("train",)))

    assert read_columns(plain) == {"pupilid", "t", "v"}
    assert read_columns(mapped) == {"pupilid", "t", "v", "wide"}
    assert read_columns(by_column) == {"pupilid", "t", "v", "subset"}


def test_prepared_observations_read_all_columns(stored: DataFrame) -> None:
    assert read_columns(selected(stored, specification(), "observations")) == set(stored.columns)
