"""The embedded engine: reads with Arrow, sequences with the kernel, writes with Arrow."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import pyarrow as pa

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.files import is_hidden
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.reading import reads
from obs2seq.domain.rule_sets import pupil_rules, require_free_name, with_severity
from obs2seq.ports import Source, Storage, WrittenFile, all_columns
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.failures import changed
from obs2seq.warehouses.arrow.making import Maker, maker_for
from obs2seq.warehouses.arrow.mapping import Mapping
from obs2seq.warehouses.arrow.memory import Allowance, jemalloc, value_bytes
from obs2seq.warehouses.arrow.pieces import Observations, Piece
from obs2seq.warehouses.arrow.quality import PupilChecks, RowChecks
from obs2seq.warehouses.arrow.quarantine import aside_for, columns_to_keep, maker_with_checks
from obs2seq.warehouses.arrow.reading import TEXT_FORMATS, read_observations
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.arrow.shares import Shares, column_name
from obs2seq.warehouses.arrow.steps import Reading, Writing
from obs2seq.warehouses.arrow.store import Store
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.arrow.writing import FileWriters
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.subsets import SubsetSource, share_of


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
            observations, selection = self._opened(order, found, pool)
            maker = maker_for(order.kind, order.job, selection.schema)
            writers = FileWriters(location, order.job.compression, maker.schema, maker.width)
            aside = aside_for(order.job, location, selection.mapped_schema)
            maker = maker_with_checks(maker, order.job, selection.schema, account, aside)
            allowance = self._allowance(selection.schema, maker)
            pupil = column_name(selection.schema, order.job.spec.pupil)
            with Store(selection.schema, pupil, allowance, self._workshop.temporary_folder) as store:
                take = aside.take if aside else None
                Reading(selection, account, store, take).read(observations.cut(allowance.piece_rows), pool)
                self._require_accepted(order, found.source, account.input_ledger(order.job))
                writing = Writing(maker, writers, account, self._workshop.threads, allowance.row_group_values)
                writing.write(store.groups(), pool)
        ledger = account.ledger(order.job)
        ledger.check(order.dataset)
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        written = self._written(ledger, writers, location)
        quarantine = aside.finished(self._workshop.storage) if aside else None
        written = replace(written, quarantine=quarantine)
        return manifest_of(order, found.source, run_id, written, self._workshop.clock())

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        account = Account()
        with jemalloc(), ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = self._opened(order, found, pool)
            maker = maker_for(order.kind, order.job, selection.schema)
            allowance = self._allowance(selection.schema, maker)
            pieces = observations.cut(allowance.piece_rows)
            if pupil_rules(order.job.rules):
                self._check_pupils(order, selection, account, pieces, allowance, pool)
            else:
                Reading(selection, account, None).read(pieces, pool)
        ledger = account.input_ledger(order.job)
        self._require_accepted(order, found.source, ledger)
        return ledger

    def _check_pupils(
        self,
        order: Order,
        selection: Selection,
        account: Account,
        pieces: list[Piece],
        allowance: Allowance,
        pool: Executor,
    ) -> None:
        pupil = column_name(selection.schema, order.job.spec.pupil)
        checks = PupilChecks(order.job, selection.schema)
        with Store(selection.schema, pupil, allowance, self._workshop.temporary_folder) as store:
            Reading(selection, account, store).read(pieces, pool)
            for group in store.groups():
                account.add_checked(checks.check(group.read()).counts)
                group.discard()

    def _opened(self, order: Order, found: SubsetSource, pool: Executor) -> tuple[Observations, Selection]:
        job = order.job
        is_whole = order.kind == "observations" or bool(with_severity(job.rules, "quarantine"))
        is_read = all_columns if is_whole else partial(reads, job)
        observations = read_observations(found.source, job, is_read, pool)
        mapping = Mapping(observations, job)
        share = share_of(job, order.subset, mapping.names, has_own_folder=found.has_own_folder)
        shares = Shares(share, job.spec, mapping.schema)
        require_free_name(job.rules, mapping.names)
        names = tuple(mapping.names) if order.kind == "observations" else job.spec.columns
        names = columns_to_keep(job, names, tuple(mapping.names))
        is_text_input = found.source.format in TEXT_FORMATS
        checks = RowChecks(job, mapping.schema) if job.rules else None
        return observations, Selection(mapping, shares, job.spec, names, is_text_input=is_text_input, checks=checks)

    def _allowance(self, schema: pa.Schema, maker: Maker) -> Allowance:
        allowance = Allowance(
            budget=self._workshop.budget,
            threads=self._workshop.threads,
            row_bytes=sum(map(value_bytes, schema.types)),
            stride=maker.stride,
            output_bytes=sum(map(value_bytes, maker.schema.types)),
            width=maker.width,
        )
        allowance.require_enough()
        return allowance

    def _require_accepted(self, order: Order, source: Source, ledger: Ledger) -> None:
        """Raise where a file is no longer the one that the run is named after, or a rule stops the run."""
        there = set(self._workshop.storage.list_files(source.location))
        if any(file not in there for file in source.files):
            raise changed(source.location)
        require_acceptable(ledger, order.job, order.subset, source.location)

    def _written(self, ledger: Ledger, writers: FileWriters, location: str) -> Written:
        stored = self._workshop.storage.list_files(location)
        sizes = {file.path: file.size for file in stored if not is_hidden(file.path)}
        files = tuple(WrittenFile(name, sizes.get(name, 0), rows) for name, rows in sorted(writers.rows.items()))
        columns = {each.name: spark_name(each.type) for each in writers.schema}
        return Written(files, columns, ledger, {"arrow": pa.__version__})
