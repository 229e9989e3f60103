"""The columns of an Arrow table by name and by type, under the rules and the words of every engine."""

from collections.abc import Mapping

import pyarrow as pa

from obs2seq.domain.columns import require_columns
from obs2seq.domain.derived import derived_type
from obs2seq.domain.spec import BOOKKEEPING, IS_NEW, IS_PAD, Feature, SequenceSpec

# What has no sign goes by the next wider type that has one; a pad is held to the range itself.
_UNSIGNED = {pa.uint8(): "smallint", pa.uint16(): "int", pa.uint32(): "bigint", pa.uint64(): "decimal(20,0)"}
_SIGNED = {pa.int8(): "tinyint", pa.int16(): "smallint", pa.int32(): "int", pa.int64(): "bigint"}
_OTHERS = {pa.float32(): "float", pa.float64(): "double", pa.bool_(): "boolean", pa.null(): "void"}
_DERIVED = {"int": pa.int32(), "double": pa.float64()}
_NAMES = _UNSIGNED | _SIGNED | _OTHERS | {pa.date32(): "date", pa.date64(): "date"}


def find_columns(table: pa.Table, names: tuple[str, ...]) -> dict[str, pa.ChunkedArray]:
    """Return the column of each name; names match without regard to case, as in Spark.

    Raises:
        DataError: A column is missing, or there are two of its name.
    """
    require_columns(names, table.column_names)
    by_name = {name.lower(): index for index, name in enumerate(table.column_names)}
    return {name: table.column(by_name[name.lower()]) for name in names}


def spark_type(type_: pa.DataType) -> str:
    """Return the name that Spark SQL gives a type, or Arrow's own where Spark has none."""
    if pa.types.is_dictionary(type_):
        return spark_type(type_.value_type)
    if is_text(type_):
        return "string"
    if pa.types.is_timestamp(type_):
        return "timestamp" if type_.tz else "timestamp_ntz"
    if pa.types.is_decimal(type_) and type_.bit_width <= 128:
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return f"array<{spark_type(type_.value_type)}>"
    return _NAMES.get(type_, str(type_))


def is_text(type_: pa.DataType) -> bool:
    """Whether the type is one of Arrow's texts, not dictionary-encoded."""
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or is_text_view(type_)


def is_text_view(type_: pa.DataType) -> bool:
    """Whether the type is the text that Arrow can neither sort nor unify; younger than the oldest pyarrow allowed."""
    return str(type_) == "string_view"


def element_type(type_: pa.DataType) -> pa.DataType:
    """Return the type in which values of a column come out.

    It is the column's own, with two exceptions that keep it from hanging on the data: a text in a dictionary has 32-bit
    codes, since the pad may be one value more than its codes hold, and what else is in a dictionary is decoded.
    """
    if not pa.types.is_dictionary(type_):
        return type_
    keeps_dictionary = is_text(type_.value_type) and not is_text_view(type_.value_type)
    return pa.dictionary(pa.int32(), type_.value_type) if keeps_dictionary else type_.value_type


def feature_type(feature: Feature, columns: Mapping[str, pa.ChunkedArray]) -> pa.DataType:
    """Return the Arrow type of a feature's values; a derived one may lie among the columns, or be made yet."""
    type_name = None if feature.column in columns else derived_type(feature)
    return _DERIVED[type_name] if type_name else columns[feature.column].type


def output_schema(columns: dict[str, pa.ChunkedArray], spec: SequenceSpec) -> pa.Schema:
    """Return the contract's output columns and types."""
    masks = (IS_PAD, IS_NEW)
    fields = [(spec.pupil, element_type(columns[spec.pupil].type))]
    fields += [(name, pa.list_(pa.int8()) if name in masks else pa.int32()) for name in BOOKKEEPING]
    fields += [(feature.output, pa.list_(element_type(feature_type(feature, columns)))) for feature in spec.features]
    return pa.schema(fields)
