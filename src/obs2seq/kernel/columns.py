"""A column between Arrow and NumPy: one array of numbers, whatever the chunks, and texts as codes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.schema import element_type, is_text
from obs2seq.kernel.texts import encoded

Array = npt.NDArray[Any]
Key = Callable[[Array | slice], Array]
"""What some rows are ordered by: integers that order as the column's values do."""

WIDE = np.dtype([("low", "<u8"), ("high", "<i8")])
"""A 128-bit decimal, as Arrow holds it."""


@dataclass(frozen=True)
class Column:
    """A column's values, in the order of the rows.

    Args:
        type: The type in which its values come out.
        values: One number a row; any where null.
        is_valid: False where null; None where nothing is.
        texts: What the numbers are codes of, if they are: each once, none null.
    """

    type: pa.DataType
    values: Array
    is_valid: Array | None
    texts: pa.Array | None = None

    def keys(self) -> Iterator[Key]:
        """Yield what orders rows by this column, the weightiest first: nulls first, NaN last, text by code point."""
        if self.is_valid is not None:
            yield self._validity
        if self.texts is not None:
            yield lambda rows: self._ranks[self._known(rows)]
        elif self.values.dtype == WIDE:
            yield lambda rows: self._known(rows)["high"]
            yield lambda rows: self._known(rows)["low"]
        elif self.values.dtype.kind == "f":
            yield lambda rows: _bits(_without_signs(self._known(rows)))
        else:
            yield self._known

    def signs(self) -> Iterator[Key]:
        """Yield what tells apart floats that compare as equal: the sign of a zero, the negative first."""
        if self.values.dtype.kind == "f":
            yield lambda rows: _bits(self._known(rows))

    def take(self, rows: Array) -> pa.Array:
        """Return the values of some rows, null where they are."""
        is_valid = None if self.is_valid is None else self.is_valid[rows]
        return as_arrow(self.values[rows], self.type, self.texts, is_valid)

    def _validity(self, rows: Array | slice) -> Array:
        return np.ones(0, bool) if self.is_valid is None else self.is_valid[rows]

    def _known(self, rows: Array | slice) -> Array:
        """Return the values of some rows, with 0 where null: what lies there in Arrow's memory means nothing."""
        values = self.values[rows]
        if self.is_valid is None:
            return values
        return np.where(self.is_valid[rows], values, np.zeros(1, values.dtype))

    @cached_property
    def _ranks(self) -> Array:
        ranks = np.zeros(max(len(self.texts or ()), 1), np.int32)
        ranks[pc.sort_indices(self.texts).to_numpy()] = np.arange(len(self.texts or ()), dtype=np.int32)
        return ranks


def load(chunks: pa.ChunkedArray) -> Column:
    """Read a column of scalars: texts are encoded, other dictionaries decoded, one chunk of numbers is not copied."""
    type_ = element_type(chunks.type)
    if pa.types.is_dictionary(chunks.type) and not pa.types.is_dictionary(type_):
        chunks = chunks.cast(type_)
    if is_text(type_) or pa.types.is_dictionary(type_):
        codes, texts = encoded(chunks)
        # One code more than there are texts, for the pad.
        values = _joined([_numbers(chunk) for chunk in codes.chunks], np.min_scalar_type(-1 - len(texts)))
        return Column(type_, values, _known_places(codes), texts)
    dtype = number_type(type_)
    return Column(type_, _joined([_numbers(chunk) for chunk in chunks.chunks], dtype), _known_places(chunks))


def load_pupils(chunks: pa.ChunkedArray) -> Column:
    """Read the column that names the pupils: -0.0 and 0.0 are one, as every NaN is."""
    column = load(chunks)
    is_float = column.values.dtype.kind == "f"
    return replace(column, values=_without_signs(column.values)) if is_float else column


def flags_of(table: pa.Table, mask: str) -> Array:
    """Return every element of a mask of sequences, one after the other, as booleans."""
    flags: Array = pc.list_flatten(table.column(mask)).to_numpy().astype(bool)
    return flags


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return what is in a dictionary as it is."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def as_arrow(
    numbers: Array, type_: pa.DataType, texts: pa.Array | None = None, is_valid: Array | None = None
) -> pa.Array:
    """Return numbers, or the texts that they are codes of, as values of a type. Numbers are not copied."""
    if texts is not None:
        is_dictionary = pa.types.is_dictionary(type_)
        numbers = numbers.astype(np.int32) if is_dictionary else numbers
        codes = pa.array(numbers, mask=None if is_valid is None else ~is_valid)
        array = pa.DictionaryArray.from_arrays(codes, texts)
        return array if is_dictionary else array.cast(texts.type).cast(type_)
    validity = None if is_valid is None else _bitmap(is_valid)
    data = _bitmap(numbers) if pa.types.is_boolean(type_) else pa.py_buffer(numbers)
    return pa.Array.from_buffers(type_, len(numbers), [validity, data])


def number_type(type_: pa.DataType) -> np.dtype[Any]:
    """Return the NumPy type that has the bits of a fixed-width Arrow type; bytes for booleans, codes for texts."""
    if pa.types.is_decimal(type_):
        return WIDE if type_.bit_width == 128 else _integer(type_.bit_width)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        dtype: np.dtype[Any] = np.dtype(type_.to_pandas_dtype())
        return dtype
    return np.dtype("u1") if pa.types.is_boolean(type_) else _integer(type_.bit_width)


def _integer(bits: int) -> np.dtype[Any]:
    return np.dtype(f"i{bits // 8}")


def _numbers(chunk: pa.Array) -> Array:
    chunk = chunk.cast(pa.uint8()) if pa.types.is_boolean(chunk.type) else chunk
    dtype = number_type(chunk.type)
    data = chunk.buffers()[1]
    if data is None or len(chunk) == 0:
        return np.zeros(len(chunk), dtype)
    return np.frombuffer(data, dtype, len(chunk), chunk.offset * dtype.itemsize)


def _bitmap(flags: Array) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _known_places(chunks: pa.ChunkedArray) -> Array | None:
    if chunks.null_count == 0:
        return None
    return _joined([_numbers(chunk.is_valid()) for chunk in chunks.chunks], np.dtype("u1")).view(bool)


def _joined(parts: list[Array], dtype: np.dtype[Any]) -> Array:
    if len(parts) == 1:
        return parts[0].astype(dtype, copy=False)
    return np.concatenate([np.empty(0, dtype), *parts], dtype=dtype, casting="unsafe")


def _without_signs(floats: Array) -> Array:
    """Give every zero and every NaN the same bits."""
    return np.where(np.isnan(floats), np.array(np.nan, floats.dtype), floats + 0)


def _bits(floats: Array) -> Array:
    """Read floats as integers of the same order; a NaN comes after infinity, -0.0 right before 0.0."""
    bits: Array = floats.view(_integer(8 * floats.itemsize))
    flipped: Array = bits ^ ((bits >> (8 * floats.itemsize - 1)) & np.iinfo(bits.dtype).max)
    return flipped
