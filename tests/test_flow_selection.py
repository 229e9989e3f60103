"""From a raw table to one subset: every row judged by the first rule that it breaks, and counted."""

import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from obs2seq import SequenceSpec
from obs2seq.domain.splits import ColumnValue, hash_range
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.flow.dataflow import Kind, select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests.flow_inputs import Row, drawn, drawn_observations, feature, frame_of, specification, specifications, typed

TRAIN = ColumnValue("subset", "train", ("train", "test"))
FRACTIONS = {"train": 0.6, "validation": 0.3, "test": 0.1}

Counts = Mapping[str, Mapping[str, int]]


def selected(
    raw: DataFrame, spec: SequenceSpec, kind: Kind = "sequences", **selection: Any
) -> tuple[list[Row], Counts]:
    """Return the rows of a job in their order, and all that it counted."""
    tally = Tally()
    frame = select_and_sequence(raw, spec, Selection(**selection), tally, kind)
    rows = [row.asDict() for row in frame.collect()]
    return rows, {point: tally.counts(point) for point in ("input", "duplicates", "windows")}


def found(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


# Each of the first ten breaks the rule that stands beside it and, most of them, later ones too.
JUDGED: list[tuple[str | None, ...]] = [
    (None, None, "-1", "\ufffd", "none"),  # filter
    ("1", "2026-01-01 00:00:01", None, "", "train"),  # filter: null is not true
    (None, None, "1", "a\ufffd", "none"),  # not_utf8
    (None, None, "1", "", "none"),  # null_pupil
    ("1", None, "1", "", "none"),  # null_time
    ("1", "0000-12-31 23:59:59.999999", "1", "", "none"),  # time_out_of_range
    ("1", "+10000-01-01 00:00:00", "1", "", "test"),  # time_out_of_range
    ("1", "2026-01-01 00:00:01", "1", "", None),  # unknown_subset
    ("1", "2026-01-01 00:00:01", "1", "", "Train"),  # unknown_subset
    ("1", "2026-01-01 00:00:01", "1", "", "test"),  # other_subset
    *[("2", "9999-12-31 23:59:59.999999", "2", "b", "train")] * 3,  # two of them duplicates
    *[("2", "0001-01-01 00:00:00", v, "b", "train") for v in "01"],
    ("3", "2026-01-01 00:00:00", "7", "", "train"),  # too short
]
JUDGED_TYPES = {"pupilid": "bigint", "t": "timestamp", "v": "int", "w": "string", "subset": "string"}
TEXT_TOO = specification(sequence_length=4, min_length=2, features=[feature("v", -1), feature("w", "")])


@pytest.mark.parametrize(("zone", "duplicates"), [("UTC", "keep"), ("Pacific/Auckland", "drop")])
def test_each_row_counts_under_the_first_rule_that_it_breaks(spark: SparkSession, zone: str, duplicates: str) -> None:
    raw = typed(spark, JUDGED_TYPES, JUDGED).cache()
    raw.count()
    spark.conf.set("spark.sql.session.timeZone", zone)

    try:
        rows, counts = selected(
            raw, TEXT_TOO, row_filter="v >= 0", share=TRAIN, duplicates=duplicates, is_text_input=True
        )
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        raw.unpersist()

    assert found(counts["input"]) == {
        "rows_in": 16,
        "filter": 2,
        "not_utf8": 1,
        "null_pupil": 1,
        "null_time": 1,
        "time_out_of_range": 2,
        "unknown_subset": 2,
        "other_subset": 1,
    }
    assert counts["duplicates"] == {"duplicate": 2}
    if duplicates == "keep":
        assert found(counts["windows"]) == {"sequenced": 4, "min_length": 2, "rows_out": 1}
        assert [row["v_sequence"] for row in rows] == [[0, 1, 2, 2]]
    else:
        assert found(counts["windows"]) == {"sequenced": 3, "min_length": 1, "rows_out": 1}
        assert [row["v_sequence"] for row in rows] == [[0, 1, 2, -1]]


def test_replacement_characters_count_where_rows_were_decoded_alone(spark: SparkSession) -> None:
    rows = [("1", "1", "0", "\ufffd"), ("\ufffd", "1", "0", ""), ("2", "1", "0", "\ufffdx")]
    raw = typed(spark, {"pupilid": "string", "t": "int", "v": "int", "unread": "string"}, rows)

    decoded = selected(raw, specification(), is_text_input=True)[1]["input"]
    stored = selected(raw, specification(), is_text_input=False)[1]["input"]

    assert found(decoded) == {"rows_in": 3, "not_utf8": 1}
    assert found(stored) == {"rows_in": 3}


@pytest.mark.parametrize("type_", ["date", "timestamp_ntz", "timestamp"])
def test_times_outside_the_years_1_to_9999_are_out_of_range(spark: SparkSession, type_: str) -> None:
    times = ["0000-12-31", "0001-01-01", "9999-12-31", "+10000-01-01", "-0044-03-15"]
    raw = typed(spark, {"pupilid": "int", "t": type_, "v": "int"}, [("1", time, "0") for time in times])

    _, counts = selected(raw, specification())

    assert found(counts["input"]) == {"rows_in": 5, "time_out_of_range": 3}


def test_columns_are_mapped_by_name_and_by_expression(spark: SparkSession) -> None:
    """A raw column's exact name is a name, even where it reads like an expression; expressions see raw columns."""
    raw = spark.createDataFrame([("7", "2026-01-01", 1, 5)], "`who is` string, day string, v int, `v + 1` int")
    columns = {"pupilid": "who is", "t": "to_timestamp(day)", "v": "v * 10", "w": "v + 1", "x": "v - 1"}
    spec = specification(sequence_length=1, features=[feature("v"), feature("w"), feature("x")])

    (row,), _ = selected(raw, spec, columns=columns)

    assert (row["pupilid"], row["v_sequence"], row["w_sequence"], row["x_sequence"]) == ("7", [10], [5], [0])


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"columns": {"v": "v +"}}, "columns.v: expected a column or a Spark SQL expression over the input, found: "),
        ({"columns": {"v": "w + 1"}}, "columns.v: expected a column or a Spark SQL expression"),
        ({"columns": {"v": "count(v)"}}, "columns.v: expected a column or a Spark SQL expression"),
        ({"columns": {"v": "explode(array(1, 2))"}}, "columns.v: expected a column or a Spark SQL expression"),
        ({"columns": {"v": "*"}}, "columns.v: expected a column or a Spark SQL expression"),
        ({"row_filter": "sum(v) > 1"}, "row_filter: expected a column or a Spark SQL expression"),
        ({"row_filter": "nothing > 1"}, "row_filter: expected a column or a Spark SQL expression"),
        ({"row_filter": "v"}, "row_filter: expected a condition, found an expression of type int."),
    ],
)
def test_expression_that_cannot_be_used_is_named(spark: SparkSession, selection: dict[str, Any], words: str) -> None:
    raw = spark.createDataFrame([(1, 1, 31415)], "pupilid int, t int, v int")

    with pytest.raises(ConfigurationError) as refused:
        selected(raw, specification(), **selection)

    assert str(refused.value).startswith(words)
    assert "31415" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not str(refused.value).endswith("..")


