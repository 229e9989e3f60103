"""Spark's types as those of the Arrow batches that executors hand to Python."""

import pyarrow as pa
from pyspark.sql.types import ArrayType, DataType, DecimalType, MapType, StructType

from obs2seq.warehouses.arrow.types import CODED_TEXT, INSTANT
from obs2seq.warehouses.spark_arrow.obstacles import NATIVE, ObstacleError

_PLAIN = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": INSTANT,
    "timestamp_ntz": pa.timestamp("us"),
}


def task_schema(columns: StructType) -> pa.Schema:
    """Return the columns as a task holds them: texts are coded.

    Raises:
        ObstacleError: A column is of a type that does not come through Arrow as it is.
    """
    types = {field.name: _type(field.name, field.dataType) for field in columns}
    return pa.schema([(name, CODED_TEXT if type_ == pa.string() else type_) for name, type_ in types.items()])


def _type(name: str, type_: DataType) -> pa.DataType:
    match type_:
        case DecimalType():
            return pa.decimal128(type_.precision, type_.scale)
        case ArrayType():
            return pa.list_(_type(name, type_.elementType))
        case MapType():
            return pa.map_(_type(name, type_.keyType), _type(name, type_.valueType))
        case StructType():
            return pa.struct([(field.name, _type(name, field.dataType)) for field in type_])
    if type_.simpleString() not in _PLAIN:
        raise ObstacleError(
            "execution",
            f"expected native for the column '{name}' of type {type_.simpleString()}, found arrow",
            f"{NATIVE}, or cast the column under columns",
        )
    return _PLAIN[type_.simpleString()]
