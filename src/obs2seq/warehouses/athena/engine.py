"""The engine on Athena: counts first, then writes what was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from obs2seq.domain import rules
from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.files import WrittenFile, is_hidden
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.lineage.statement import athena_graph
from obs2seq.ports import Storage
from obs2seq.sql.counts import ROW_RULES, ROWS_IN, ROWS_OUT, SEQUENCED
from obs2seq.sql.runs import RunStatements, unload
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.athena.catalogue import CatalogueTable
from obs2seq.warehouses.athena.files import ParquetFooters
from obs2seq.warehouses.athena.hive_types import published_type
from obs2seq.warehouses.athena.queries import AthenaQueries, Finished
from obs2seq.warehouses.athena.statements import InputTable, statements_of
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.subsets import SubsetSource

Tables = Callable[[SubsetSource, Job], CatalogueTable]
"""Gives the table with a subset's rows."""

_OLD_ENGINE = "Athena engine version 2"


@dataclass(frozen=True)
class AthenaTools:
    """What Athena's engine works with."""

    queries: AthenaQueries
    tables: Tables
    footers: ParquetFooters
    storage: Storage
    clock: Callable[[], datetime] = now
    watch: Watch = NOBODY


class AthenaEngine(Engine):
    """Computes in two statements, each of which scans the columns that it needs once: counts, then the data.

    Counting first costs the second scan, and saves what a rule would refuse from being written at all: Athena leaves
    what it has written when it fails.

    Args:
        tools: What to compute with.
    """

    def __init__(self, tools: AthenaTools) -> None:
        self._tools = tools

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        """Write the data into an empty folder; return the account of it, which balances.

        Observations lie sorted in each file; a pupil may be spread over files, which Spark's never is.

        Raises:
            DataError: The input cannot be used, or some row cannot be computed with.
            ConfigurationError: The settings do not fit the table, or Athena cannot do what they ask for.
            StorageError: Athena or S3 refused, or the files that were written are not what was counted.
        """
        statements = self._statements(order, found)
        statement = unload(statements.select, location, order.job.compression)
        _require_empty(self._tools.storage, location)
        with self._tools.watch.step("count"):
            counts = self._counted(statements.counts, order.dataset, run_id)
        ledger = _ledger(counts, order.job)
        ledger.check(order.dataset)
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        with self._tools.watch.step("write"):
            query = self._written(statement, order.dataset, run_id, location)
        files, columns = self._files(location, counts[ROWS_OUT], order.dataset)
        written = Written(files, columns, ledger, {"athena": query.engine}, athena_graph(order.kind))
        return manifest_of(order, found.source, run_id, written, self._tools.clock())

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        statement = self._statements(order, found).input_counts
        counts = self._counted(statement, order.dataset, "check")
        left_out = _above_zero(counts, ROW_RULES)
        ledger = Ledger(counts[ROWS_IN], counts[ROWS_IN] - sum(left_out.values()), left_out, {})
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        return ledger

    def _statements(self, order: Order, found: SubsetSource) -> RunStatements:
        table = self._tools.tables(found, order.job)
        return statements_of(order, InputTable(table.reference, table.types, table.is_text, found.has_own_folder))

    def _counted(self, statement: str, dataset: str, run: str) -> dict[str, int]:
        query = self._tools.queries.run(statement, run, f"{dataset}, counting")
        if query.engine == _OLD_ENGINE:
            raise ConfigurationError(
                "athena_workgroup",
                "expected Athena engine version 3, found version 2",
                "upgrade the workgroup's engine",
            )
        return self._tools.queries.one_row(query, dataset)

    def _written(self, statement: str, dataset: str, run_id: str, location: str) -> Finished:
        """Write the data; where that fails, remove what Athena leaves: readers of the whole folder would read it."""

        def clear() -> None:
            self._tools.storage.remove(location)

        try:
            return self._tools.queries.run(statement, run_id, f"{dataset}, writing", before_another_attempt=clear)
        except BaseException:
            with suppress(StorageError):
                clear()
            raise

    def _files(self, location: str, rows: int, dataset: str) -> tuple[tuple[WrittenFile, ...], dict[str, str]]:
        """Return what was written, and its columns; raise where it is not what was counted."""
        stored = [file for file in self._tools.storage.list_files(location) if not is_hidden(file.path)]
        footers = self._tools.footers.read(location, stored)
        found = sum(footer.rows for footer in footers)
        if found != rows:
            raise StorageError(
                dataset,
                f"expected {rows} rows in the files that were written, found {found}",
                "run again when nobody writes to the data location",
            )
        files = (WrittenFile(file.path, file.size, footer.rows) for file, footer in zip(stored, footers, strict=True))
        columns = {field.name: published_type(field.type) for field in footers[0].schema}
        return tuple(sorted(files)), columns


def _require_empty(storage: Storage, location: str) -> None:
    """A run's folder is new; Athena refuses one with anything in it, after it has computed all."""
    if storage.list_files(location):
        raise StorageError(
            location, "expected an empty folder to write into, found files in it", "run again: a new run gets its own"
        )


def _ledger(counts: Mapping[str, int], job: Job) -> Ledger:
    drops = job.duplicates == "drop"
    out = (*ROW_RULES, rules.MIN_LENGTH, rules.MAX_SEQUENCES, *([rules.DUPLICATE] if drops else []))
    noted = {} if drops else {rules.DUPLICATE: counts[rules.DUPLICATE]}
    return Ledger(counts[ROWS_IN], counts[SEQUENCED], _above_zero(counts, out), noted)


def _above_zero(counts: Mapping[str, int], names: tuple[str, ...]) -> dict[str, int]:
    return {name: counts[name] for name in names if counts[name]}
