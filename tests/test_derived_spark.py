"""Derived features on Spark: the same bits as everywhere else, and what they cost."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq import SequenceSpec, sequence_observations, sequence_table
from obs2seq.domain.derived import DERIVATIONS
from obs2seq.errors import SpecificationError
from obs2seq.flow.derived import FUNCTIONS
from tests.derived_inputs import ALL, at, by_kernel, deriving, drawn_rows, look_ahead, spec_of, values
from tests.flow_inputs import Row, by_pupil, drawn, exact
from tests.test_derived import BY_HAND, ROWS

TYPES = "pupilid bigint, t bigint, id bigint, ex string, right int"


def frame_of(spark: SparkSession, rows: list[Row]) -> DataFrame:
    epoch = at("1970-01-01T00:00")
    micros = [None if row["t"] is None else round((row["t"] - epoch).total_seconds() * 1e6) for row in rows]
    values = [(row["pupilid"], t, row["id"], row["ex"], row["right"]) for row, t in zip(rows, micros, strict=True)]
    return spark.createDataFrame(values, TYPES).withColumn("t", F.timestamp_micros("t"))


def by_spark(spark: SparkSession, rows: list[Row], spec: SequenceSpec) -> list[Row]:
    return by_pupil(sequence_observations(frame_of(spark, rows), spec))


def plan_of(frame: DataFrame) -> list[str]:
    plan = frame._jdf.queryExecution().executedPlan().toString()
    return re.findall(r"^[ :+-]*(\w+)", plan, flags=re.MULTILINE)


def test_every_derived_feature_has_a_function_on_spark() -> None:
    assert set(FUNCTIONS) == set(DERIVATIONS)


def test_derived_values_are_those_by_hand_in_whatever_time_zone_the_session_is(spark: SparkSession) -> None:
    spec = spec_of(*map(deriving, ALL))
    before = spark.conf.get("spark.sql.session.timeZone")
    try:
        spark.conf.set("spark.sql.session.timeZone", "America/St_Johns")
        sequences = by_spark(spark, ROWS[3:] + ROWS[:3], spec)
    finally:
        spark.conf.set("spark.sql.session.timeZone", str(before))

    assert {derive: values(sequences, derive) for derive in ALL} == BY_HAND


@pytest.mark.parametrize("derive", ALL)
def test_derived_feature_looks_only_backwards(spark: SparkSession, derive: str) -> None:
    assert look_ahead(lambda rows, spec: by_spark(spark, rows, spec), derive, 5) == []


@drawn(max_examples=6)
@given(
    seed=st.integers(0, 2**32 - 1),
    gap=st.sampled_from((None, 60.0)),
    length=st.sampled_from((2, 5, 40)),
    align=st.sampled_from(("start", "end")),
)
def test_spark_and_the_kernel_give_the_same_bits(
    spark: SparkSession, seed: int, gap: float | None, length: int, align: str
) -> None:
    rows = drawn_rows(seed)
    same = deriving("seconds_since_same", "same_answer", of="right", shift=-1)
    again = deriving("attempt_number", "again", shift=2)
    fields = {"session_gap_seconds": gap, "sequence_length": length, "stride": min(length, 2), "align": align}
    spec = spec_of(*map(deriving, ALL), same, again, **fields)

    assert exact(by_spark(spark, rows, spec)) == exact(by_kernel(rows, spec))


ZONES = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC")


@pytest.mark.parametrize("zone", ZONES)
def test_java_and_python_read_the_same_clocks(spark: SparkSession, zone: str) -> None:
    """Every 3 hours and 7 seconds of some years, from before the zones to beyond what their files list."""
    years = [int(at(f"{year}-01-01T00:00").timestamp()) for year in (1850, 1893, 1916, 1945, 1980, 2024, 2060, 9998)]
    seconds = [second for year in years for second in range(year, year + 366 * 86_400, 10_807)]
    table = pa.table({"pupilid": [1] * len(seconds), "id": seconds, "t": pa.array([s * 10**6 for s in seconds])})
    table = table.set_column(2, "t", table["t"].cast(pa.timestamp("us", "UTC")))
    spec = spec_of(
        deriving("hour_of_day", time_zone=zone), deriving("weekday", time_zone=zone), sequence_length=len(seconds)
    )
    frame = spark.createDataFrame([(1, s) for s in seconds], "pupilid bigint, id bigint").withColumn(
        "t", F.timestamp_seconds("id")
    )

    assert by_pupil(sequence_observations(frame, spec)) == sequence_table(table, spec).to_pylist()


TIMES = {
    "timestamp_ntz": ["2024-03-31 01:59:59.999999", "2024-03-31 02:30:00.000001", None, "2024-03-31 03:00:00"],
    "date": ["1582-10-01", "2024-02-28", "2024-03-01", None],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9007199254740993", "1"],
    "smallint": ["-30000", "30000", None, "5"],
    "double": ["0.1", "0.3", "NaN", "-Infinity", "Infinity", "-0.0", None],
    "float": ["0.1", "0.3", "NaN", "1e38", "-0.0"],
}


@pytest.mark.parametrize("type_", TIMES)
def test_seconds_are_the_same_from_every_type_of_time(spark: SparkSession, type_: str) -> None:
    texts = [(1, number, text) for number, text in enumerate(TIMES[type_] * 2)]
    frame = spark.createDataFrame(texts, "pupilid int, id int, t string").withColumn("t", F.col("t").cast(type_))
    table = pa.Table.from_batches(frame._collect_as_arrow())
    spec = spec_of(deriving("seconds_since_previous"), deriving("seconds_since_same", of="id"))
    by_value = spec_of(deriving("attempt_number", of="t"), deriving("seconds_since_same", of="t"), order_by=["t"])

    for each in (spec, by_value):
        assert exact(by_pupil(sequence_observations(frame, each))) == exact(sequence_table(table, each).to_pylist())


def test_derived_features_cost_no_shuffle_and_a_sort_for_each_column_that_tells_what_is_the_same(
    spark: SparkSession,
) -> None:
    frame = frame_of(spark, ROWS)
    plain = {"name": "id", "column": "id", "pad": -1}
    history = [deriving(derive) for derive in ("seconds_since_previous", "share_correct_before", "position")]
    same = [deriving("attempt_number"), deriving("seconds_since_same")]
    more = [*same, deriving("attempt_number", "again", of="right")]

    plans = {
        name: plan_of(sequence_observations(frame, spec_of(plain, *features)))
        for name, features in {"plain": [], "history": history, "same": same, "more": history + more}.items()
    }

    costs = {name: (plan.count("Exchange"), plan.count("Sort")) for name, plan in plans.items()}
    assert costs == {"plain": (1, 1), "history": (1, 1), "same": (1, 2), "more": (1, 3)}


def test_a_time_that_does_not_serve_is_refused_before_any_job(spark: SparkSession) -> None:
    frame = frame_of(spark, ROWS).withColumn("t", F.col("id").cast("decimal(9,2)"))

    with pytest.raises(SpecificationError, match=r"column 't' to be timestamp, .* found decimal\(9,2\)"):
        sequence_observations(frame, spec_of(deriving("seconds_since_previous")))
