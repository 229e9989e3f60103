"""What quality rules cost on Spark, read off its plan: no pass and no shuffle beside the job's own."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from pyspark.sql import DataFrame, SparkSession

from obs2seq.domain.quality import Rules
from obs2seq.flow.dataflow import quarantined, select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests.flow_inputs import feature, specification
from tests.test_flow_plans import operators, plan_of

SPEC = specification(features=[feature("v")])
ALONE = [
    {"name": "a", "kind": "range", "column": "id", "least": 0, "severity": "quarantine"},
    {"name": "b", "kind": "allowed", "column": "subset", "values": ["train"], "severity": "warn"},
    {"name": "c", "kind": "predicate", "predicate": "v % 2 = 0", "severity": "fail"},
]
ROBOTS = {"name": "d", "kind": "max_per_pupil", "most": 9, "severity": "quarantine"}
ONCE = {"name": "e", "kind": "unique", "columns": ["pupilid", "w"], "severity": "quarantine"}


@pytest.fixture
def stored(spark: SparkSession, tmp_path: Path) -> DataFrame:
    location = str(tmp_path / "observations")
    columns = "id % 7 pupilid", "timestamp_seconds(id) t", "int(id) v", "'train' subset", "id", "string(id) w"
    spark.range(50).selectExpr(*columns).coalesce(1).write.parquet(location)
    return spark.read.parquet(location)


def planned(stored: DataFrame, *rules: dict[str, Any]) -> str:
    found = TypeAdapter(Rules).validate_python(list(rules))
    return plan_of(select_and_sequence(stored, SPEC, Selection(rules=found), Tally(), "sequences"))


def counted(plan: str) -> dict[str, int]:
    return {name: operators(plan).count(name) for name in ("Exchange", "Sort", "FileScan", "Window")}


def shuffled(plan: str) -> str:
    """Return what stands right below the first shuffle: the columns that it moves."""
    lines = plan.splitlines()
    at = max(number for number, line in enumerate(lines) if "Exchange" in line)
    return next(line for line in lines[at:] if "Project" in line)


def test_rules_over_single_rows_cost_no_operator_that_moves_rows(stored: DataFrame) -> None:
    assert counted(planned(stored, *ALONE)) == counted(planned(stored))


def test_counting_a_pupils_rows_shares_the_historys_shuffle_and_sort(stored: DataFrame) -> None:
    plain, found = counted(planned(stored)), counted(planned(stored, *ALONE, ROBOTS))

    assert found == plain | {"Window": plain["Window"] + 1}


def test_flags_of_rules_that_note_rows_are_not_shuffled_where_nobody_asks_for_them(stored: DataFrame) -> None:
    noted = {"name": "n", "kind": "not_null", "column": "v", "severity": "warn"}
    found = TypeAdapter(Rules).validate_python([ROBOTS, noted])

    aside = plan_of(quarantined(stored, SPEC, Selection(rules=found), ["d"], by_pupil=True))

    assert "breaks 0" in shuffled(aside)
    assert "breaks" not in shuffled(planned(stored, ROBOTS, noted))


def test_a_unique_key_costs_a_sort_and_no_shuffle(stored: DataFrame) -> None:
    plain, found = counted(planned(stored)), counted(planned(stored, ONCE))

    assert (found["Exchange"], found["FileScan"]) == (plain["Exchange"], plain["FileScan"])
    assert found["Sort"] == plain["Sort"] + 1


def test_rows_for_aside_are_looked_for_where_files_say_that_there_may_be_some(stored: DataFrame) -> None:
    early = {"name": "f", "kind": "range", "column": "v", "most": 40, "severity": "quarantine"}
    word = {"name": "g", "kind": "not_null", "column": "w", "severity": "quarantine"}
    found = TypeAdapter(Rules).validate_python([*ALONE, early, word])

    plans = {
        names: plan_of(quarantined(stored, SPEC, Selection(rules=found), names, by_pupil=False))
        for names in (("a",), ("f",), ("g",))
    }

    assert "LessThan(id,0)" in plans[("a",)]
    assert "GreaterThan(v,40)" in plans[("f",)]
    assert "IsNull(w)" in plans[("g",)]


def test_only_what_rules_look_at_is_read_beside_the_sequences_columns(stored: DataFrame) -> None:
    assert "ReadSchema: struct<pupilid:bigint,t:timestamp,v:int>" in planned(stored, ROBOTS)
    assert "ReadSchema: struct<pupilid:bigint,t:timestamp,v:int,w:string>" in planned(stored, ONCE)
