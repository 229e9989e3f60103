"""The sequence contract in memory: every type of a column, and every way in which Arrow can hold one."""

import datetime
import decimal
import math
from typing import Any

import pyarrow as pa
import pytest

from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import DataError, SpecificationError

D = decimal.Decimal
DAY, LATER = datetime.date(2026, 1, 5), datetime.date(2026, 1, 6)
AT, AFTER = (datetime.datetime.fromisoformat(f"2026-01-05T{hour}:00") for hour in ("08", "09"))
SECOND_DAY = datetime.datetime.fromisoformat("1970-01-02")
UTC = datetime.UTC
TEXTS = (pa.string(), pa.large_string(), pa.string_view())

# Type, pad as specified, pad as it comes out, and two values in order.
EVERY_TYPE: list[tuple[pa.DataType, Any, Any, Any, Any]] = [
    *((type_, -1, -1, -5, 100) for type_ in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((type_, 7, 7, 5, 200) for type_ in (pa.uint8(), pa.uint16(), pa.uint32())),
    (pa.uint64(), 2**64 - 1, 2**64 - 1, 1, 2**63),
    (pa.int64(), 0, 0, -(2**63), 2**63 - 1),
    *((type_, 0, 0.0, -math.inf, 0.5) for type_ in (pa.float32(), pa.float64())),
    (pa.decimal128(38, 2), 0.25, D("0.25"), D("-12345678901234567890.12"), D("98765432109876543210987.65")),
    (pa.decimal64(10, 2), 1, D("1.00"), D("-0.01"), D("12345678.90")),
    (pa.decimal128(3, -2), 500, D(500), D(-100), D(200)),
    (pa.bool_(), True, True, False, True),
    *((type_, "<pad>", "<pad>", "a", "ä") for type_ in TEXTS),
    (pa.date32(), "1970-01-02", datetime.date(1970, 1, 2), DAY, LATER),
    (pa.date64(), "1970-01-02", datetime.date(1970, 1, 2), DAY, LATER),
    *((pa.timestamp(unit), "1970-01-02", SECOND_DAY, AT, AFTER) for unit in ("s", "ms", "us")),
    (
        pa.timestamp("us", "UTC"),
        "1969-12-31T23:59:59.5Z",
        datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC),
        AT.replace(tzinfo=UTC),
        AFTER.replace(tzinfo=UTC),
    ),
]


def spec_of(pad: Any, **fields: Any) -> SequenceSpec:
    features = [{"name": "value", "column": "value", "pad": pad}]
    return SequenceSpec(**{"order_by": ["value"], "sequence_length": 4, "features": features} | fields)


@pytest.mark.parametrize(("type_", "pad", "padding", "low", "high"), EVERY_TYPE, ids=lambda value: str(value)[:24])
def test_every_type_is_ordered_padded_and_kept(type_: pa.DataType, pad: Any, padding: Any, low: Any, high: Any) -> None:
    table = pa.table({"pupilid": [1, 1, 1], "value": pa.array([high, None, low], type_)})

    sequences = sequence_table(table, spec_of(pad))

    assert sequences.schema.field("value_sequence").type == pa.list_(type_)
    assert sequences["value_sequence"].to_pylist() == [[padding, low, high, padding]]
    sequences.validate(full=True)


@pytest.mark.parametrize(("type_", "pad", "padding", "low", "high"), EVERY_TYPE, ids=lambda value: str(value)[:24])
def test_every_type_names_pupils(type_: pa.DataType, pad: Any, padding: Any, low: Any, high: Any) -> None:
    table = pa.table({"value": pa.array([high, None, low, high], type_)})

    sequences = sequence_table(table, spec_of(pad, pupil="value", sequence_length=2))

    assert sequences.schema.field("value").type == type_
    assert sequences["value"].to_pylist() == [None, low, high]
    assert sequences["value_sequence"].to_pylist() == [[padding, padding], [low, padding], [high, high]]


