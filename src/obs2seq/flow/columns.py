"""Spark columns by name and by type: what every step of the flow needs to say."""

import datetime
import decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType

from obs2seq.domain.padding import FLOAT_FORMATS, PadValue, is_scalar
from obs2seq.domain.validation import nearest
from obs2seq.errors import DataError


def named(name: str) -> Column:
    """Return the column of exactly this name, whatever letters are in it."""
    return F.col(quoted(name))


def quoted(name: str) -> str:
    """Return a name as Spark SQL reads it: dots and backticks in it are letters like others."""
    escaped = name.replace("`", "``")
    return f"`{escaped}`"


def require_columns(observations: DataFrame, names: tuple[str, ...]) -> None:
    """Raise `DataError` for the first column that is missing, naming the nearest there is, or that stands twice."""
    for name in names:
        same = [column for column in observations.columns if column.lower() == name.lower()]
        if not same:
            raise DataError(
                "observations",
                f"expected column '{name}', found {sorted(observations.columns)}",
                f"{nearest(name, observations.columns)}; map it under columns in the settings",
            )
        if len(same) > 1:
            raise DataError(
                "observations",
                f"expected one column '{name}', found {sorted(same)}, which Spark does not tell apart",
                "rename or drop the others",
            )


def require_scalars(observations: DataFrame, names: tuple[str, ...]) -> None:
    """Raise `DataError` for the first of the columns that is missing, or that is no scalar."""
    require_columns(observations, names)
    for name in names:
        type_ = type_of(observations, name)
        if not is_scalar(type_.simpleString()):
            raise DataError(
                "observations",
                f"expected column '{name}' to be a number, boolean, text, date or timestamp, found {_short(type_)}",
            )


def type_of(observations: DataFrame, name: str) -> DataType:
    """Return the type of a column; names match as Spark matches them: by their small letters, ß and ss apart."""
    return next(field.dataType for field in observations.schema if field.name.lower() == name.lower())


def is_float(type_: DataType) -> bool:
    """Whether the type has a NaN and a negative zero."""
    return type_.simpleString() in FLOAT_FORMATS


def is_negative_zero(column: Column) -> Column:
    """Tell -0.0 from 0.0, which Spark's own comparison does not; false elsewhere, null where null."""
    return (column == 0) & (F.pow(column, F.lit(-1.0)) < 0)


def literal(value: PadValue, type_: DataType) -> Column:
    """Return a value as a column of exactly this type, whatever the session's time zone."""
    if isinstance(value, decimal.Decimal):
        return F.lit(format(value, "f")).cast(type_)
    if isinstance(value, datetime.date):
        return F.lit(value.isoformat()).cast(type_)
    return F.lit(value).cast(type_)


def _short(type_: DataType) -> str:
    text = type_.simpleString()
    return text if len(text) <= 80 else f"{text[:77]}..."
