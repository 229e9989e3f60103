"""Values of observations as Python's own, and pads as values of their column."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from obs2seq.domain.columns import require_scalar
from obs2seq.domain.padding import DATE_TYPES, FLOAT_FORMATS, INTEGER_BITS, TEXT_TYPES, TIMESTAMP_TYPES, pad_value
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.domain.validation import nearest
from obs2seq.domain.vocabularies import input_columns
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.online.exploding import Converter, whole
from obs2seq.online.keys import single

_PLAIN = frozenset({type(None), bool, int, float, str, Decimal, datetime.date, datetime.datetime})


def plain(value: Any) -> Any:
    """Return a scalar as Python's own: NumPy's and Arrow's are unpacked, pandas' NaT is null.

    Raises:
        DataError: The value is no scalar.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime.datetime):
        return value if value == value else None
    unpack = getattr(value, "as_py", None) or (getattr(value, "item", None) if not getattr(value, "ndim", 0) else None)
    unpacked = unpack() if unpack else value
    if unpacked is None or isinstance(unpacked, bool | int | float | str | datetime.date | Decimal):
        return unpacked
    found = type(value).__name__
    raise DataError("observation", f"expected numbers, booleans, texts, dates or timestamps, found a {found}")


def converters(spec: SequenceSpec, types: Mapping[str, str]) -> tuple[Converter, ...]:
    """Return for each of the specification's columns what makes its values those that the batch holds.

    Raises:
        ConfigurationError: A type is given for a column that is not read.
        DataError: A type is no scalar's.
    """
    for name, type_name in types.items():
        if name not in spec.columns:
            problem = f"expected columns of the specification, found '{name}'"
            raise ConfigurationError("types", problem, nearest(name, spec.columns))
        require_scalar(name, type_name)
    each = {name: _converter(name, types[name]) if name in types else plain for name in input_columns(spec)}
    return tuple(whole(name, convert) if name == spec.explode else convert for name, convert in each.items())


def type_of_sample(sample: Any) -> str:
    """Return the type, by Spark's name, of a column that holds such a value; a number may be of a narrower one."""
    return _type_of(sample, sample)


def pad_of(feature: Feature, type_name: str | None, sample: Any) -> Any:
    """Return a feature's pad as a value of its column.

    Args:
        feature: With the pad as specified.
        type_name: The column's type; None: told from the sample.
        sample: A value of the column, or None where none is known.

    Raises:
        SpecificationError: The pad is no value of that type.
    """
    if type_name is None and sample is None:
        return feature.pad
    pad = pad_value(feature, type_name or _type_of(sample, feature.pad))
    if isinstance(pad, datetime.datetime) and isinstance(sample, datetime.datetime) and sample.tzinfo:
        return pad.astimezone(sample.tzinfo)
    # Arrow's widest unsigned integers go by a decimal's name.
    return int(pad) if isinstance(pad, Decimal) and isinstance(sample, int) else pad


def _type_of(sample: Any, pad: object) -> str:
    match sample:
        case bool():
            return "boolean"
        case int():
            return "bigint" if -(2**63) <= sample < 2**63 else "decimal(38,0)"
        case float():
            return "double"
        case str():
            return "string"
        case datetime.datetime():
            return "timestamp" if sample.tzinfo else "timestamp_ntz"
        case datetime.date():
            return "date"
        case _:
            numbers = (number for number in (sample, pad) if not isinstance(number, str))
            return f"decimal(38,{max(_scale(number) for number in numbers)})"


def _scale(number: Any) -> int:
    exponent = Decimal(str(number)).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _converter(name: str, type_name: str) -> Converter:
    convert = _conversion(type_name)

    def converted(value: Any) -> Any:
        value = plain(value)
        if value is None:
            return None
        if not _is_of(value, type_name):
            raise DataError("observation", f"expected {type_name} in column '{name}', found {type(value).__name__}")
        return convert(value)

    return converted


def _is_of(value: Any, type_name: str) -> bool:
    """Whether one of Python's values can stand in a column of a type."""
    if type_name == "boolean" or isinstance(value, bool):
        return type_name == "boolean" and isinstance(value, bool)
    if type_name in INTEGER_BITS:
        limit = 2 ** (INTEGER_BITS[type_name] - 1)
        return isinstance(value, int) and -limit <= value < limit
    if type_name in FLOAT_FORMATS:
        return isinstance(value, int | float)
    if type_name in TEXT_TYPES:
        return isinstance(value, str)
    if type_name in (*DATE_TYPES, *TIMESTAMP_TYPES):
        return isinstance(value, datetime.date) and isinstance(value, datetime.datetime) == (
            type_name not in DATE_TYPES
        )
    return isinstance(value, int | Decimal)


def _conversion(type_name: str) -> Converter:
    """Return what makes such a value the one that the column would hold."""
    if type_name in FLOAT_FORMATS:
        return single if type_name == "float" else float
    return _in_utc if type_name == "timestamp" else _unchanged


def _in_utc(moment: Any) -> Any:
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _unchanged(value: Any) -> Any:
    return value
