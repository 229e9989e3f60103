"""The engine on Spark, which the local and the EMR warehouse share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.reading import reads
from obs2seq.domain.splits import Assigned, Everything, Share
from obs2seq.errors import StorageError
from obs2seq.flow.dataflow import count_pupils, select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from obs2seq.ports import ObservationReader, SequenceWriter, Source, WrittenFile, all_columns
from obs2seq.warehouses.accounts import balanced_ledger, input_ledger, rows_out
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.expressions import require_repeatable
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.readers import Sessions
from obs2seq.warehouses.subsets import SubsetSource, folds_of, share_of

_TEXT_FORMATS = ("csv", "json")


@dataclass(frozen=True)
class Tools:
    """What Spark works with."""

    sessions: Sessions
    readers: Mapping[str, ObservationReader]
    """By format."""
    writer: SequenceWriter
    clock: Callable[[], datetime] = now


class SparkEngine(Engine):
    """Computes with window functions and `collect_list`; the session starts with the first run.

    Args:
        tools: What to compute with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        tally = Tally()
        with explained(found.source.location, output=location):
            frame = _frame(order, found, tally, self._tools)
            files = self._tools.writer.write(frame, location)
        return _manifest(order, found.source, run_id, frame, files, tally, self._tools)

    def count_pupils(self, order: Order, found: SubsetSource) -> dict[str, int]:
        with explained(found.source.location):
            return {row["pupil"]: row["count"] for row in _counted(order, found, self._tools).collect()}

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        tally = Tally()
        where = found.source.location
        with explained(where):
            _frame(order, found, tally, self._tools)
            ledger = input_ledger(tally.recount("input"))
        require_acceptable(ledger, order.job, order.subset, where)
        return ledger


def _counted(order: Order, found: SubsetSource, tools: Tools) -> DataFrame:
    raw = tools.readers[found.source.format].read(found.source, partial(reads, order.job))
    selection = _selection(order, found, Everything())
    require_repeatable(raw, selection)
    return count_pupils(raw, order.job.spec, selection)


def _selection(order: Order, found: SubsetSource, share: Share) -> Selection:
    job = order.job
    return Selection(
        columns=job.columns,
        row_filter=job.row_filter,
        share=share,
        duplicates=job.duplicates,
        folds=folds_of(job),
        is_text_input=found.source.format in _TEXT_FORMATS,
    )


def _frame(order: Order, found: SubsetSource, tally: Tally, tools: Tools) -> DataFrame:
    job = order.job
    is_read = all_columns if order.kind == "observations" else partial(reads, job)
    raw = tools.readers[found.source.format].read(found.source, is_read)
    names = [*raw.columns, *job.columns]
    share = share_of(job, order.subset, names, has_own_folder=found.has_own_folder)
    selection = _selection(order, found, share)
    require_repeatable(raw, selection)
    assignment = tools.sessions().read.parquet(share.location) if isinstance(share, Assigned) else None
    return select_and_sequence(raw, job.spec, selection, tally, order.kind, assignment)


def _manifest(
    order: Order, source: Source, run_id: str, frame: DataFrame, files: list[WrittenFile], tally: Tally, tools: Tools
) -> Manifest:
    """Account for what was written; raise where it does not add up."""
    ledger = balanced_ledger(tally, order.job, order.dataset)
    require_acceptable(ledger, order.job, order.subset, source.location)
    rows = sum(file.rows for file in files)
    if rows != rows_out(tally):
        raise StorageError(
            order.dataset,
            f"expected {rows_out(tally)} rows in the files that were written, found {rows}",
            "one run at a time may write here; run again",
        )
    columns = {field.name: field.dataType.simpleString() for field in frame.schema}
    written = Written(files, columns, ledger, {"spark": tools.sessions().version})
    return manifest_of(order, source, run_id, written, tools.clock())
