"""Columns as ids of a vocabulary, beside the settings' columns; and what vocabularies are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
import pyarrow as pa

from obs2seq.domain.columns import require_columns
from obs2seq.domain.exploding import value_types
from obs2seq.domain.job import Job
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import Vocabulary, Word, encoded_columns, id_column, word_type
from obs2seq.errors import DataError
from obs2seq.kernel.columns import Array, load
from obs2seq.kernel.lists import load_lists
from obs2seq.kernel.ordering import Ordering
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.encoding import encoder_of
from obs2seq.warehouses.arrow.mapping import Mapping, with_columns
from obs2seq.warehouses.arrow.quality import PupilChecks
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.store import Group
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.vocabularies import vocabulary_of

_MOST_WAITING = 1 << 22
"""First appearances in several pieces that wait to be compared."""


def with_ids(mapping: Mapping, job: Job, kind: str) -> Mapping:
    """Return what maps columns and adds the ids of those that features encode.

    The ids of elements stand in arrays, one an element, and beside observations of which sequences are made alone.

    Raises:
        DataError: A column is missing, or not of the type that its vocabulary is for.
        SpecificationError: No vocabulary is made of a column of its type.
        StorageError: A vocabulary cannot be read, or is not what its name says.
    """
    columns = [c for c in encoded_columns(job.spec).values() if kind == "sequences" or c != job.spec.explode]
    if not columns:
        return mapping
    return EncodedMapping(mapping, [vocabulary_of(job, column) for column in columns], job.spec)


class EncodedMapping(Mapping):
    """Adds ids to what is mapped; they take the place of columns of their names.

    Args:
        mapping: Makes the settings' columns.
        vocabularies: Of different columns.
        spec: Says which of them is exploded.
    """

    def __init__(self, mapping: Mapping, vocabularies: Sequence[Vocabulary], spec: SequenceSpec) -> None:
        require_columns([each.column for each in vocabularies], mapping.names)
        self._mapping = mapping
        encoders = [encoder_of(vocabulary, mapping.schema, spec) for vocabulary in vocabularies]
        self._encoders = {id_column(each.column): encoder for each, encoder in zip(vocabularies, encoders, strict=True)}
        self.names = with_columns(mapping.names, self._encoders)
        read = {name.lower(): mapping.schema.field(name).type for name in mapping.schema.names}
        types = read | {name.lower(): encoder.type for name, encoder in self._encoders.items()}
        self.schema = pa.schema([(name, types[name.lower()]) for name in self.names if name.lower() in types])

    def mapped(self, raw: pa.Table) -> pa.Table:
        table = self._mapping.mapped(raw)
        ids = {name: encoder.ids(table) for name, encoder in self._encoders.items()}
        columns = [ids[name] if name in ids else table.column(name) for name in self.schema.names]
        return pa.Table.from_arrays(columns, schema=self.schema)

    def is_kept(self, table: pa.Table) -> Array | None:
        return self._mapping.is_kept(table)


class FirstValues:
    """Finds where values appear first, over pieces from several threads.

    Args:
        schema: Of the pieces.
        spec: Names the order.
        columns: Whose values.

    Raises:
        SpecificationError: No vocabulary is made of a column of its type.
    """

    def __init__(self, schema: pa.Schema, spec: SequenceSpec, columns: Sequence[str]) -> None:
        self._order = [column_name(schema, name) for name in spec.order_by]
        self._columns = {name: column_name(schema, name) for name in columns}
        self._apart = {spec.explode: spec.explode_delimiter}
        types = value_types(spec, lambda name: spark_name(schema.field(column_name(schema, name)).type))
        for name in columns:
            word_type(name, types(name))
        self._lock = Lock()
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in columns}

    def add(self, place: tuple[int, int], table: pa.Table, done: float) -> None:  # noqa: ARG002  # as a store takes it
        """Take the observations of a piece."""
        for name, own in self._columns.items():
            read = _read(table, [*self._order, own])
            firsts = self._firsts(_parted(read, self._apart[name]) if name in self._apart else read)
            with self._lock:
                waiting = self._waiting[name]
                waiting.append(firsts)
                if len(waiting) > 1 and sum(map(len, waiting)) > _MOST_WAITING:
                    self._waiting[name] = [self._firsts(pa.concat_tables(waiting))]

    def add_checked(self, groups: Iterable[Group], checks: PupilChecks, account: Account) -> None:
        """Take the observations of all groups but those that a rule over pupils leaves out."""
        for number, group in enumerate(groups):
            table = group.read()
            checked = checks.check(table)
            account.add_checked(checked.counts)
            kept = table if checked.is_left_out is None else table.filter(pa.array(~checked.is_left_out))
            self.add((0, number), kept, 1.0)
            group.discard()

    def values(self) -> dict[str, list[Word]]:
        """Return each value that is not null, by first appearance; then by its text, by code point."""
        return {name: self._ordered(tables) for name, tables in self._waiting.items()}

    def _firsts(self, table: pa.Table) -> pa.Table:
        """Return the first row of each value."""
        ordering = Ordering(len(table)).refine(load(table.column("word")).keys())
        starts = ordering.starts()
        rows = self._in_order(ordering, table).rows[starts]
        return _plain(table.take(pa.array(rows)))

    def _ordered(self, tables: Sequence[pa.Table]) -> list[Word]:
        if not tables:
            return []
        firsts = self._firsts(pa.concat_tables(tables))
        firsts = firsts.filter(firsts.column("word").is_valid())
        texts = load(firsts.column("word").cast(pa.string()))
        ordering = self._in_order(Ordering(len(firsts)), firsts).refine(texts.keys())
        try:
            words: list[Word] = firsts.column("word").take(pa.array(ordering.rows)).to_pylist()
        except UnicodeDecodeError as error:
            raise DataError("observations", "expected values in UTF-8, to encode them, found others") from error
        return words

    def _in_order(self, ordering: Ordering, table: pa.Table) -> Ordering:
        for place in range(len(self._order)):
            ordering.refine(load(table.column(f"key_{place}")).keys())
        return ordering


def _read(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return columns by names that no two of them share: of the order first, then that of the values."""
    *keys, word = (table.column(name) for name in names)
    return pa.table([*keys, word], [*(f"key_{place}" for place in range(len(keys))), "word"])


def _parted(table: pa.Table, delimiter: str) -> pa.Table:
    """Return what `_read` does with a row for each element of the values."""
    lists = load_lists(table.column("word"), delimiter)
    rows = np.arange(len(table))
    keys = table.drop_columns("word").take(pa.array(np.repeat(rows, lists.size)))
    return keys.append_column("word", lists.elements.take(lists.places(rows)))


def _plain(table: pa.Table) -> pa.Table:
    """Return texts that were in dictionaries without these, so that pieces can be joined."""
    types = [field.type for field in table.schema]
    plain = [type_.value_type if pa.types.is_dictionary(type_) else type_ for type_ in types]
    return table.cast(pa.schema(list(zip(table.column_names, plain, strict=True))))
