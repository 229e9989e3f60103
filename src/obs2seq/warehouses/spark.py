"""The engine on Spark, which the local and the EMR warehouse share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.reading import reads
from obs2seq.domain.rule_sets import pupil_rules, require_free_name
from obs2seq.errors import StorageError
from obs2seq.flow.dataflow import select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from obs2seq.ports import ObservationReader, SequenceWriter, Source, WrittenFile, all_columns
from obs2seq.warehouses.accounts import balanced_ledger, input_ledger, rows_out
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.expressions import require_repeatable
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.quarantine import quarantine
from obs2seq.warehouses.readers import Sessions
from obs2seq.warehouses.subsets import SubsetSource, share_of

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
            raw, selection = _selected(order, found, self._tools)
            frame = select_and_sequence(raw, order.job.spec, selection, tally, order.kind)
            files = self._tools.writer.write(frame, location)
        written = _written(order, found.source, frame, files, tally, self._tools)
        with explained(found.source.location, output=location):
            aside = quarantine(raw, order, selection, written.ledger, self._tools.writer, location)
        instant = self._tools.clock()
        return manifest_of(order, found.source, run_id, replace(written, quarantine=aside), instant)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        tally = Tally()
        where = found.source.location
        with explained(where):
            raw, selection = _selected(order, found, self._tools)
            select_and_sequence(raw, order.job.spec, selection, tally, order.kind)
            by_pupil = tally.recount("pupils") if pupil_rules(order.job.rules) else {}
            ledger = input_ledger(tally.recount("input") | by_pupil, order.job)
        require_acceptable(ledger, order.job, order.subset, where)
        return ledger


def _selected(order: Order, found: SubsetSource, tools: Tools) -> tuple[DataFrame, Selection]:
    job = order.job
    is_read = all_columns if order.kind == "observations" else partial(reads, job)
    raw = tools.readers[found.source.format].read(found.source, is_read)
    names = [*raw.columns, *job.columns]
    require_free_name(job.rules, names)
    selection = Selection(
        columns=job.columns,
        row_filter=job.row_filter,
        share=share_of(job, order.subset, names, has_own_folder=found.has_own_folder),
        duplicates=job.duplicates,
        is_text_input=found.source.format in _TEXT_FORMATS,
        rules=job.rules,
        references=job.references,
    )
    require_repeatable(raw, selection)
    return raw, selection


def _written(
    order: Order, source: Source, frame: DataFrame, files: list[WrittenFile], tally: Tally, tools: Tools
) -> Written:
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
    return Written(files, columns, ledger, {"spark": tools.sessions().version})
