"""Whether two published runs hold the same, whoever made them; and if not, where they part, without telling a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.runs import MANIFEST
from obs2seq.domain.source import is_table
from obs2seq.domain.spec import SEQUENCE_INDEX
from obs2seq.errors import ConfigurationError
from obs2seq.kernel.columns import Array, load, load_pupils
from obs2seq.kernel.ordering import Ordering
from obs2seq.ports import Storage
from obs2seq.publishing import resolve
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.failures import unreadable
from obs2seq.warehouses.arrow.types import as_spark_reads, with_zone


@dataclass(frozen=True)
class PublishedRun:
    """A finished run, and where its files lie.

    Args:
        manifest: The run's.
        location: Its folder.
        parts: Gives a column in parts, where the files do not hold it as it is.
    """

    manifest: Manifest
    location: str
    parts: Callable[[str], Iterable[pa.ChunkedArray]] | None = None

    @property
    def pupil(self) -> str:
        """The column that names the pupils."""
        return str(self.manifest.settings["specification"]["pupil"])

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of all files, typed as Spark reads it."""
        is_instant = "timestamp" in self.manifest.columns[name] and "timestamp_ntz" not in self.manifest.columns[name]
        parts = list(self.parts(name)) if self.parts else [self._part(f.path, name) for f in self.manifest.files]
        types = {with_zone(part.type) if is_instant else part.type for part in parts}
        to = _large(as_spark_reads(types.pop())) if types else pa.null()
        chunks = [chunk.cast(to) for part in parts for chunk in part.chunks]
        return pa.chunked_array(chunks, to)

    def _part(self, path: str, name: str) -> pa.ChunkedArray:
        where = join(self.location, path)
        filesystem, file = opened(where)
        with unreadable(where), pq.ParquetFile(file, filesystem=filesystem, coerce_int96_timestamp_unit="us") as reader:
            return reader.read(columns=[name]).column(0)


def published_run(storage: Storage, location: str) -> PublishedRun:
    """Return the current run of a dataset, or the run of a folder `run_id=…`.

    Raises:
        ConfigurationError: A Delta table lies there.
        DataNotFoundError: Nothing is published there.
    """
    if is_table(storage.list_files(location)):
        raise ConfigurationError(
            location, "expected published Parquet, found a Delta table", "compare runs of output_format: parquet"
        )
    stored = storage.read_text(join(location, MANIFEST))
    if stored is not None:
        return PublishedRun(Manifest.from_text(stored.text, join(location, MANIFEST)), location)
    return PublishedRun(*resolve(storage, location))


def differences(first: PublishedRun, second: PublishedRun) -> list[str]:
    """Say in what two runs differ: columns, ledger, rows, and the first place of the first column that differs.

    Pupils are told by no more than the number of the row, in the order of pupil and index, from 0.
    """
    found = [*_columns(first, second), *_ledgers(first, second)]
    if first.manifest.rows != second.manifest.rows:
        found.append(f"rows: {first.manifest.rows:,} and {second.manifest.rows:,}")
    if not found and first.manifest.rows:
        found += _values(first, second)
    return found


def _large(type_: pa.DataType) -> pa.DataType:
    """Return the type whose offsets count beyond 2 GB: a column is compared in one piece."""
    if pa.types.is_list(type_):
        return pa.large_list(_large(type_.value_type))
    return pa.large_string() if pa.types.is_string(type_) else type_


def _columns(first: PublishedRun, second: PublishedRun) -> Iterator[str]:
    here, there = first.manifest.columns, second.manifest.columns
    for name in dict.fromkeys((*here, *there)):
        if here.get(name) != there.get(name):
            yield f"column '{name}': {here.get(name, 'missing')} and {there.get(name, 'missing')}"


def _ledgers(first: PublishedRun, second: PublishedRun) -> Iterator[str]:
    here, there = first.manifest.ledger, second.manifest.ledger
    counts = [(name, getattr(here, name), getattr(there, name)) for name in ("rows_in", "expanded", "sequenced")]
    for part in ("left_out", "noted"):
        names = sorted({*getattr(here, part), *getattr(there, part)})
        counts += [(name, getattr(here, part).get(name, 0), getattr(there, part).get(name, 0)) for name in names]
    yield from (f"ledger, {name}: {one:,} and {other:,}" for name, one, other in counts if one != other)


def _values(first: PublishedRun, second: PublishedRun) -> Iterator[str]:
    """Compare one column at a time: no more than two columns are in memory."""
    orders = [_order(run) for run in (first, second)]
    for name in first.manifest.columns:
        here, there = (
            run.column(name).combine_chunks().take(order) for run, order in zip((first, second), orders, strict=True)
        )
        place = _first_difference(here, there)
        if place is not None:
            yield f"column '{name}': first differs {place}"
            return


def _order(run: PublishedRun) -> pa.Array:
    """Order rows by pupil and index; whole observations by pupil alone, as their order is part of what they say."""
    pupils = load_pupils(run.column(run.pupil))
    ordering = Ordering(run.manifest.rows).refine(pupils.keys())
    if SEQUENCE_INDEX in run.manifest.columns:
        ordering.refine(load(run.column(SEQUENCE_INDEX)).keys())
    return pa.array(ordering.rows)


def _first_difference(here: pa.Array, there: pa.Array) -> str | None:
    if here.equals(there):
        return None
    if not pa.types.is_large_list(here.type):
        unequal = np.flatnonzero(_unequal(here, there))
        return f"in row {unequal[0]:,}" if len(unequal) else None
    lengths = [np.asarray(each.value_lengths().fill_null(-1)) for each in (here, there)]
    if (lengths[0] != lengths[1]).any():
        return f"in row {np.flatnonzero(lengths[0] != lengths[1])[0]:,}: the lists have different lengths"
    unequal = np.flatnonzero(_unequal(here.flatten(), there.flatten()))
    if len(unequal) == 0:
        return None
    ends = np.cumsum(np.maximum(lengths[0], 0))
    row = int(np.searchsorted(ends, unequal[0], side="right"))
    return f"in row {row:,}, at element {unequal[0] - (ends[row] - lengths[0][row])}"


def _unequal(here: pa.Array, there: pa.Array) -> Array:
    """Say where values differ; NaN is itself, and the sign of a zero counts."""
    if pa.types.is_nested(here.type):
        return np.array([one != other for one, other in zip(here.to_pylist(), there.to_pylist(), strict=True)])
    columns = load(pa.chunked_array([pa.concat_arrays([here, there])]))
    values = columns.values
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values).view(f"u{values.itemsize}")
    is_valid = columns.is_valid if columns.is_valid is not None else np.ones(len(values), bool)
    n = len(here)
    return np.asarray((is_valid[:n] != is_valid[n:]) | (is_valid[:n] & (values[:n] != values[n:])))