@pytest.mark.parametrize(("type_", "pad", "padding", "low", "high"), EVERY_TYPE, ids=lambda value: str(value)[:24])
def test_columns_without_a_value_are_all_padding(
    type_: pa.DataType, pad: Any, padding: Any, low: Any, high: Any
) -> None:
    table = pa.table({"pupilid": pa.nulls(2, pa.int32()), "value": pa.nulls(2, type_)})

    sequences = sequence_table(table, spec_of(pad, sequence_length=2))

    assert low != high
    assert sequences["pupilid"].to_pylist() == [None]
    assert sequences["value_sequence"].to_pylist() == [[padding, padding]]
    assert sequences["is_pad_sequence"].to_pylist() == [[0, 0]]


@pytest.mark.parametrize(("type_", "pad", "padding", "low", "high"), EVERY_TYPE, ids=lambda value: str(value)[:24])
def test_chunks_and_slices_are_read_where_they_start(
    type_: pa.DataType, pad: Any, padding: Any, low: Any, high: Any
) -> None:
    long = pa.array([low, None, high, low, None, high, high, low, None, low], type_)
    chunks = pa.chunked_array([long.slice(2, 1), long.slice(3, 0), long.slice(7, 2)], type_)
    table = pa.table({"pupilid": pa.chunked_array([[9, 1, 1], [1, 9]])[1:4], "value": chunks})

    sequences = sequence_table(table, spec_of(pad))

    assert sequences["value_sequence"].to_pylist() == [[padding, low, high, padding]]


@pytest.mark.parametrize("text", TEXTS[:2], ids=str)
def test_text_in_dictionaries_stays_in_one_with_32_bit_codes(text: pa.DataType) -> None:
    def chunk(codes: list[int | None], *words: str | None) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(words, text))

    for chunks in (
        [chunk([0, 1, None], "z", "a"), chunk([1, 0], "z", "b")],
        [chunk([0, 1, 2, 3, 0], "z", "a", None, "b")],
    ):
        table = pa.table({"pupilid": [1] * 5, "value": pa.chunked_array(chunks)})

        sequences = sequence_table(table, spec_of("-", sequence_length=6))

        assert sequences.schema.field("value_sequence").type == pa.list_(pa.dictionary(pa.int32(), text))
        assert sequences["value_sequence"].to_pylist() == [["-", "a", "b", "z", "z", "-"]]


def test_two_codes_of_one_text_are_one_text() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["a", "a"]))
    table = pa.table({"value": column, "n": [2, 1]})
    features = [{"name": "n", "column": "n", "pad": 0}]

    sequences = sequence_table(table, spec_of("-", pupil="value", features=features, order_by=["value"]))

    assert sequences["n_sequence"].to_pylist() == [[1, 2, 0, 0]]


def test_numbers_in_dictionaries_come_out_decoded() -> None:
    table = pa.table({"pupilid": [1, 1], "value": pa.array([2, 1]).dictionary_encode()})

    sequences = sequence_table(table, spec_of(0))

    assert sequences.schema.field("value_sequence").type == pa.list_(pa.int64())
    assert sequences["value_sequence"].to_pylist() == [[1, 2, 0, 0]]


def test_the_sign_of_a_zero_orders_last_and_nan_stays() -> None:
    features = [{"name": name, "column": name, "pad": -9} for name in ("a", "b")]
    table = pa.table({"pupilid": [1] * 5, "a": [0.0, -0.0, math.nan, -0.0, 0.0], "b": [1, 2, 0, 1, 2]})

    sequences = sequence_table(table, spec_of(0, order_by=["a"], features=features, sequence_length=5))

    assert repr(sequences["a_sequence"].to_pylist()) == "[[-0.0, 0.0, -0.0, 0.0, nan]]"
    assert sequences["b_sequence"].to_pylist() == [[1, 1, 2, 2, 0]]


def test_zeros_and_nans_of_either_sign_are_one_pupil() -> None:
    table = pa.table({"pupilid": [math.nan, 0.0, -0.0, -math.nan], "value": [1, 2, 3, 4]})

    sequences = sequence_table(table, spec_of(0, sequence_length=2))

    assert repr(sequences["pupilid"].to_pylist()) == "[0.0, nan]"
    assert sequences["value_sequence"].to_pylist() == [[2, 3], [1, 4]]


