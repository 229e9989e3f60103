"""Values of a column, or of its elements, as ids of a vocabulary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.exploding import element_type
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import FIRST, NULL, UNKNOWN, Vocabulary, word_type
from obs2seq.kernel.columns import Array, Column
from obs2seq.kernel.lists import load_lists
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.types import spark_name

_WORDS = {"string": pa.string(), "bigint": pa.int64()}


def encoder_of(vocabulary: Vocabulary, schema: pa.Schema, spec: SequenceSpec) -> Encoder:
    """Return what encodes a column of tables of a schema.

    Raises:
        DataError: The column is not of the type that its vocabulary is for.
        SpecificationError: No vocabulary is made of a column of its type.
    """
    name = column_name(schema, vocabulary.column)
    type_name = spark_name(schema.field(name).type)
    if vocabulary.column != spec.explode:
        return Encoder(vocabulary, name, type_name)
    return ElementEncoder(vocabulary, name, element_type(name, type_name), spec.explode_delimiter)


class Encoder:
    """Encodes one column; any number of threads may use it.

    Args:
        vocabulary: Its.
        name: Its name in the tables.
        type_name: Of what is encoded, by Spark's name.
    """

    type = pa.int32()

    def __init__(self, vocabulary: Vocabulary, name: str, type_name: str) -> None:
        self._name = name
        vocabulary.require_type(type_name)
        self._type = _WORDS[word_type(vocabulary.column, type_name)]
        self._words = pa.array(vocabulary.values, self._type)

    def ids(self, table: pa.Table) -> pa.ChunkedArray:
        """Return each row's id."""
        column = table.column(self._name)
        if pa.types.is_dictionary(column.type):
            return pa.chunked_array([self._of_codes(chunk) for chunk in column.chunks], pa.int32())
        return self._of_words(column)

    def _of_codes(self, chunk: pa.DictionaryArray) -> pa.Array:
        ids = self._of_words(chunk.dictionary)
        return ids.take(chunk.indices).fill_null(NULL)

    def _of_words(self, words: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        places = pc.index_in(words.cast(self._type), self._words, skip_nulls=True)
        others = pc.if_else(words.is_null(), pa.scalar(NULL, pa.int32()), pa.scalar(UNKNOWN, pa.int32()))
        return pc.coalesce(pc.add(places, pa.scalar(FIRST, pa.int32())), others)


class ElementEncoder(Encoder):
    """Encodes the elements of a column that is exploded, as arrays of ids.

    Args:
        vocabulary: The column's.
        name: Its name in the tables.
        type_name: Of its elements, by Spark's name.
        delimiter: Stands between the parts of its texts.
    """

    type = pa.list_(pa.int32())

    def __init__(self, vocabulary: Vocabulary, name: str, type_name: str, delimiter: str) -> None:
        super().__init__(vocabulary, name, type_name)
        self._delimiter = delimiter

    def ids(self, table: pa.Table) -> pa.ChunkedArray:
        """Return for each row the ids of its elements, of which it has at least one."""
        lists = load_lists(table.column(self._name), self._delimiter)
        places = lists.places(np.arange(len(table)))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lists.size)]).astype(np.int32)
        ids = self._of_elements(lists.elements, places)
        return pa.chunked_array([pa.ListArray.from_arrays(pa.array(offsets), ids)])

    def _of_elements(self, elements: Column, places: Array) -> pa.Array:
        if elements.texts is None:
            return self._of_words(elements.take(places))
        codes = pa.array(elements.values[places].astype(np.int32), mask=_nulls(elements, places))
        return self._of_words(elements.texts).take(codes).fill_null(NULL)


def _nulls(column: Column, places: Array) -> Array | None:
    return None if column.is_valid is None else ~column.is_valid[places]
