"""Published sequences as a training run reads them."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa

from obs2seq.domain.manifest import Manifest
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import FOLD
from obs2seq.errors import ConfigurationError
from obs2seq.loading.arrays import Batch, Converter
from obs2seq.loading.batches import Span, cut, cut_shuffled, read_ahead, spans_of, taken
from obs2seq.loading.columns import asked_columns
from obs2seq.loading.filling import filled
from obs2seq.loading.instants import with_zones
from obs2seq.loading.pieces import Piece, Pieces
from obs2seq.loading.vocabularies import vocabulary_of

PART = 1 << 18
"""Elements of an array that are read at a time, where they are then copied: they stay in the processor's cache."""

HELD = 1 << 16
"""Sequences among which the next batch is drawn, unless told otherwise."""

Made = TypeVar("Made")


class SequenceData:
    """The sequences of one published run; nothing but footers is read before it is asked for.

    Columns go by their output names or, where that is no output column itself, without `_sequence`: `correct`,
    `is_pad`, `is_new`; `fold` too, where there are folds. As NumPy's, integers and floats keep their type, the masks
    are boolean, dates and timestamps are datetime64 (instants in UTC), and decimals and texts are objects. Where a
    vocabulary is given, a text is its place there (int32), and one that is not there is `len(vocabulary)`.

    Attributes:
        manifest: All that is known about the run.
        spec: What the sequences were made by.
        location: The run's folder.
    """

    def __init__(self, manifest: Manifest, location: str, pieces: Pieces, threads: int | None = None) -> None:
        self.manifest, self.location = manifest, location
        self.spec = SequenceSpec.model_validate(manifest.settings["specification"])
        self._others = tuple(name for name in (FOLD,) if name in manifest.columns)
        self._pieces = pieces
        self._threads = threads or os.cpu_count() or 1

    def __len__(self) -> int:
        return self.manifest.rows

    def __repr__(self) -> str:
        length = self.spec.sequence_length
        return f"SequenceData({self.manifest.dataset}: {len(self):,} sequences of {length}, run {self.manifest.run_id})"

    @cached_property
    def types(self) -> dict[str, str]:
        """The types of the columns that pupil and features were read from, as `obs2seq.online.Sequencer` takes them."""
        columns = self.manifest.columns
        elements = {
            f.column: re.sub(r"^array<(.*)>$", r"\1", columns[f.output]) for f in self.spec.features if f.derive is None
        }
        return {self.spec.pupil: columns[self.spec.pupil], **elements}

    def arrays(
        self, columns: Sequence[str] | None = None, *, vocabularies: Mapping[str, Sequence[str]] | None = None
    ) -> Batch:
        """Return whole columns, by the names asked for.

        What is not asked for is not read. Memory holds the arrays, and the pieces (row groups) that are being read;
        where there is one piece in all, numbers are views of Arrow's memory, which NumPy does not write to.

        Args:
            columns: None: every feature, and both masks.
            vocabularies: For texts, by the name asked for.

        Returns:
            Arrays of shape (sequences, L), or (sequences,) for the pupil and the numbers beside it; all in one order.

        Raises:
            ConfigurationError: There is no such column.
            StorageError: A file cannot be read, or is not what the manifest says.
        """
        converter = self._converter(columns, vocabularies)
        pieces = self._pieces.pieces
        if not pieces:
            return converter.batch(self._pieces.schema.empty_table(), self.location)
        if len(pieces) == 1:
            return self._read(pieces[0], converter)
        return filled([piece.rows for piece in pieces], lambda i: self._parts(pieces[i], converter), self._threads)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return an Arrow table with the contract's types, columns by their output names; None: all of them."""
        outputs = (*self.spec.outputs, *self._others) if columns is None else self._asked(columns).values()
        names = list(dict.fromkeys(outputs))
        with ThreadPoolExecutor(self._threads) as pool:
            tables = list(pool.map(lambda piece: self._pieces.read(piece, names, codes=False), self._pieces.pieces))
        empty = self._pieces.schema.empty_table().select(names)
        return with_zones(pa.concat_tables([empty, *(table.select(names) for table in tables)]), self.manifest)

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield what `table` returns a piece (row group) at a time, texts in dictionaries, the next ones read ahead."""
        outputs = self.spec.outputs if columns is None else asked_columns(self.spec, columns).values()
        names = list(dict.fromkeys(outputs))
        pieces = self._pieces.pieces

        def read(piece: Piece) -> pa.Table:
            return with_zones(self._pieces.read(piece, names, codes=True).select(names), self.manifest)

        return read_ahead(read, pieces, self._threads)

    def each(self, make: Callable[[Iterator[pa.Table]], Made], columns: Sequence[str] | None = None) -> Iterator[Made]:
        """Yield what a function makes of each of `tables`, which comes to it in parts that fit the processor's cache.

        It is called on the threads that read, so that as little is in memory as it keeps.
        """
        outputs = self.spec.outputs if columns is None else asked_columns(self.spec, columns).values()
        names = list(dict.fromkeys(outputs))
        rows = max(PART // self.spec.sequence_length, 1)

        def made(piece: Piece) -> Made:
            parts = self._pieces.read_parts(piece, names, rows)
            return make(with_zones(part.select(names), self.manifest) for part in parts)

        return read_ahead(made, self._pieces.pieces, self._threads)

    def batches(
        self,
        size: int,
        columns: Sequence[str] | None = None,
        *,
        vocabularies: Mapping[str, Sequence[str]] | None = None,
        shuffle: bool = False,
        seed: int | Sequence[int] = 0,
        held: int = HELD,
        drop_last: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> Iterator[Batch]:
        """Yield batches of `size` sequences, while what comes next is read.

        Args:
            size: The last batch may be smaller.
            columns: None: every feature, and both masks.
            vocabularies: For texts, by the name asked for.
            shuffle: Pieces (row groups) are read in random order, and each batch is drawn at random from what is held.
                The same seed gives the same order for the same files, whatever the columns and the threads.
            seed: A number, or several, such as a seed and an epoch.
            held: How many sequences to hold in memory for that, at least a piece; with as many as there are, every
                order of the whole is as likely.
            drop_last: Leave out a smaller last batch.
            shard: A number from 0, and how many there are: every sequence is in exactly one, and their sizes differ by
                one at most.

        Yields:
            As `arrays` returns, with `size` rows. Unshuffled, numbers are views of Arrow's memory where possible.

        Raises:
            ConfigurationError: There is no such column, or a number is not allowed.
            StorageError: A file cannot be read, or is not what the manifest says.
        """
        seeds = (seed,) if isinstance(seed, int) else tuple(seed)
        _require_numbers(size, seeds, shard)
        converter = self._converter(columns, vocabularies)
        pieces = self._pieces.pieces
        order = _generator(seeds, 0) if shuffle else None
        spans = spans_of([piece.rows for piece in pieces], order, shard)

        def read(span: Span) -> Batch:
            batch = self._read(pieces[span.piece], converter)
            return taken(batch, slice(span.start, span.stop))

        chunks = read_ahead(read, spans, self._threads)
        if order is None:
            return cut(chunks, size, drop_last=drop_last)
        return cut_shuffled(chunks, size, held, _generator(seeds, 1 + shard[0]), drop_last=drop_last)

    def vocabulary(self, column: str) -> list[str]:
        """Return every text of a feature, its pad first, the others by code point; reads that column once.

        Example:
            `words = train.vocabulary("skill")`, then `vocabularies={"skill": words}` for each subset: 0 is padding, and
            `len(words)` is what the training set did not have.

        Raises:
            ConfigurationError: There is no such feature, or it is none of texts.
        """
        output = next(iter(self._asked([column]).values()))
        with ThreadPoolExecutor(self._threads) as pool:
            read = pool.map(lambda piece: self._pieces.read(piece, [output], codes=True), self._pieces.pieces)
            return vocabulary_of(self.spec, output, read)

    def _converter(self, columns: Sequence[str] | None, vocabularies: Mapping[str, Sequence[str]] | None) -> Converter:
        return Converter(self._asked(columns), self.spec.sequence_length, vocabularies or {})

    def _asked(self, columns: Sequence[str] | None) -> dict[str, str]:
        return asked_columns(self.spec, columns, self._others)

    def _read(self, piece: Piece, converter: Converter) -> Batch:
        return converter.batch(self._pieces.read(piece, converter.outputs, codes=True), piece.location)

    def _parts(self, piece: Piece, converter: Converter) -> Iterator[Batch]:
        rows = max(PART // self.spec.sequence_length, 1)
        for table in self._pieces.read_parts(piece, converter.outputs, rows):
            yield converter.batch(table, piece.location)


def _generator(seeds: Sequence[int], stream: int) -> np.random.Generator:
    """Return one of the independent generators of a seed."""
    # NumPy takes (1,) and (1, 0) for the same, hence the length.
    return np.random.default_rng(np.random.SeedSequence((len(seeds), *seeds), spawn_key=(stream,)))


def _require_numbers(size: int, seeds: Sequence[int], shard: tuple[int, int]) -> None:
    if size < 1:
        raise ConfigurationError("size", f"expected 1 or more, found {size}")
    if min(seeds, default=-1) < 0:
        raise ConfigurationError("seed", f"expected 0 or more, found {seeds}")
    index, count = shard
    if not 0 <= index < count:
        raise ConfigurationError("shard", f"expected a number from 0, and how many there are, found {shard}")
