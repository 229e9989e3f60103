"""A temporary file as one table in one piece, whose values stay on the disk: the system reads in what is looked at."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.columns import Array, load, number_type
from obs2seq.kernel.schema import element_type
from obs2seq.warehouses.arrow.buckets import Bucket


def mapped(bucket: Bucket, schema: pa.Schema) -> pa.Table:
    """Return all rows of a file. Columns of fixed width and coded texts take no memory but their nulls' places.

    Args:
        bucket: Finished.
        schema: Of the observations; where a column is of another kind, the file itself is mapped, in many pieces.
    """
    if any(pa.types.is_nested(type_) or pa.types.is_binary(type_) for type_ in schema.types):
        return bucket.read()
    texts = _texts(bucket, schema)
    columns = {field.name: _Column(bucket, field, texts.get(field.name)) for field in schema}
    start = 0
    for table in bucket.tables():
        for name, column in columns.items():
            column.put(start, table.column(name))
        start += len(table)
    return pa.Table.from_arrays([column.array() for column in columns.values()], schema=schema)


class _Column:
    """One column's numbers in a file beside the bucket's."""

    def __init__(self, bucket: Bucket, field: pa.Field, texts: pa.Array | None) -> None:
        self._type, self._texts = field.type, texts
        dtype = np.dtype(np.int32) if texts is not None else number_type(element_type(field.type))
        number = len(list(bucket.path.parent.glob(f"{bucket.path.stem}-*")))
        self._numbers: Array = np.memmap(_beside(bucket.path, number), dtype, "w+", shape=(bucket.rows,))
        self._valid: Array | None = None

    def put(self, start: int, chunks: pa.ChunkedArray) -> None:
        column = load(chunks)
        stop = start + len(column.values)
        if self._texts is not None:
            places = pc.index_in(column.texts, self._texts).to_numpy()
            self._numbers[start:stop] = places[column.values] if len(places) else 0
        else:
            self._numbers[start:stop] = column.values
        if column.is_valid is not None:
            self._valid = np.ones(len(self._numbers), bool) if self._valid is None else self._valid
            self._valid[start:stop] = column.is_valid

    def array(self) -> pa.Array:
        validity = None if self._valid is None else pa.py_buffer(np.packbits(self._valid, bitorder="little"))
        if self._texts is not None:
            codes = pa.Array.from_buffers(pa.int32(), len(self._numbers), [validity, pa.py_buffer(self._numbers)])
            return pa.DictionaryArray.from_arrays(codes, self._texts)
        is_bits = pa.types.is_boolean(self._type)
        values = np.packbits(self._numbers, bitorder="little") if is_bits else self._numbers
        return pa.Array.from_buffers(self._type, len(self._numbers), [validity, pa.py_buffer(values)])


def _texts(bucket: Bucket, schema: pa.Schema) -> dict[str, pa.Array]:
    """Return every text of each coded column, each once."""
    names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    found = {name: pa.array([], schema.field(name).type.value_type) for name in names}
    for table in bucket.tables() if names else ():
        for name in names:
            dictionaries = [chunk.dictionary for chunk in table.column(name).chunks]
            found[name] = pc.unique(pa.concat_arrays([found[name], *dictionaries]))
    return {name: texts.drop_null() for name, texts in found.items()}


def _beside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}")