GAPS: list[tuple[pa.DataType, list[Any], float]] = [
    (pa.int8(), [-100, 100, 101], 199.5),
    (pa.int64(), [-(2**63), 2**63 - 1, 2**63 - 1], 1e18),
    (pa.uint64(), [0, 2**64 - 1, 2**64 - 1], 1e18),
    (pa.float64(), [0.0, 1.0, 1.5], 0.5),
    (pa.decimal128(38, 2), [D("-9e35"), D("9e35"), D("9e35")], 1e18),
    (pa.decimal128(5, 2), [D("1.00"), D("1.26"), D("1.50")], 0.25),
    (pa.date32(), [DAY, DAY + datetime.timedelta(2), DAY + datetime.timedelta(3)], 86_400.0),
    (pa.timestamp("s"), [AT, AFTER, AFTER], 3599.9),
    (pa.timestamp("us", "UTC"), [AT, AT + datetime.timedelta(microseconds=2), AFTER], 0.000001),
]


@pytest.mark.parametrize(("type_", "times", "gap"), GAPS, ids=lambda value: str(value)[:24])
def test_a_session_ends_at_a_gap_of_any_type(type_: pa.DataType, times: list[Any], gap: float) -> None:
    table = pa.table({"pupilid": [1, 1, 1, 1], "at": pa.array([*reversed(times), None], type_), "value": [3, 2, 1, 0]})

    sequences = sequence_table(table, spec_of(-1, order_by=["at"], session_gap_seconds=gap))

    first = [0, 1, -1, -1]
    rest = [[2, 3, -1, -1]] if times[2] != AFTER or times[1] == AFTER else [[2, -1, -1, -1], [3, -1, -1, -1]]
    assert sequences["value_sequence"].to_pylist() == [first, *rest]


@pytest.mark.parametrize("type_", [pa.bool_(), pa.string()], ids=str)
def test_sessions_need_a_time_that_can_be_subtracted(type_: pa.DataType) -> None:
    table = pa.table({"pupilid": [1], "at": pa.nulls(1, type_), "value": [1]})

    with pytest.raises(SpecificationError, match="expected the time column 'at' to be a timestamp, a date or a number"):
        sequence_table(table, spec_of(0, order_by=["at"], session_gap_seconds=1.0))


@pytest.mark.parametrize(
    ("type_", "pad", "hint"),
    [
        (pa.uint8(), -1, "a whole number from 0 to 255"),
        (pa.uint64(), 2**64, "a whole number from 0 to 18446744073709551615"),
        (pa.timestamp("s"), "1970-01-01T00:00:00.5", r"a timestamp that timestamp\[s\] holds without rounding"),
        (pa.timestamp("ns"), "9999-01-01", r"a timestamp that timestamp\[ns\] holds without rounding"),
        (pa.int8(), 128, "a whole number from -128 to 127"),
        (pa.decimal128(3, 1), 0.25, r"a number that decimal\(3,1\) holds without rounding"),
        (pa.dictionary(pa.int8(), pa.string()), 1, "a text, in quotes"),
    ],
    ids=str,
)
def test_a_pad_that_a_type_cannot_hold_is_refused(type_: pa.DataType, pad: Any, hint: str) -> None:
    with pytest.raises(SpecificationError, match=f"expected a pad that .* can hold exactly, found .*Hint: {hint}"):
        sequence_table(pa.table({"pupilid": [1], "value": pa.nulls(1, type_)}), spec_of(pad))


def test_a_column_that_is_no_scalar_is_refused_by_sparks_name_of_its_type() -> None:
    table = pa.table({"pupilid": [1], "at": [[1]], "value": [1]})

    with pytest.raises(DataError, match=r"expected column 'at' to be a number, .*, found array<bigint>"):
        sequence_table(table, spec_of(0, order_by=["at"]))
    with pytest.raises(SpecificationError, match=r"feature 'value': expected column 'value' to be .*, found void"):
        sequence_table(pa.table({"pupilid": [1], "value": pa.nulls(1)}), spec_of(0))
