"""The embedded engine: reads with Arrow, sequences with the kernel, writes with Arrow."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.files import is_hidden
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Word
from obs2seq.lineage.engines import arrow_graph
from obs2seq.ports import Source, Storage, WrittenFile
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.activity import PupilCounts
from obs2seq.warehouses.arrow.folds import maker_with_folds
from obs2seq.warehouses.arrow.making import Maker, maker_for
from obs2seq.warehouses.arrow.memory import Allowance, jemalloc, row_bytes, value_bytes
from obs2seq.warehouses.arrow.opening import opened_observations, require_unchanged
from obs2seq.warehouses.arrow.quality import pupil_checks
from obs2seq.warehouses.arrow.quarantine import aside_for, maker_with_checks
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.steps import Reading, Writing, check_pupils
from obs2seq.warehouses.arrow.store import Store
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.arrow.vocabularies import FirstValues
from obs2seq.warehouses.arrow.watched import watched_groups, watched_pieces
from obs2seq.warehouses.arrow.writing import FileWriters
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.subsets import SubsetSource, context_of


def _processors() -> int:
    """Return how many processors this process may use, where the system tells, or else has."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


@dataclass(frozen=True)
class Workshop:
    """What the engine works with."""

    storage: Storage
    budget: int
    """What observations may take of memory, in bytes."""
    temporary_folder: str | None = None
    threads: int = field(default_factory=_processors)
    clock: Callable[[], datetime] = now
    watch: Watch = NOBODY


class ArrowEngine(Engine):
    """Computes in this process, with as many threads as there are processors.

    Args:
        workshop: What to work with.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        account = Account()
        with jemalloc(), ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = opened_observations(order, found, pool)
            aside = aside_for(order.job, location, selection.whole_schema)
            maker = _maker(order, selection.schema)
            checks = selection.checks, pupil_checks(order.job, order.subset, selection.schema)
            maker = maker_with_checks(maker, checks, account, aside)
            writers = maker.writers(location, order.job.compression)
            allowance = self._allowance(selection.schema, maker)
            pupil = column_name(selection.schema, order.job.spec.pupil)
            folder = self._workshop.temporary_folder
            with Store(selection.schema, pupil, allowance, folder, maker.elements) as store:
                with self._workshop.watch.step("read"):
                    pieces = watched_pieces(observations.cut(allowance.piece_rows), self._workshop.watch)
                    Reading(selection, account, store, aside.take if aside else None).read(pieces, pool)
                self._require_accepted(order, found.source, account.input_ledger(order.job))
                writing = Writing(maker, writers, account, self._workshop.threads, allowance.row_group_values)
                with self._workshop.watch.step("write"):
                    writing.write(watched_groups(store.groups(), self._workshop.watch), pool)
        ledger = account.ledger(order.job)
        ledger.check(order.dataset)
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        quarantine = aside.finished(self._workshop.storage) if aside else None
        written = replace(self._written(order, ledger, writers, location), quarantine=quarantine)
        return manifest_of(order, found.source, run_id, written, self._workshop.clock())

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        account = Account()
        with jemalloc(), ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = opened_observations(order, found, pool)
            allowance = self._allowance(selection.schema, _maker(order, selection.schema))
            pieces = observations.cut(allowance.piece_rows)
            if checks := pupil_checks(order.job, order.subset, selection.schema):
                pupil = column_name(selection.schema, order.job.spec.pupil)
                with Store(selection.schema, pupil, allowance, self._workshop.temporary_folder) as store:
                    Reading(selection, account, store).read(pieces, pool)
                    check_pupils(store.groups(), checks, account)
            else:
                Reading(selection, account, None).read(pieces, pool)
        ledger = account.input_ledger(order.job)
        self._require_accepted(order, found.source, ledger)
        return ledger

    def count_pupils(self, order: Order, found: SubsetSource) -> dict[str, int]:
        with jemalloc(), ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = opened_observations(order, found, pool, is_of_all=True)
            counts = PupilCounts(column_name(selection.schema, order.job.spec.pupil))
            rows = self._allowance(selection.schema, _maker(order, selection.schema)).piece_rows
            Reading(selection, Account(), counts).read(observations.cut(rows), pool)
        return counts.counts()

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> dict[str, list[Word]]:
        account = Account()
        with jemalloc(), ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = opened_observations(order, found, pool)
            values = FirstValues(selection.schema, order.job.spec, columns)
            allowance = self._allowance(selection.schema, _maker(order, selection.schema))
            pieces = observations.cut(allowance.piece_rows)
            if checks := pupil_checks(order.job, order.subset, selection.schema):
                pupil = column_name(selection.schema, order.job.spec.pupil)
                with Store(selection.schema, pupil, allowance, self._workshop.temporary_folder) as store:
                    Reading(selection, account, store).read(pieces, pool)
                    values.add_checked(store.groups(), checks, account)
            else:
                Reading(selection, account, values).read(pieces, pool)
        self._require_accepted(order, found.source, account.input_ledger(order.job))
        return values.values()

    def _allowance(self, schema: pa.Schema, maker: Maker) -> Allowance:
        allowance = Allowance(
            budget=self._workshop.budget,
            threads=self._workshop.threads,
            row_bytes=row_bytes(schema),
            stride=maker.stride,
            output_bytes=sum(map(value_bytes, maker.schema.types)),
            width=maker.width,
            derived=maker.derived,
            counted=maker.counted,
        )
        allowance.require_enough()
        return allowance

    def _require_accepted(self, order: Order, source: Source, ledger: Ledger) -> None:
        """Raise where a file is no longer the one that the run is named after, or a rule stops the run."""
        require_unchanged(self._workshop.storage, source)
        require_acceptable(ledger, order.job, order.subset, source.location)

    def _written(self, order: Order, ledger: Ledger, writers: FileWriters, location: str) -> Written:
        stored = self._workshop.storage.list_files(location)
        sizes = {file.path: file.size for file in stored if not is_hidden(file.path)}
        files = tuple(WrittenFile(name, sizes.get(name, 0), rows) for name, rows in sorted(writers.rows.items()))
        columns = {each.name: spark_name(each.type) for each in writers.schema}
        return Written(files, columns, ledger, {"arrow": pa.__version__}, arrow_graph(order.job, order.kind))


def _maker(order: Order, observations: pa.Schema) -> Maker:
    maker = maker_for(order.kind, order.job, observations, context_of(order.job, order.subset))
    return maker_with_folds(maker, order.job)
