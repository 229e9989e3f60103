"""Engines, readers and writers that are watched while they do as they would do anyway."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Word
from obs2seq.ports import ObservationReader, SequenceWriter, Source, WrittenFile, all_columns
from obs2seq.tracing.watch import Watch
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.subsets import SubsetSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from obs2seq.warehouses.readers import Sessions


class WatchedEngine(Engine):
    """Tells of each run.

    Args:
        engine: Computes.
        watch: Is told.
    """

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self._engine, self._watch = engine, watch

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        with self._watch.run(order.dataset, run_id, order.subset):
            return self._engine.make(order, found, location, run_id)

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:
        with self._watch.run("count pupils", "", order.subset):
            return self._engine.count_pupils(order, found)

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:
        with self._watch.run("fit vocabularies", "", order.subset):
            return self._engine.first_values(order, found, columns)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        with self._watch.run(f"check {order.dataset}", "", order.subset):
            return self._engine.check(order, found)


class WatchedReader(ObservationReader):
    """Tells of reading: of what it takes to know the columns; rows are read when the result is used.

    Args:
        reader: Reads.
        watch: Is told.
        sessions: Gives the session, which starts before reading does: jobs of no session cannot be described.
    """

    def __init__(self, reader: ObservationReader, watch: Watch, sessions: Sessions) -> None:
        self._reader, self._watch, self._sessions = reader, watch, sessions

    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:
        with self._watch.step("start Spark"):
            self._sessions()
        with self._watch.step("read columns"):
            return self._reader.read(source, is_read)


class WatchedWriter(SequenceWriter):
    """Tells of writing, the action in which a lazy run is computed.

    Args:
        writer: Writes.
        watch: Is told.
    """

    def __init__(self, writer: SequenceWriter, watch: Watch) -> None:
        self._writer, self._watch = writer, watch

    def write(self, frame: DataFrame, location: str) -> list[WrittenFile]:
        with self._watch.step("write"):
            return self._writer.write(frame, location)

    def read_back(self, location: str, files: Sequence[WrittenFile]) -> DataFrame:
        return self._writer.read_back(location, files)
