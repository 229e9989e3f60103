"""Spark columns by name and by type: what every step of the flow needs to say."""

import datetime
import decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType

from obs2seq.domain.columns import require_columns, require_scalar
from obs2seq.domain.padding import FLOAT_FORMATS, PadValue
from obs2seq.domain.spark_sql import quoted
from obs2seq.domain.splits import DIGITS, HashRange


def named(name: str) -> Column:
    """Return the column of exactly this name, whatever letters are in it."""
    return F.col(quoted(name))


def require_scalars(observations: DataFrame, names: tuple[str, ...]) -> None:
    """Raise `DataError` for columns that are missing, or for the first that is no scalar."""
    require_columns(names, observations.columns)
    for name in names:
        require_scalar(name, type_of(observations, name).simpleString())


def type_of(observations: DataFrame, name: str) -> DataType:
    """Return the type of a column; names match as Spark matches them: by their small letters, ß and ss apart."""
    return next(field.dataType for field in observations.schema if field.name.lower() == name.lower())


def is_float(type_: DataType) -> bool:
    """Whether the type has a NaN and a negative zero."""
    return type_.simpleString() in FLOAT_FORMATS


def is_negative_zero(column: Column) -> Column:
    """Tell -0.0 from 0.0, which Spark's own comparison does not; false elsewhere, null where null."""
    return (column == 0) & (F.pow(column, F.lit(-1.0)) < 0)


def zeros_in_order(frame: DataFrame, name: str, column: Column) -> list[Column]:
    """Return what orders floats that compare as equal, -0.0 first, also in arrays; nothing for columns of others."""
    type_ = type_of(frame, name)
    if isinstance(type_, ArrayType) and is_float(type_.elementType):
        return [F.transform(column, lambda each: F.coalesce(~is_negative_zero(each), F.lit(True))).asc_nulls_first()]
    return [is_negative_zero(column).desc_nulls_last()] if is_float(type_) else []


def literal(value: PadValue, type_: DataType) -> Column:
    """Return a value as a column of exactly this type, whatever the session's time zone."""
    if isinstance(value, decimal.Decimal):
        return F.lit(format(value, "f")).cast(type_)
    if isinstance(value, datetime.date):
        return F.lit(value.isoformat()).cast(type_)
    return F.lit(value).cast(type_)


def in_hash_range(share: HashRange, pupil: Column) -> Column:
    """Say whether a pupil's hash lies in a range; null where the pupil is."""
    digits = leading_digits(share.salt, pupil)
    below_end = F.lit(True) if share.end is None else digits < share.end
    return (digits >= share.first) & below_end


def leading_digits(salt: str, pupil: Column) -> Column:
    """Return the leading hexadecimal digits of MD5 over `<salt>:<pupil as text>`; null where the pupil is."""
    text = F.concat(F.lit(f"{salt}:"), pupil.cast("string"))
    return F.substring(F.md5(text.cast("binary")), 1, DIGITS)
