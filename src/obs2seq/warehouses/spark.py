"""The engine on Spark, which the local and the EMR warehouse share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame

from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.exploding import require_cuts_allowed
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.reading import reads
from obs2seq.domain.rule_sets import pupil_rules, require_free_name
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import Assigned, Everything, Share
from obs2seq.domain.vocabularies import Word, encoded_columns
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.flow.dataflow import count_pupils, flow_graph, select_and_sequence, select_observations
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from obs2seq.lineage.graph import Graph
from obs2seq.ports import ObservationReader, SequenceWriter, Source, WrittenFile, all_columns
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.accounts import balanced_ledger, input_ledger, rows_out
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.expressions import require_repeatable
from obs2seq.warehouses.failing_expressions import expressions_of
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.manifests import Written, manifest_of, now
from obs2seq.warehouses.quarantine import quarantine
from obs2seq.warehouses.readers import Sessions
from obs2seq.warehouses.spark_vocabularies import found_words, ids_of
from obs2seq.warehouses.subsets import SubsetSource, folds_of, share_of

_TEXT_FORMATS = ("csv", "json")
_TOGETHER = "set execution: arrow, or engine: arrow with mode: local, or explode_cuts: allow"


@dataclass(frozen=True)
class Tools:
    """What Spark works with."""

    sessions: Sessions
    readers: Mapping[str, ObservationReader]
    """By format."""
    writer: SequenceWriter
    clock: Callable[[], datetime] = now
    spread_pupils_above: int | None = None
    """Observations of a pupil above which several tasks share a history."""
    watch: Watch = NOBODY


class SparkEngine(Engine):
    """Computes with window functions and `collect_list`; the session starts with the first run.

    Args:
        tools: What to compute with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        _require_shareable(order, self._tools)
        tally = Tally()
        with explained(found.source.location, location, expressions_of(order.job)):
            selected = raw_and_selection(order, found, self._tools)
            frame = _sequenced(order, selected, tally, self._tools)
            files = self._tools.writer.write(frame, location)
        columns = {field.name: field.dataType.simpleString() for field in frame.schema}
        ledger, graph = ledger_of(tally, order, files), flow_graph(order.job, order.kind)
        product = Product(lambda: selected, location, columns, files, ledger, graph)
        return accepted_manifest(order, found.source, run_id, product, self._tools)

    def count_pupils(self, order: Order, found: SubsetSource) -> dict[str, int]:
        with explained(found.source.location, expressions=expressions_of(order.job)):
            return {row["pupil"]: row["count"] for row in _counted(order, found, self._tools).collect()}

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> dict[str, list[Word]]:
        tally = Tally()
        with explained(found.source.location, expressions=expressions_of(order.job)):
            raw, selection = raw_and_selection(order, found, self._tools)
            spec, watch = order.job.spec, self._tools.watch
            observations = select_observations(raw, spec, selection, tally, "sequences", watch)
            words = found_words(observations, spec, columns)
        by_pupil = tally.counts("pupils") if pupil_rules(order.job.rules) else {}
        ledger = input_ledger(tally.counts("input") | by_pupil, order.job)
        require_acceptable(ledger, order.job, order.subset, found.source.location)
        return words

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        tally = Tally()
        where = found.source.location
        with explained(where, expressions=expressions_of(order.job)):
            # Only the rules are looked at, before any history is made.
            tools = replace(self._tools, spread_pupils_above=None)
            _sequenced(order, raw_and_selection(order, found, tools), tally, tools)
            by_pupil = tally.recount("pupils") if pupil_rules(order.job.rules) else {}
            ledger = input_ledger(tally.recount("input") | by_pupil, order.job)
        require_acceptable(ledger, order.job, order.subset, where)
        return ledger


def _counted(order: Order, found: SubsetSource, tools: Tools) -> DataFrame:
    raw = tools.readers[found.source.format].read(found.source, partial(reads, order.job))
    selection = _selection(order, found, Everything(), tools)
    require_repeatable(raw, selection)
    return count_pupils(raw, order.job.spec, selection)


