"""Arrow columns as NumPy arrays of shape (sequences, L); views of Arrow's memory wherever the types allow it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.loading.columns import is_mask

Array = npt.NDArray[Any]
Batch = dict[str, Array]
"""Arrays by the names that were asked for, one row a sequence."""


class Converter:
    """Makes arrays of columns.

    Args:
        columns: The output column for each name asked for.
        length: L.
        vocabularies: For a name asked for, the texts whose places stand for them.

    Raises:
        ConfigurationError: A vocabulary is for no column that is asked for, or holds a text twice.
    """

    def __init__(self, columns: Mapping[str, str], length: int, vocabularies: Mapping[str, Sequence[str]]) -> None:
        for name, words in vocabularies.items():
            _require_vocabulary(name, words, columns)
        self._columns, self._length = columns, length
        self._words = {name: pa.array(words, pa.string()) for name, words in vocabularies.items()}

    @property
    def outputs(self) -> list[str]:
        """The output columns to read, each once."""
        return list(dict.fromkeys(self._columns.values()))

    def batch(self, table: pa.Table, where: str) -> Batch:
        """Return the arrays of a table.

        Args:
            table: Sequences.
            where: The file that they come from.

        Raises:
            StorageError: A list has not L elements, or nulls.
            ConfigurationError: A vocabulary is for a column of another type.
        """
        return {name: self._array(name, table.column(output), where) for name, output in self._columns.items()}

    def _array(self, name: str, column: pa.ChunkedArray, where: str) -> Array:
        chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if not pa.types.is_nested(chunk.type):
            return self._flat(name, chunk)
        flat = self._flat(name, self._elements(chunk, where))
        if is_mask(self._columns[name]):
            flat = flat.view(bool) if flat.dtype == np.int8 else flat.astype(bool)
        return flat.reshape(-1, self._length)

    def _elements(self, lists: pa.Array, where: str) -> pa.Array:
        elements = lists.flatten()
        is_whole = len(elements) == len(lists) * self._length and not lists.null_count and not elements.null_count
        if is_whole and not pa.types.is_fixed_size_list(lists.type):
            is_whole = bool((np.diff(lists.offsets.to_numpy()) == self._length).all())
        if not is_whole:
            problem = f"expected lists of {self._length} elements without nulls, found others"
            raise StorageError(where, problem, "run again with force to publish a new run")
        return elements

    def _flat(self, name: str, values: pa.Array) -> Array:
        words = self._words.get(name)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            values = values.dictionary_encode()
        if pa.types.is_dictionary(values.type):
            codes: Array = pc.fill_null(values.indices, len(values.dictionary)).to_numpy()
            known = _texts(values.dictionary) if words is None else _codes(values.dictionary, words)
            return known[codes]
        if words is not None:
            problem = f"expected a column of texts, found '{name}' of type {values.type}"
            raise ConfigurationError("vocabularies", problem)
        if values.null_count:  # only the pupil's can be null
            return np.array(values.to_pylist(), object)
        array: Array = values.to_numpy(zero_copy_only=False)
        return array


def _texts(dictionary: pa.Array) -> Array:
    """Return texts as objects, None after the last; each is one object, however often it stands in the data."""
    texts = np.empty(len(dictionary) + 1, object)
    texts[:-1] = dictionary.to_pylist()
    return texts


def _codes(texts: pa.Array, words: pa.Array) -> Array:
    """Return each text's place among the words, one beyond the last for others; after the last text that for None."""
    codes = np.full(len(texts) + 1, len(words), np.int32)
    codes[:-1] = pc.fill_null(pc.index_in(texts.cast(words.type), words), len(words)).to_numpy()
    return codes


def _require_vocabulary(name: str, words: Sequence[str], columns: Mapping[str, str]) -> None:
    if name not in columns:
        problem = f"expected vocabularies of columns that are asked for ({', '.join(columns)}), found '{name}'"
        raise ConfigurationError("vocabularies", problem)
    if len(set(words)) < len(words):
        twice = next(word for place, word in enumerate(words) if word in words[:place])
        raise ConfigurationError(f"vocabulary '{name}'", f"expected each text once, found {shortened(twice)} twice")
