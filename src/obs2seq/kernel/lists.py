"""Several values in one row: arrays, or texts of parts, as one column of all elements and where each row's lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.columns import Array, Column, Key, load
from obs2seq.kernel.ordering import Ordering

_CODE_BYTES = 4


@dataclass(frozen=True)
class Lists:
    """A column that holds several values in a row.

    Args:
        elements: The values of all rows, and a null behind them, which stands for what holds none.
        first: The place of each row's first element.
        size: How many elements each row has; at least one.
        whole: What orders rows: texts as they are, arrays as words in a dictionary are ordered.
    """

    elements: Column
    first: Array
    size: Array
    whole: Column | Arrays

    def keys(self) -> Iterator[Key]:
        """Yield what orders rows by what they hold as a whole, the weightiest first."""
        return self.whole.keys()

    def signs(self) -> Iterator[Key]:
        """Yield what tells apart floats that compare as equal."""
        return self.whole.signs()

    def places(self, rows: Array) -> Array:
        """Return where all elements of some rows lie, row after row."""
        return places_of(self.first[rows], self.size[rows])

    def taken(self, places: Array) -> Column:
        """Return the elements at some places as a column of their own."""
        is_valid = None if self.elements.is_valid is None else self.elements.is_valid[places]
        return replace(self.elements, values=self.elements.values[places], is_valid=is_valid)


def load_lists(chunks: pa.ChunkedArray, delimiter: str) -> Lists:
    """Read a column of arrays of scalars, or one of texts, whose parts stand between delimiters."""
    return _of_arrays(chunks) if is_list(chunks.type) else _of_texts(chunks, delimiter)


def is_list(type_: pa.DataType) -> bool:
    """Whether values are arrays."""
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def count_elements(chunks: pa.ChunkedArray, delimiter: str) -> int:
    """Return how many elements the rows of a column have in all."""
    if is_list(chunks.type):
        return int(np.maximum(_lengths(chunks), 1).sum())
    column = load(chunks)
    parts = pc.count_substring(column.texts, pattern=delimiter).to_numpy(zero_copy_only=False)
    known = column.values if column.is_valid is None else column.values[column.is_valid]
    return len(chunks) + int(parts[known].sum())


def places_of(first: Array, size: Array) -> Array:
    """Return the numbers from each first one on, so many as the sizes say, one run after another."""
    before = np.cumsum(size) - size
    return np.asarray(np.arange(int(size.sum())) + np.repeat(first - before, size))


def _of_arrays(chunks: pa.ChunkedArray) -> Lists:
    flat = [chunk.flatten() for chunk in chunks.chunks]
    elements = load(_with_null(flat, chunks.type.value_type))
    length = _lengths(chunks)
    first = np.where(length == 0, len(elements.values) - 1, np.cumsum(length) - length)
    is_null = np.zeros(len(chunks), bool)
    if chunks.null_count:
        is_null = chunks.is_null().to_numpy()
    return Lists(elements, first, np.maximum(length, 1), Arrays(elements, first, length, is_null))


def _of_texts(chunks: pa.ChunkedArray, delimiter: str) -> Lists:
    """Take each text apart once, however often it stands there."""
    whole = load(chunks)
    parts = pc.split_pattern(whole.texts, pattern=delimiter)
    trimmed = pc.ascii_trim(parts.flatten(), characters=" ")  # as bytes: a text that is no UTF-8 is no error
    blank = pa.scalar(None, trimmed.type)
    known = pc.if_else(pc.equal(pc.binary_length(trimmed), 0), blank, trimmed)
    elements = replace(load(_with_null([known], trimmed.type)), type=whole.type)
    length = _lengths(pa.chunked_array([parts]))
    first = np.cumsum(length) - length
    codes = whole.values.astype(np.int64) if whole.is_valid is None else np.where(whole.is_valid, whole.values, -1)
    # Behind the texts' own comes what null, which has the last code of all, is taken apart into.
    first, length = np.append(first, len(known)), np.append(length, 1)
    return Lists(elements, first[codes], length[codes], whole)


def _with_null(arrays: list[pa.Array], type_: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([*arrays, pa.nulls(1, type_)], type_)


def _lengths(lists: pa.ChunkedArray) -> Array:
    """Return how many elements each list holds; none where it is null."""
    lengths = [pc.list_value_length(chunk).fill_null(0).to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    return np.concatenate([np.zeros(0, np.int64), *lengths], dtype=np.int64)


@dataclass(frozen=True)
class Arrays:
    """What orders arrays: nulls first, then as words in a dictionary; one that another goes on from is before it."""

    elements: Column
    first: Array
    length: Array
    is_null: Array

    def keys(self) -> Iterator[Key]:
        """Yield what orders rows, the weightiest first."""
        yield lambda rows: np.where(self.is_null[rows], 0, np.minimum(self.length[rows], 1) + 1)
        yield lambda rows: self._ranks(rows, self.elements.keys())

    def signs(self) -> Iterator[Key]:
        """Yield what tells apart floats that compare as equal."""
        if self.elements.values.dtype.kind == "f":
            yield lambda rows: self._ranks(rows, (*self.elements.keys(), *self.elements.signs()))

    def _ranks(self, rows: Array | slice, keys: Iterable[Key]) -> Array:
        """Number the arrays of some rows in order; equal ones have equal numbers."""
        length = self.length[rows]
        places = places_of(self.first[rows], length)
        words = _words(_ranked(places, keys), length)
        coded = words.dictionary_encode()
        ranks = np.zeros(len(coded.dictionary), np.int64)
        ranks[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(ranks))
        return np.asarray(ranks[coded.indices.to_numpy()])


def _ranked(places: Array, keys: Iterable[Key]) -> Array:
    """Number the elements at some places in order."""
    ordering = Ordering(len(places)).refine(_at(places, key) for key in keys)
    numbers = np.empty(len(places), np.uint32)
    numbers[ordering.rows] = np.cumsum(~ordering.ties())
    return numbers


def _at(places: Array, key: Key) -> Key:
    return lambda chosen: key(places[chosen])


def _words(numbers: Array, length: Array) -> pa.Array:
    """Write numbers as bytes that order as they do, those of each array as one word."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(length)]) * _CODE_BYTES
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(numbers.astype(">u4"))]
    return pa.Array.from_buffers(pa.large_binary(), len(length), buffers)
