"""Histories that several tasks share: the same sequences, whoever is heavy and wherever the cuts fall."""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chispa import assert_df_equality
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from obs2seq import SequenceSpec, sequence_observations
from obs2seq.bootstrap import compare, run
from obs2seq.domain.ledger import Ledger
from obs2seq.errors import DataError
from obs2seq.flow.dataflow import select_and_sequence
from obs2seq.flow.moments import moment_of
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests import oracle
from tests.contract_vectors import Vector, load_vectors
from tests.flow_inputs import (
    Row,
    by_pupil,
    drawn,
    drawn_observations,
    exact,
    feature,
    frame_of,
    sorted_rows,
    specification,
    specifications,
    typed,
)
from tests.small_jobs import answers, put_answers, settings_for
from tests.test_flow_plans import operators, plan_of


@pytest.fixture
def in_berlin(spark: SparkSession) -> Iterator[None]:
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    yield
    spark.conf.set("spark.sql.session.timeZone", "UTC")


@drawn(max_examples=10)
@given(spec=specifications(), seed=st.integers(0, 2**32 - 1), above=st.sampled_from((1, 3, 8)))
def test_spread_flow_agrees_with_the_oracle(spark: SparkSession, spec: Row, seed: int, above: int) -> None:
    rows = drawn_observations(seed)
    observations = frame_of(spark, rows)

    sequences = sequence_observations(observations, SequenceSpec.model_validate(spec), spread_pupils_above=above)

    assert exact(by_pupil(sequences)) == exact(_expected(rows, spec))


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_spread_flow_gives_the_vectors_sequences(spark: SparkSession, vector: Vector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    observations = vector.observations(spark)

    sequences = sequence_observations(observations, spec, spread_pupils_above=1).coalesce(1)

    expected = spark.createDataFrame(
        [[row[name] for name in spec.outputs] for row in vector.sequences], sequences.schema
    )
    keys = [spec.pupil, "sequence_index"]
    assert_df_equality(
        sequences.sort(*keys), expected.coalesce(1).sort(*keys), ignore_nullable=True, allow_nan_equality=True
    )


def _expected(rows: list[Row], spec: Row) -> list[Row]:
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [row | {"t": row["t"] and start + datetime.timedelta(seconds=row["t"])} for row in rows]
    return sorted_rows(oracle.sequences(moments, spec))


REPEATED = [(1, t // 2, 0.0 if t % 3 else -0.0, "a") for t in range(40)] + [(2, 5, 1.0, "b")] * 3
RULES = {"session_gap_seconds": 0.5, "min_length": 2, "max_sequences_per_pupil": 9, "stride": 2, "align": "end"}


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
@pytest.mark.parametrize("rules", [{}, RULES], ids=["no rules", "rules"])
def test_spreading_counts_as_whole_histories_do(spark: SparkSession, duplicates: str, rules: Row) -> None:
    """Observations that several parts hold are counted once."""
    raw = spark.createDataFrame([*REPEATED, (None, 1, 0.0, "a")], "pupilid int, t int, v double, w string")
    spec = specification(features=[feature("v", 0.0), feature("w", "", shift=-2)], **rules)
    selection = Selection(duplicates=duplicates)

    def made(above: int | None) -> tuple[list[Row], list[dict[str, int]]]:
        tally = Tally()
        rows = by_pupil(select_and_sequence(raw, spec, selection, tally, "sequences", above))
        return rows, [tally.counts(point) for point in ("input", "duplicates", "windows")]

    whole, spread = made(None), made(4)

    assert exact(spread) == exact(whole)
    assert sum(spread[1][1].values()) > 0


def test_parts_of_a_history_are_shuffled_apart_and_once(spark: SparkSession) -> None:
    observations = spark.range(60).selectExpr("if(id < 50, 0L, id) pupilid", "timestamp_seconds(id) t", "int(id) v")

    plan = plan_of(sequence_observations(observations, specification(), spread_pupils_above=10))

    assert re.findall(r"Exchange (hash\w+)\((\w+)#\w*, (\w+)#", plan) == [("hashpartitioning", "pupil", "part")]
    assert operators(plan).count("Sort") == 1


def test_plan_stays_as_it_is_where_nobody_is_heavy(spark: SparkSession) -> None:
    observations = spark.range(60).selectExpr("id % 7 pupilid", "timestamp_seconds(id) t", "int(id) v")

    spread = plan_of(sequence_observations(observations, specification(), spread_pupils_above=9))

    assert operators(spread) == operators(plan_of(sequence_observations(observations, specification())))


def test_texts_cannot_be_cut_as_times(spark: SparkSession) -> None:
    observations = spark.createDataFrame([(1, "b", 1), (1, "a", 2)], "pupilid int, t string, v int")

    with pytest.raises(DataError, match="expected the time column 't' to be a timestamp, a date or a number"):
        sequence_observations(observations, specification(), spread_pupils_above=1)


PUPILS = {
    "double": ("NaN", "0.0", "-0.0", None),
    "timestamp": ("2026-10-25 00:30:00", "2026-10-25 01:30:00", None),
    "decimal(38,2)": ("-1.50", "9.25"),
}


@pytest.mark.parametrize("type_", PUPILS)
def test_heavy_pupils_of_every_type_are_found_again(spark: SparkSession, type_: str) -> None:
    rows = [(pupil, str(t), str(t)) for pupil in PUPILS[type_] for t in range(9)]
    observations = typed(spark, {"pupilid": type_, "t": "int", "v": "int"}, rows)

    def counted(above: int | None) -> list[tuple[object, ...]]:
        made = sequence_observations(observations, specification(), spread_pupils_above=above)
        shown = made.selectExpr("cast(pupilid as string)", "sequence_index", "v_sequence", "n_observations")
        return sorted((tuple(row) for row in shown.collect()), key=repr)

    assert counted(2) == counted(None)


TIMES = {
    "timestamp": (None, "0001-01-01 00:00:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00", "9999-12-31 00:00:00"),
    "timestamp_ntz": (
        None,
        "0001-01-01 00:00:00",
        "2026-10-25 02:59:59.5",
        "2026-10-25 03:00:00",
        "9999-12-31 00:00:00",
    ),
    "date": (None, "0001-01-01", "1970-01-01", "9999-12-31"),
    "bigint": (None, "-9223372036854775808", "-1", "9223372036854775807"),
    "decimal(38,18)": (None, "-1.000000000000000001", "1.5"),
    "double": (None, "-Infinity", "-0.0", "1e300", "Infinity", "NaN"),
}


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("type_", TIMES)
def test_moments_rise_with_the_time(spark: SparkSession, type_: str) -> None:
    times = typed(spark, {"t": type_}, [(time,) for time in TIMES[type_]])
    moment = moment_of("t", times.schema["t"].dataType, F.col("t")).alias("moment")

    found = [row.moment for row in times.sort("t").select(moment).collect()]
    ordered = [row.moment for row in times.select(moment).sort("moment").collect()]

    assert repr(found) == repr(ordered)
    assert len(set(map(repr, found))) >= len(found) - 1


@pytest.mark.usefixtures("spark")
def test_a_run_that_shares_histories_is_what_another_engine_makes_of_whole_ones(tmp_path: Path) -> None:
    """Two files say the same of pupil 1, so that each of that pupil's observations stands in two rows."""
    for name in ("a", "b"):
        put_answers(str(tmp_path / "in" / f"{name}.parquet"), answers(1, [0, 1, 1] * 7))
    put_answers(str(tmp_path / "in" / "c.parquet"), answers(2, [1, 0]))
    made = {"duplicates": "drop", "stride": 2, "align": "end", "session_gap_seconds": 60.0}

    def ledger(engine: str, **changes: object) -> Ledger:
        settings = settings_for(str(tmp_path / "in"), str(tmp_path / engine), engine=engine, **made, **changes)
        return run(settings)["train"][0].ledger

    ledgers = ledger("spark", spread_pupils_above=4), ledger("arrow")

    assert compare(*(str(tmp_path / engine / "train_sequenced_3") for engine in ("spark", "arrow"))) == []
    assert ledgers[0] == ledgers[1] == Ledger(44, 23, {"duplicate": 21}, {})
