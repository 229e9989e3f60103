"""Fields of CSV files as values: what Spark's CSV reader takes, which is not what its cast takes."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.warehouses.arrow.texts.values import WHITE, dates, finite_numbers, instants, matching, whole_numbers
from obs2seq.warehouses.arrow.types import INSTANT

_WHOLE = r"^[+-]?[0-9]+$"
_SPECIAL = {"NaN": float("nan"), "Inf": float("inf"), "-Inf": float("-inf"), "+Inf": None}
_JAVA = {"Infinity": float("inf"), "+Infinity": float("inf"), "-Infinity": float("-inf")}
_NAMES = {name: value for name, value in (_SPECIAL | _JAVA).items() if value is not None}
_ENDS_IN_ZONE = r"(Z|[+-][0-9]{1,2}:[0-9]{2})\s*$"

Read = Callable[[pa.Array], pa.Array]
"""Reads texts; null where one is no value."""


def reader_for(type_: pa.DataType, instants_of: Read) -> Read | None:
    """Return what reads fields of a type, or None where only Spark does."""
    if pa.types.is_decimal(type_):
        return partial(_decimals, to=type_)
    return _READERS.get(type_, instants_of if type_ == INSTANT else None)


def _whole(texts: pa.Array, to: pa.DataType) -> pa.Array:
    return whole_numbers(matching(texts, _WHOLE), to)


def _floats(texts: pa.Array, to: pa.DataType) -> pa.Array:
    trimmed = pc.utf8_trim(texts, WHITE)
    special = pc.index_in(trimmed, pa.array(list(_NAMES)))
    return pc.coalesce(finite_numbers(trimmed, to), pa.array(list(_NAMES.values()), to).take(special))


def _booleans(texts: pa.Array) -> pa.Array:
    small = pc.ascii_lower(texts)
    is_true = pc.equal(small, "true")
    return pc.if_else(pc.or_(is_true, pc.equal(small, "false")), is_true, None)


def _local_times(texts: pa.Array) -> pa.Array:
    has_zone = pc.match_substring_regex(texts, _ENDS_IN_ZONE)
    is_time = pc.greater(pc.utf8_length(texts), len("2026-01-05"))
    return pc.cast(instants(pc.if_else(pc.and_(has_zone, is_time), None, texts)), pa.timestamp("us"))


def _decimals(texts: pa.Array, to: pa.DataType) -> pa.Array:
    """Round half up to the digits of the type; one at a time, each text once."""
    coded = texts.dictionary_encode()
    values = [_decimal(text, to) for text in coded.dictionary.to_pylist()]
    return pa.array(values, to).take(coded.indices)


def _decimal(text: str, to: pa.DataType) -> decimal.Decimal | None:
    context = decimal.Context(prec=to.precision, rounding=decimal.ROUND_HALF_UP, traps=[decimal.InvalidOperation])
    try:
        value = decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-to.scale), context=context)
    except decimal.InvalidOperation:
        return None
    return value if value.is_finite() and "_" not in text else None


_READERS: dict[pa.DataType, Read] = {
    pa.string(): lambda texts: texts,
    pa.bool_(): _booleans,
    pa.date32(): dates,
    pa.timestamp("us"): _local_times,
    **{type_: partial(_whole, to=type_) for type_ in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{type_: partial(_floats, to=type_) for type_ in (pa.float32(), pa.float64())},
}
