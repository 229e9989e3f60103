"""Types of columns as the Glue catalogue names them, and as Spark does."""

import pyarrow as pa

from obs2seq.kernel.schema import is_text, spark_type

_NAMES = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}


def hive_type(type_: pa.DataType) -> str | None:
    """Return the catalogue's name of a Parquet column's type, or None where Athena reads none such."""
    if type_ in _NAMES:
        return _NAMES[type_]
    if pa.types.is_dictionary(type_):
        return hive_type(type_.value_type)
    if is_text(type_):
        return "string"
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return "binary"
    if pa.types.is_timestamp(type_):
        return "timestamp"
    if pa.types.is_decimal128(type_):
        return f"decimal({type_.precision},{type_.scale})"
    return _nested(type_)


def published_type(type_: pa.DataType) -> str:
    """Return Spark's name for a column that Athena wrote; its timestamps are instants in UTC, and do not say so."""
    return spark_type(type_).replace("timestamp_ntz", "timestamp")


def _nested(type_: pa.DataType) -> str | None:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        parts = [("", type_.value_type)]
    elif pa.types.is_map(type_):
        parts = [("", type_.key_type), ("", type_.item_type)]
    elif pa.types.is_struct(type_):
        parts = [(f"{field.name}:", field.type) for field in type_]
    else:
        return None
    inner = [(name, hive_type(part)) for name, part in parts]
    if any(part is None for _, part in inner):
        return None
    word = "struct" if pa.types.is_struct(type_) else "map" if pa.types.is_map(type_) else "array"
    return f"{word}<{','.join(f'{name}{part}' for name, part in inner)}>"
