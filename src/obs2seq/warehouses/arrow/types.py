"""Arrow's types as Spark knows them: what a column of a file becomes, and how it is called."""

import pyarrow as pa

from obs2seq.kernel.lists import is_list
from obs2seq.kernel.schema import is_text, spark_type

INSTANT = pa.timestamp("us", "UTC")
CODED_TEXT = pa.dictionary(pa.int32(), pa.string())

_PLAIN = {
    # Spark has nothing without a sign: it takes the next wider type that has one.
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.date64(): pa.date32(),
    pa.large_binary(): pa.binary(),
}


def as_spark_reads(type_: pa.DataType) -> pa.DataType:
    """Return the type whose values are those that Spark finds in a column of a type; dictionaries of texts stay.

    Times are in microseconds, instants in UTC.
    """
    if pa.types.is_dictionary(type_):
        return CODED_TEXT if is_text(type_.value_type) else as_spark_reads(type_.value_type)
    if is_text(type_):
        return pa.string()
    if pa.types.is_timestamp(type_):
        return INSTANT if type_.tz else pa.timestamp("us")
    if is_list(type_):
        return pa.list_(as_spark_reads(type_.value_type))
    if pa.types.is_map(type_):
        return pa.map_(as_spark_reads(type_.key_type), as_spark_reads(type_.item_type))
    if pa.types.is_struct(type_):
        return pa.struct([(field.name, as_spark_reads(field.type)) for field in type_])
    return _PLAIN.get(type_, type_)


def with_zone(type_: pa.DataType) -> pa.DataType:
    """Return a type whose times without a zone are instants: so are those that Parquet holds as INT96."""
    if pa.types.is_timestamp(type_):
        return pa.timestamp(type_.unit, type_.tz or "UTC")
    if is_list(type_):
        return pa.list_(with_zone(type_.value_type))
    if pa.types.is_map(type_):
        return pa.map_(with_zone(type_.key_type), with_zone(type_.item_type))
    if pa.types.is_struct(type_):
        return pa.struct([(field.name, with_zone(field.type)) for field in type_])
    return type_


def spark_name(type_: pa.DataType) -> str:
    """Return the name that Spark SQL gives a type, nested ones too, or Arrow's own where Spark has none."""
    if pa.types.is_struct(type_):
        return f"struct<{','.join(f'{field.name}:{spark_name(field.type)}' for field in type_)}>"
    if pa.types.is_map(type_):
        return f"map<{spark_name(type_.key_type)},{spark_name(type_.item_type)}>"
    if is_list(type_):
        return f"array<{spark_name(type_.value_type)}>"
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return "binary"
    return spark_type(type_)