@pytest.mark.parametrize(
    ("columns", "selection", "words"),
    [
        ("1 pupilid, 1 t", {}, "expected column 'v', found ['pupilid', 't']"),
        (
            "1 pupilid, '1' t, 1 v",
            {},
            "expected the time column 't' to be a timestamp, a date or a number, found str",
        ),
        ("1 pupilid, 1 t, 1 v", {"share": TRAIN}, "expected column 'subset', found"),
        (
            "1 pupilid, 1 t, 1 v, array('train') subset",
            {"share": TRAIN},
            "expected column 'subset' to be a number, boolean, text, date or timestamp, found array<string>",
        ),
        ("1 pupilid, 1 t, 1 v", {"columns": {"v": "array(v)"}}, "expected column 'v' to be a number, boolean, text"),
    ],
)
@pytest.mark.parametrize("kind", ["sequences", "observations"])
def test_table_that_cannot_be_used_is_refused(
    spark: SparkSession, kind: Kind, columns: str, selection: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError) as refused:
        selected(spark.sql(f"select {columns}"), specification(), kind, **selection)

    assert words in str(refused.value)


PUPILS = {
    "bigint": [str(n) for n in (*range(-20, 100), 2**63 - 1, -(2**63))],
    "string": ["", " ", "1", "01", "größe", "\U0001f600", *(f"pupil-{n}" for n in range(100))],
    "date": [datetime.date(2026, 1, 1 + n).isoformat() for n in range(31)],
    "decimal(10,2)": [f"{n}.50" for n in range(60)],
}


