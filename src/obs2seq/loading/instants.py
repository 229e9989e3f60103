"""Instants, which Parquet's older timestamps hold without a zone, in UTC."""

import re

import pyarrow as pa

from obs2seq.domain.manifest import Manifest

_INSTANT = re.compile(r"timestamp(?!_ntz)")


def with_zones(table: pa.Table, manifest: Manifest) -> pa.Table:
    """Return a table whose instants, by the manifest's types, are in UTC; nothing is copied."""
    types = {name: _zoned(table.schema.field(name).type) for name in table.column_names}
    instants = {name for name, type_ in manifest.columns.items() if _INSTANT.search(type_)}
    fields = [field.with_type(types[field.name]) if field.name in instants else field for field in table.schema]
    return table.cast(pa.schema(fields, table.schema.metadata))


def _zoned(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_list(type_):
        return pa.list_(type_.value_field.with_type(_zoned(type_.value_type)))
    return pa.timestamp(type_.unit, "UTC") if pa.types.is_timestamp(type_) and type_.tz is None else type_
