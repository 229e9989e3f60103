"""The embedded engine: reads with Arrow, sequences with the kernel, writes with Arrow."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.reading import reads
from obs2seq.ports import Source, Storage, WrittenFile, all_columns
from obs2seq.version import __version__
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.failures import changed
from obs2seq.warehouses.arrow.making import Made, Maker, SequenceMaker
from obs2seq.warehouses.arrow.mapping import Mapping
from obs2seq.warehouses.arrow.parquet_files import parquet_observations
from obs2seq.warehouses.arrow.pieces import Observations, Piece
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.arrow.shares import Shares
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.arrow.writing import FileWriters
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.runs import input_summary
from obs2seq.warehouses.subsets import SubsetSource, share_of

_WORTH_A_THREAD = 1 << 19
"""Values of a column that take longer to make and write than a second file costs."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Workshop:
    """What the engine works with."""

    storage: Storage
    budget: int
    """What observations may take of memory, in bytes."""
    temporary_folder: str | None = None
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    clock: Callable[[], datetime] = _now


class ArrowEngine(Engine):
    """Computes in this process.

    Args:
        workshop: What to work with.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        account = Account()
        with ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = self._opened(order, found, pool)
            maker = SequenceMaker(order.job)
            tables = list(pool.map(lambda piece: _selected(piece, selection, account), observations.pieces))
            self._require_unchanged(found.source)
            require_acceptable(account.input_ledger(), order.job, order.subset, found.source.location)
            kept = pa.concat_tables([selection.schema.empty_table(), *(each for few in tables for each in few)])
            made = maker.make(kept, pool)
            account.add_made(made.counts)
            schema = next(made.batches(0, 1)).schema
            writers = FileWriters(location, order.job.compression, schema, maker.width)
            list(pool.map(lambda part: writers.write(made.batches(*part)), _parts(made, maker, self._workshop.threads)))
            writers.close()
        ledger = account.ledger(order.job)
        ledger.check(order.dataset)
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        sizes = {file.path: file.size for file in self._workshop.storage.list_files(location)}
        files = tuple(WrittenFile(name, sizes[name], rows) for name, rows in sorted(writers.rows.items()))
        return Manifest(
            run_id=run_id,
            dataset=order.dataset,
            subset=order.subset,
            kind=order.kind,
            format=order.job.output_format,
            rows=made.count,
            files=files,
            columns={field.name: spark_name(field.type) for field in schema},
            settings=order.job.shape(),
            ledger=ledger,
            input=input_summary(found.source),
            versions={"obs2seq": __version__, "arrow": pa.__version__, "python": platform.python_version()},
            published_at=self._workshop.clock().isoformat(),
        )

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        account = Account()
        with ThreadPoolExecutor(self._workshop.threads) as pool:
            observations, selection = self._opened(order, found, pool)
            for _ in pool.map(lambda piece: _judged(piece, selection, account), observations.pieces):
                pass
        self._require_unchanged(found.source)
        ledger = account.input_ledger()
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        return ledger

    def _opened(self, order: Order, found: SubsetSource, pool: Executor) -> tuple[Observations, Selection]:
        job = order.job
        is_read = all_columns if order.kind == "observations" else partial(reads, job)
        observations = parquet_observations(found.source, is_read, pool.map)
        mapping = Mapping(observations, job)
        share = share_of(job, order.subset, mapping.names, has_own_folder=found.has_own_folder)
        shares = Shares(share, job.spec, mapping.schema)
        return observations, Selection(mapping, shares, job.spec, job.spec.columns, is_text_input=False)

    def _require_unchanged(self, source: Source) -> None:
        """Raise where a file is no longer the one that the run is named after."""
        there = set(self._workshop.storage.list_files(source.location))
        for file in source.files:
            if file not in there:
                raise changed(source.location)


def _selected(piece: Piece, selection: Selection, account: Account) -> list[pa.Table]:
    kept = []
    for raw in piece.read():
        selected = selection.select(raw)
        account.add_read(selected.counts)
        kept.append(selected.table)
    return kept


def _judged(piece: Piece, selection: Selection, account: Account) -> None:
    for raw in piece.read():
        account.add_read(selection.select(raw).counts)


def _parts(made: Made, maker: Maker, threads: int) -> Iterator[tuple[int, int]]:
    count = max(min(threads, made.count * maker.width // _WORTH_A_THREAD), 1)
    bounds = [made.count * number // count for number in range(count + 1)]
    return zip(bounds[:-1], bounds[1:], strict=True)
