"""The elements of an exploded column: what they are, and of which type."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StringType

from obs2seq.domain import exploding
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.flow.columns import require_scalars, type_of


def require_readable(observations: DataFrame, spec: SequenceSpec) -> None:
    """Raise `DataError` for columns that are missing, or for the first that sequences cannot be made of."""
    require_scalars(observations, tuple(name for name in observed_columns(spec) if name != spec.explode))
    if spec.explode is not None:
        value_type(observations, spec.explode, spec)


def value_type(observations: DataFrame, name: str, spec: SequenceSpec) -> DataType:
    """Return the type of a column's values as sequences have them: of the exploded one, its elements'.

    Raises:
        DataError: The exploded column is neither a text nor an array of scalars.
    """
    type_ = type_of(observations, name)
    if name != spec.explode:
        return type_
    exploding.element_type(name, type_.simpleString())
    return _element_type(type_)


def elements_of(column: Column, type_: DataType, delimiter: str) -> Column:
    """Return the members of an array, or the parts of a text without the spaces around them, in their order.

    Returns:
        At least one: null where there is none. A part of a text of which nothing is left is null.
    """
    is_text = isinstance(type_, StringType)
    members = F.transform(F.split(column, _pattern(delimiter)), _part) if is_text else column
    return F.when(F.size(members) > 0, members).otherwise(F.array(F.lit(None).cast(_element_type(type_))))


def _element_type(type_: DataType) -> DataType:
    return type_.elementType if isinstance(type_, ArrayType) else type_


def _part(text: Column) -> Column:
    return F.nullif(F.trim(text), F.lit(""))


def _pattern(delimiter: str) -> str:
    """Return a regular expression of Java's that matches just this text."""
    return r"\Q" + delimiter.replace(r"\E", r"\E\\E\Q") + r"\E"
