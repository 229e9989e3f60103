"""Where a run begins: the input's files are looked at, and what is to judge their rows is put together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from obs2seq.domain.reading import reads
from obs2seq.domain.rule_columns import require_keys
from obs2seq.domain.rule_sets import pupil_rules, require_free_name, with_severity
from obs2seq.domain.splits import Everything, Share
from obs2seq.ports import Source, Storage, all_columns
from obs2seq.warehouses.arrow.failures import changed
from obs2seq.warehouses.arrow.mapping import Mapping
from obs2seq.warehouses.arrow.pieces import Observations
from obs2seq.warehouses.arrow.quality import RowChecks
from obs2seq.warehouses.arrow.quarantine import columns_to_keep
from obs2seq.warehouses.arrow.reading import TEXT_FORMATS, read_observations
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.arrow.shares import Sample, Shares
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.arrow.vocabularies import with_ids
from obs2seq.warehouses.arrow.whole_rows import WholeRows
from obs2seq.warehouses.engine import Order
from obs2seq.warehouses.subsets import SubsetSource, share_of


def opened_observations(
    order: Order, found: SubsetSource, pool: Executor, *, is_of_all: bool = False, keeps_aside: bool = True
) -> tuple[Observations, Selection]:
    """Return what to read, and what judges it.

    Args:
        order: What is to be made of it.
        found: The files.
        pool: Where these are looked at.
        is_of_all: Whether all subsets are judged alike.
        keeps_aside: Whether rows that rules put aside are asked for, whole.

    Raises:
        UnfitError: Something is asked for that only Spark does.
        DataError: The files cannot be read as one table, or their columns do not fit.
        ConfigurationError: An expression or a rule does not fit the columns.
    """
    job = order.job
    is_whole = order.kind == "observations" or bool(with_severity(pupil_rules(job.rules), "quarantine"))
    is_first = all_columns if is_whole else partial(reads, job)
    # What else there is, is read of pieces alone that hold a row which goes aside.
    is_read = all_columns if keeps_aside and with_severity(job.rules, "quarantine") else is_first
    observations = read_observations(found.source, job, is_read, pool, is_first)
    mapping = with_ids(Mapping(observations, job), job, order.kind)
    require_free_name(job.rules, mapping.names)
    share = _share(order, mapping.names, found, is_of_all=is_of_all)
    shares = Sample(job.pupil_sample, job.spec, mapping.schema), Shares(share, job.spec, mapping.schema)
    names = tuple(mapping.names) if order.kind == "observations" else job.spec.columns
    names = columns_to_keep(job, names, tuple(mapping.names))
    is_text_input = found.source.format in TEXT_FORMATS
    whole = WholeRows(mapping, observations.rest)
    require_keys(job.rules, {field.name: spark_name(field.type) for field in whole.schema})
    checks = RowChecks(job, whole.schema) if job.rules else None
    return observations, Selection(
        mapping, shares, job.spec, names, is_text_input=is_text_input, checks=checks, whole=whole
    )


def require_unchanged(storage: Storage, source: Source) -> None:
    """Raise `DataError` where a file is no longer the one that the run is named after."""
    there = set(storage.list_files(source.location))
    if any(file not in there for file in source.files):
        raise changed(source.location)


def _share(order: Order, names: Sequence[str], found: SubsetSource, *, is_of_all: bool) -> Share:
    if is_of_all:
        return Everything()
    return share_of(order.job, order.subset, names, has_own_folder=found.has_own_folder)