@pytest.mark.parametrize("type_", PUPILS)
def test_hash_split_agrees_with_plain_python(spark: SparkSession, type_: str) -> None:
    """The share in the middle has a bound at either side."""
    raw = typed(spark, {"pupilid": type_, "t": "int", "v": "int"}, [(pupil, "1", "1") for pupil in PUPILS[type_]])
    share = hash_range(FRACTIONS, "validation", "salt")

    rows, counts = selected(raw, specification(), share=share)

    held = sorted(pupil for pupil in PUPILS[type_] if share.holds(pupil))
    assert 0 < len(held) < len(PUPILS[type_])
    assert sorted(str(row["pupilid"]) for row in rows) == held
    assert counts["input"]["other_subset"] == len(PUPILS[type_]) - len(held)


def test_equal_rows_are_duplicates_whatever_their_zeros_and_nans(spark: SparkSession) -> None:
    values = [("NaN", "b"), ("NaN", "b"), ("0.0", None), ("-0.0", None), (None, "b"), (None, "b"), ("NaN", "c")]
    rows = [("1", "5", *value) for value in values] + [("2", "5", "NaN", "c")]
    raw = typed(spark, {"pupilid": "int", "t": "int", "v": "double", "w": "string"}, rows)
    spec = specification(sequence_length=8, features=[feature("w", ""), feature("v", 9)])

    kept, counts = selected(raw, spec, duplicates="keep")
    dropped, _ = selected(raw, spec, duplicates="drop")

    assert counts["duplicates"] == {"duplicate": 3}
    assert {row["pupilid"]: row["n_observations"] for row in kept} == {1: 7, 2: 1}
    assert {row["pupilid"]: row["w_sequence"][:5] for row in dropped} == {
        1: ["b", "", "b", "c", ""],
        2: ["c", *[""] * 4],
    }


def test_first_row_of_a_pupil_is_no_duplicate_even_where_all_keys_are_null(spark: SparkSession) -> None:
    raw = spark.createDataFrame([(1, None), (2, None), (2, None)], "pupilid int, v int")

    rows, counts = selected(raw, specification(order_by=["pupilid"]), duplicates="drop")

    assert sorted(row["pupilid"] for row in rows) == [1, 2]
    assert counts["duplicates"] == {"duplicate": 1}


@drawn(max_examples=6)
@given(
    spec=specifications(),
    seed=st.integers(0, 2**32 - 1),
    row_filter=st.sampled_from((None, "word <> ''", "false", "right or score > 1")),
    duplicates=st.sampled_from(("keep", "drop")),
    subset=st.sampled_from((None, *FRACTIONS)),
)
def test_every_row_is_sequenced_or_left_out_by_one_rule(
    spark: SparkSession, spec: Row, seed: int, row_filter: str | None, duplicates: str, subset: str | None
) -> None:
    observations = drawn_observations(seed)
    share = {} if subset is None else {"share": hash_range(FRACTIONS, subset, str(seed))}

    rows, counts = selected(
        frame_of(spark, observations + observations[:9]),
        SequenceSpec.model_validate(spec),
        row_filter=row_filter,
        duplicates=duplicates,
        **share,
    )

    left_out = sum(n for rule, n in counts["input"].items() if rule != "rows_in")
    left_out += counts["windows"]["min_length"] + counts["windows"]["max_sequences_per_pupil"]
    left_out += counts["duplicates"]["duplicate"] if duplicates == "drop" else 0
    assert counts["input"]["rows_in"] == len(observations) + len(observations[:9])
    assert counts["input"]["rows_in"] == counts["windows"]["sequenced"] + left_out
    assert counts["windows"]["sequenced"] == sum(sum(row["is_new_sequence"]) for row in rows)
    assert counts["windows"]["rows_out"] == len(rows)