def _selection(order: Order, found: SubsetSource, share: Share, tools: Tools) -> Selection:
    job, read = order.job, tools.sessions().read.parquet
    assignment = read(share.location) if isinstance(share, Assigned) else None
    vocabularies = {column: ids_of(job, column, read) for column in encoded_columns(job.spec).values()}
    return Selection(
        columns=job.columns,
        row_filter=job.row_filter,
        share=share,
        duplicates=job.duplicates,
        folds=folds_of(job),
        assignment=assignment,
        vocabularies=vocabularies,
        pupil_sample=job.pupil_sample,
        is_text_input=found.source.format in _TEXT_FORMATS,
        rules=job.rules,
        references=job.references,
    )


def require_native(spec: SequenceSpec) -> None:
    """Raise `SpecificationError` for windows that no window function of Spark cuts."""
    require_cuts_allowed(spec, "execution is native", _TOGETHER)


def _require_shareable(order: Order, tools: Tools) -> None:
    """Raise where several tasks are to share a history that something needs whole."""
    if tools.spread_pupils_above is None:
        return
    is_whole = order.kind == "observations"
    reasons = (
        (is_whole, "output is observations, which keep each history together", "set output to sequences"),
        (order.job.split_context, "split_context is true, which needs whole histories", "set split_context to false"),
        (order.job.spec.explode is not None, "explode is set, which counts the elements before", "set explode to null"),
        (bool(pupil_rules(order.job.rules)), "rules look at whole histories (unique, max_per_pupil)", "drop those"),
    )
    for is_so, reason, otherwise in reasons:
        if is_so:
            problem = f"expected null where {reason}, found {tools.spread_pupils_above}"
            raise ConfigurationError("spread_pupils_above", problem, f"set it to null, or {otherwise}")


def _sequenced(order: Order, selected: tuple[DataFrame, Selection], tally: Tally, tools: Tools) -> DataFrame:
    raw, selection = selected
    further = (tools.spread_pupils_above, tools.watch)
    return select_and_sequence(raw, order.job.spec, selection, tally, order.kind, *further)


def raw_and_selection(order: Order, found: SubsetSource, tools: Tools) -> tuple[DataFrame, Selection]:
    """Return the raw table, and which rows of it to take."""
    job = order.job
    is_read = all_columns if order.kind == "observations" else partial(reads, job)
    raw = tools.readers[found.source.format].read(found.source, is_read)
    names = [*raw.columns, *job.columns]
    require_free_name(job.rules, names)
    share = share_of(job, order.subset, names, has_own_folder=found.has_own_folder)
    selection = _selection(order, found, share, tools)
    require_repeatable(raw, selection)
    return raw, selection


@dataclass(frozen=True)
class Product:
    """What has been written, and counted on the way."""

    selected: Callable[[], tuple[DataFrame, Selection]]
    """Returns what it was made of: the raw table, and which rows of it."""
    location: str
    """The run's folder."""
    columns: Mapping[str, str]
    """The type of every column by Spark's name, in the order of the columns."""
    files: list[WrittenFile]
    ledger: Ledger
    """It balances."""
    graph: Graph
    """The steps that were taken."""


def ledger_of(tally: Tally, order: Order, files: Sequence[WrittenFile]) -> Ledger:
    """Account for what Spark has counted, and others have written; raise where it does not add up."""
    ledger = balanced_ledger(tally, order.job, order.dataset)
    rows = sum(file.rows for file in files)
    if rows != rows_out(tally):
        raise StorageError(
            order.dataset,
            f"expected {rows_out(tally)} rows in the files that were written, found {rows}",
            "one run at a time may write here; run again",
        )
    return ledger


def accepted_manifest(order: Order, source: Source, run_id: str, product: Product, tools: Tools) -> Manifest:
    """Raise where a rule stops the run; write what rules put aside beside the product; return the account of both."""
    ledger = product.ledger
    require_acceptable(ledger, order.job, order.subset, source.location)
    with explained(source.location, product.location, expressions_of(order.job)):
        aside = quarantine(product.selected, order, ledger, tools.writer, product.location)
    made_by = {"spark": tools.sessions().version}
    written = Written(product.files, product.columns, ledger, made_by, product.graph, aside)
    return manifest_of(order, source, run_id, written, tools.clock())
