"""One run: the data of one subset, made and accounted for, in a folder of its own."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from obs2seq.domain.fingerprint import files_digest, fingerprint
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import InputSummary, Manifest
from obs2seq.domain.reading import reads
from obs2seq.errors import ConfigurationError, DataError, StorageError
from obs2seq.flow.dataflow import Kind, select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from obs2seq.ports import Source, Storage, WrittenFile, all_columns
from obs2seq.publishing import PublishedDataset
from obs2seq.version import __version__
from obs2seq.warehouses.accounts import balanced_ledger, input_ledger, require_acceptable, rows_out
from obs2seq.warehouses.expressions import require_repeatable
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.subsets import SubsetSource, share_of

if TYPE_CHECKING:
    from obs2seq.warehouses.spark import Tools

logger = logging.getLogger(__name__)
_TEXT_FORMATS = ("csv", "json")


@dataclass(frozen=True)
class Order:
    """What one run is to make."""

    job: Job
    subset: str
    kind: Kind
    dataset: str
    """The name of the folder that readers open."""


def make(order: Order, found: SubsetSource, dataset: PublishedDataset, tools: Tools) -> str:
    """Return the finished run of this order over this input, made now unless it has been made before.

    Raises:
        DataError: The input cannot be used.
        StorageError: Something refused, or the files that were written are not those that lie there.
    """
    identity = _identity(order, found.source)
    run_id = dataset.run_for(fingerprint(identity), force=order.job.force)
    dataset.clear_leftovers(run_id)
    if dataset.is_finished(run_id):
        logger.info("%s: run %s is finished already, nothing to do (--force makes it anew)", order.dataset, run_id)
        return run_id
    dataset.start(run_id)
    logger.info("%s: run %s of %d files, %d bytes", order.dataset, run_id, len(found.source.files), found.source.size)
    location = dataset.run_location(run_id)
    with _removed_where_refused(tools.storage, location):
        tally = Tally()
        with explained(found.source.location, output=location):
            frame = _frame(order, found, tally, tools)
            files = tools.writer.write(frame, location)
        manifest = _manifest(order, found.source, run_id, frame, files, tally, tools)
    dataset.seal(manifest)
    return run_id


def checked(order: Order, found: SubsetSource, tools: Tools) -> Ledger:
    """Return what the row rules would leave out, after one pass that makes nothing; raise where a run would stop."""
    tally = Tally()
    where = found.source.location
    with explained(where):
        _frame(order, found, tally, tools)
        ledger = input_ledger(tally.recount("input"))
    require_acceptable(ledger, order.job, order.subset, where)
    return ledger


@contextmanager
def _removed_where_refused(storage: Storage, location: str) -> Iterator[None]:
    """Leave no rows behind that a rule has refused: who opens the dataset's folder as a whole would read them."""
    try:
        yield
    except (DataError, ConfigurationError):
        with suppress(StorageError):
            storage.remove(location)
        raise


def _identity(order: Order, source: Source) -> dict[str, object]:
    """Everything that the result depends on, as JSON values."""
    state: object = files_digest(source.files)
    if source.table_commit is not None:
        # A table that was made anew begins again at version 0.
        state = [source.table_version, files_digest([source.table_commit])]
    return {
        "package": __version__,
        "kind": order.kind,
        "subset": order.subset,
        "settings": order.job.shape(),
        "input": [source.location, source.format, state],
    }


def _frame(order: Order, found: SubsetSource, tally: Tally, tools: Tools) -> DataFrame:
    job = order.job
    is_read = all_columns if order.kind == "observations" else partial(reads, job)
    raw = tools.readers[found.source.format].read(found.source, is_read)
    names = [*raw.columns, *job.columns]
    selection = Selection(
        columns=job.columns,
        row_filter=job.row_filter,
        share=share_of(job, order.subset, names, has_own_folder=found.has_own_folder),
        duplicates=job.duplicates,
        is_text_input=found.source.format in _TEXT_FORMATS,
    )
    require_repeatable(raw, selection)
    return select_and_sequence(raw, job.spec, selection, tally, order.kind)


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
    return Manifest(
        run_id=run_id,
        dataset=order.dataset,
        subset=order.subset,
        kind=order.kind,
        format=order.job.output_format,
        rows=rows,
        files=tuple(files),
        columns={field.name: field.dataType.simpleString() for field in frame.schema},
        settings=order.job.shape(),
        ledger=ledger,
        input=_input_summary(source),
        versions={"obs2seq": __version__, "spark": tools.sessions().version, "python": platform.python_version()},
        published_at=tools.clock().isoformat(),
    )


def _input_summary(source: Source) -> InputSummary:
    return InputSummary(
        location=source.location,
        format=source.format,
        files=len(source.files),
        bytes=source.size,
        files_digest=files_digest(source.files),
        table_version=source.table_version,
    )
