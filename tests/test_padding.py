import datetime
import decimal
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs2seq.domain.padding import is_scalar, pad_value
from obs2seq.domain.spec import Feature
from obs2seq.errors import SpecificationError

EVERY_TYPE = (
    *("tinyint", "smallint", "int", "bigint", "float", "double", "boolean", "string"),
    *("date", "timestamp", "timestamp_ntz", "decimal(10,2)", "decimal(38,0)"),
)


def pad_of(pad: object, type_name: str) -> object:
    return pad_value(Feature(name="f", column="c", pad=pad), type_name)


def fits(pad: object, type_name: str) -> bool:
    try:
        pad_of(pad, type_name)
    except SpecificationError:
        return False
    return True


HELD = [
    (0, "int", 0),
    (-1, "tinyint", -1),
    (127, "tinyint", 127),
    (-128, "tinyint", -128),
    (2**31 - 1, "int", 2**31 - 1),
    (-(2**63), "bigint", -(2**63)),
    (3.0, "smallint", 3),
    (0, "double", 0.0),
    (0.1, "double", 0.1),
    (0.5, "float", 0.5),
    (2**24, "float", 16777216.0),
    (math.inf, "float", math.inf),
    (True, "boolean", True),
    ("", "string", ""),
    ("<pad>", "string", "<pad>"),
    (0, "decimal(10,2)", decimal.Decimal(0)),
    (0.25, "decimal(10,2)", decimal.Decimal("0.25")),
    ("0.10", "decimal(10,2)", decimal.Decimal("0.1")),
    ("1.100", "decimal(10,2)", decimal.Decimal("1.1")),
    (99999999.99, "decimal(10,2)", decimal.Decimal("99999999.99")),
    (10**38 - 1, "decimal(38,0)", decimal.Decimal(10**38 - 1)),
    (500, "decimal(3,-2)", decimal.Decimal(500)),
    ("1970-01-01", "date", datetime.date(1970, 1, 1)),
    (datetime.date(1970, 1, 1), "date", datetime.date(1970, 1, 1)),
    ("1970-01-01", "timestamp", datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)),
    ("1970-01-01T01:00:00+01:00", "timestamp", datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)),
    ("1970-01-01T00:00:00.5Z", "timestamp", datetime.datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=datetime.UTC)),
    ("1970-01-01T00:00:00.500000000", "timestamp_ntz", datetime.datetime.fromisoformat("1970-01-01 00:00:00.5")),
]

REFUSED = [
    (128, "tinyint", "a whole number from -128 to 127"),
    (-129, "tinyint", "a whole number from -128 to 127"),
    (2**31, "int", "a whole number from -2147483648 to 2147483647"),
    (2**63, "bigint", "a whole number from"),
    (0.5, "int", "a whole number from"),
    (math.nan, "int", "a whole number from"),
    (math.inf, "bigint", "a whole number from"),
    ("0", "int", "a whole number from"),
    (True, "int", "a whole number from"),
    (True, "double", "a number that double holds without rounding"),
    (True, "string", "a text, in quotes"),
    (0, "boolean", "true or false"),
    ("true", "boolean", "true or false"),
    (0, "string", "a text, in quotes"),
    (0.1, "float", "a number that float holds without rounding"),
    (2**24 + 1, "float", "a number that float holds without rounding"),
    (2**53 + 1, "double", "a number that double holds without rounding"),
    (1e300, "float", "a number that float holds without rounding"),
    ("0.5", "double", "a number that double holds without rounding"),
    (0.125, "decimal(10,2)", "a number that decimal(10,2) holds without rounding"),
    (10**8, "decimal(10,2)", "a number that decimal(10,2) holds without rounding"),
    (math.nan, "decimal(10,2)", "a number that decimal(10,2)"),
    (math.inf, "decimal(10,2)", "a number that decimal(10,2)"),
    ("zero", "decimal(10,2)", "a number that decimal(10,2)"),
    ("1e999999", "decimal(10,2)", "a number that decimal(10,2)"),
    (f"1.{'0' * 110}1", "decimal(10,2)", "a number that decimal(10,2)"),
    (550, "decimal(3,-2)", "a number that decimal(3,-2)"),
    (0, "date", "an ISO date as text"),
    ("1970-02-30", "date", "an ISO date as text"),
    ("1970-01-01T00:00:00", "date", "an ISO date as text"),
    (0, "timestamp", "an ISO timestamp as text, such as '1970-01-01T00:00:00Z'"),
    ("yesterday", "timestamp", "an ISO timestamp as text"),
    ("0001-01-01T00:00:00+01:00", "timestamp", "an ISO timestamp as text"),
    ("1970-01-01T00:00:00.1234567", "timestamp", "an ISO timestamp as text"),
    ("1970-01-01T00:00:00Z", "timestamp_ntz", "an ISO timestamp as text, such as '1970-01-01T00:00:00'."),
]


@pytest.mark.parametrize(("pad", "type_name", "expected"), HELD)
def test_pad_becomes_value_of_its_columns_type(pad, type_name, expected):
    value = pad_of(pad, type_name)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(("pad", "type_name", "allowed"), REFUSED)
def test_pad_that_does_not_fit_is_refused_with_what_does(pad, type_name, allowed):
    with pytest.raises(SpecificationError) as refused:
        pad_of(pad, type_name)

    message = str(refused.value)
    assert f"feature 'f': expected a pad that column 'c' of type {type_name} can hold exactly, found" in message
    assert f"Hint: {allowed}" in message


def test_pad_that_is_not_a_number_stays_so():
    assert math.isnan(pad_of(math.nan, "double"))
    assert math.isnan(pad_of(math.nan, "float"))


@pytest.mark.parametrize(
    "type_name", ["array<int>", "struct<a:int>", "map<string,int>", "binary", "void", "interval day"]
)
def test_column_that_is_no_scalar_is_refused(type_name):
    assert not is_scalar(type_name)
    with pytest.raises(SpecificationError, match="to be an integer, float, decimal, boolean, text, date or timestamp"):
        pad_of(0, type_name)


@settings(deadline=None)
@given(st.integers(-(10**38) + 1, 10**38 - 1), st.sampled_from([("tinyint", 8), ("int", 32), ("bigint", 64)]))
def test_whole_number_fits_exactly_the_integers_that_reach_it(number, kind):
    type_name, bits = kind

    assert fits(number, type_name) == (-(2 ** (bits - 1)) <= number <= 2 ** (bits - 1) - 1)


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False))
def test_every_single_precision_number_fits_float(number):
    assert struct.pack("<f", pad_of(number, "float")) == struct.pack("<f", number)


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_every_number_fits_double_unchanged(number):
    assert struct.pack("<d", pad_of(number, "double")) == struct.pack("<d", number)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_decimal_holds_what_its_digits_can_write(units, places):
    number = decimal.Decimal(units).scaleb(-places)
    is_written = number * 100 == int(number * 100) and abs(number) < 10**8

    assert fits(str(number), "decimal(10,2)") == is_written


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_every_instant_fits_timestamp_unchanged(moment):
    assert pad_of(moment.isoformat(), "timestamp") == moment


@settings(deadline=None)
@given(st.booleans() | st.integers(-(10**38) + 1, 10**38 - 1) | st.floats() | st.text(), st.sampled_from(EVERY_TYPE))
def test_any_pad_is_held_or_refused_and_never_fails_otherwise(pad, type_name):
    assert fits(pad, type_name) in (True, False)
