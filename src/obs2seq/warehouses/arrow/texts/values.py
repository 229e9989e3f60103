"""Values out of texts as Spark's cast reads them; null where a text is none, or where that is not certain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.columns import Array
from obs2seq.warehouses.arrow.types import INSTANT

WHITE = "".join(chr(code) for code in range(0x21)) + "\x7f"
"""What Spark strips from a text before it reads a value."""
_WHOLE = r"^[+-]?[0-9]+$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?$"
_SPECIAL = r"(?i)^([+-]?inf(inity)?|nan)$"
_DATE = r"^(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?$"
_DATE_AND_REST = r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})[T ]"
_SECOND = r"(?::(?P<second>[0-9]{1,2})(?:\.(?P<fraction>[0-9]{0,9}))?)?"
_CLOCK = rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{1,2}}){_SECOND}"
_ZONE = r"(?P<zone>Z|[+-][0-9]{1,2}:[0-9]{2})?"
_TIME = rf"^(?P<year>[0-9]{{4}})(?:-(?P<month>[0-9]{{1,2}})(?:-(?P<day>[0-9]{{1,2}})(?:[T ]{_CLOCK}{_ZONE})?)?)?$"
_TRUE, _FALSE = ["t", "true", "y", "yes", "1"], ["f", "false", "n", "no", "0"]
_LONGEST_WHOLE = 20
_DATE_LENGTH, _LEAST_TIME = len("2026-01-05"), len("2026-01-05T08:00:00")
_TOO_LARGE = "9" * _LONGEST_WHOLE


def whole_numbers(texts: pa.Array, to: pa.DataType) -> pa.Array:
    """Read whole numbers; one that the type cannot hold is none."""
    with suppress(pa.ArrowInvalid):  # the plain ones, by far the most
        return pc.cast(texts, to)
    known = matching(pc.utf8_trim(texts, WHITE), _WHOLE)
    plain = pc.replace_substring_regex(known, r"^(\+|(-))0*([0-9])", r"\2\3")
    plain = pc.replace_substring_regex(plain, r"^0+([0-9])", r"\1")
    short = pc.if_else(pc.greater(pc.utf8_length(plain), _LONGEST_WHOLE), _TOO_LARGE, plain)
    numbers = pc.cast(short, pa.decimal128(38, 0))
    info = np.iinfo(to.to_pandas_dtype())
    fits = pc.and_(pc.greater_equal(numbers, _decimal(info.min)), pc.less_equal(numbers, _decimal(info.max)))
    return pc.cast(pc.if_else(fits, numbers, None), to)


def numbers(texts: pa.Array, to: pa.DataType) -> pa.Array:
    """Read floats, NaN and infinities."""
    with suppress(pa.ArrowInvalid):
        return pc.cast(texts, to)
    trimmed = pc.utf8_trim(texts, WHITE)
    special = pc.utf8_lower(matching(trimmed, _SPECIAL))
    values = finite_numbers(trimmed, to)
    infinite = pc.if_else(pc.starts_with(special, "-"), -np.inf, np.inf)
    return pc.coalesce(values, pc.cast(pc.if_else(pc.equal(special, "nan"), np.nan, infinite), to))


def finite_numbers(texts: pa.Array, to: pa.DataType) -> pa.Array:
    """Read floats in digits; Java, and so Spark, takes a letter for the type behind them."""
    return pc.cast(pc.replace_substring_regex(matching(texts, _NUMBER), r"^\+|[dDfF]$", ""), to)


def booleans(texts: pa.Array) -> pa.Array:
    """Read true and false under the names that Spark has for them."""
    small = pc.utf8_lower(pc.utf8_trim(texts, WHITE))
    is_true, is_false = (pc.is_in(small, pa.array(words)) for words in (_TRUE, _FALSE))
    return pc.if_else(pc.or_(is_true, is_false), is_true, None)


def dates(texts: pa.Array) -> pa.Array:
    """Read dates, whatever follows one after a T or a space."""
    trimmed = pc.utf8_trim(texts, WHITE)
    days = [_days(pc.extract_regex(trimmed, pattern)) for pattern in (_DATE, _DATE_AND_REST)]
    return pc.cast(pc.coalesce(*days), pa.date32())


def instants(texts: pa.Array) -> pa.Array:
    """Read times to the microsecond, in UTC where they name no offset; Spark cuts off what is finer."""
    length = pc.utf8_length(texts)
    if not pc.any(pc.and_(pc.less(length, _LEAST_TIME), pc.not_equal(length, _DATE_LENGTH))).as_py():
        for type_ in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
            with suppress(pa.ArrowInvalid):  # all without an offset, or all with one
                return pc.cast(pc.cast(texts, type_), INSTANT)
    return instants_of_parts(pc.extract_regex(pc.utf8_trim(texts, WHITE), _TIME))


def instants_of_parts(parts: pa.Array) -> pa.Array:
    """Put times together from the texts of their parts, empty where a part is not named; null where there is none."""
    days = _days(parts)
    clock = [_part(parts, name) for name in ("hour", "minute", "second")]
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(parts, "fraction"), 6, "0"), 0, 6)
    offset, is_offset = _offset(pc.struct_field(parts, "zone"))
    seconds = pc.add(pc.multiply(clock[0], 3600), pc.add(pc.multiply(clock[1], 60), clock[2]))
    seconds = pc.subtract(pc.add(seconds, pc.multiply(pc.cast(days, pa.int64()), 86_400)), offset)
    micros = pc.add(pc.multiply(seconds, 1_000_000), _whole(fraction))
    is_valid = pc.and_(pc.and_(pc.is_valid(days), _are_below(clock, (24, 60, 60))), is_offset)
    return pc.cast(pc.if_else(is_valid, micros, None), INSTANT)


TEXT_PARSERS: dict[pa.DataType, Callable[[pa.Array], pa.Array]] = {
    pa.bool_(): booleans,
    pa.date32(): dates,
    INSTANT: instants,
    **{type_: partial(whole_numbers, to=type_) for type_ in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{type_: partial(numbers, to=type_) for type_ in (pa.float32(), pa.float64())},
}
"""For each type what reads its values."""


def matching(texts: pa.Array, pattern: str) -> pa.Array:
    """Return the texts of a pattern, null instead of the others."""
    return pc.if_else(pc.match_substring_regex(texts, pattern), texts, None)


def _decimal(number: int) -> pa.Scalar:
    return pc.cast(pa.scalar(str(number)), pa.decimal128(38, 0))


def _whole(texts: pa.Array, if_none: str = "0") -> pa.Array:
    return pc.cast(pc.if_else(pc.equal(texts, ""), if_none, texts), pa.int64())


def _part(parts: pa.Array, name: str, if_none: str = "0") -> pa.Array:
    return _whole(pc.struct_field(parts, name), if_none)


def _first_days(months: Array) -> Array:
    """Return the first day of months that are counted from 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _days(parts: pa.Array) -> pa.Array:
    """Count days since 1970; null where there is no such day."""
    year, month, day = (_part(parts, name, if_none="1") for name in ("year", "month", "day"))
    known = [
        pc.if_else(pc.equal(pc.struct_field(parts, name), ""), 1, each)
        for name, each in (("month", month), ("day", day))
    ]
    numbers = [each.fill_null(1).to_numpy(zero_copy_only=False) for each in (year, *known)]
    months = (numbers[0] - 1970) * 12 + numbers[1] - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + numbers[2] - 1
    next_month = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    exists = (numbers[1] >= 1) & (numbers[1] <= 12) & (numbers[2] >= 1) & (days < next_month)
    is_valid = exists & parts.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(days.astype(np.int32), mask=~is_valid)


def _are_below(parts: list[pa.Array], limits: tuple[int, ...]) -> pa.Array:
    first, *others = (pc.less(part, limit) for part, limit in zip(parts, limits, strict=True))
    for other in others:
        first = pc.and_(first, other)
    return first


def _offset(zones: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return seconds east of UTC, and whether Spark takes such an offset."""
    parts = pc.extract_regex(pc.fill_null(zones, ""), r"^(?P<sign>[+-]?)(?P<hour>[0-9]*):?(?P<minute>[0-9]*)Z?$")
    hour, minute = _part(parts, "hour"), _part(parts, "minute")
    seconds = pc.add(pc.multiply(hour, 3600), pc.multiply(minute, 60))
    signed = pc.if_else(pc.equal(pc.struct_field(parts, "sign"), "-"), pc.negate(seconds), seconds)
    return signed, pc.and_(pc.less(minute, 60), pc.less_equal(seconds, 18 * 3600))
