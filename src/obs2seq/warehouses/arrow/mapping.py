"""The settings' own columns and the row filter, over pieces of a raw table."""

from collections.abc import Collection, Sequence

import pyarrow as pa

from obs2seq.domain.job import Job
from obs2seq.kernel.columns import Array
from obs2seq.warehouses.arrow.pieces import Observations


class Mapping:
    """Adds the settings' columns to raw tables, as Spark's `withColumns` does: in the place of a column of that name.

    Args:
        observations: What is read.
        job: Names the columns and the filter.
    """

    def __init__(self, observations: Observations, job: Job) -> None:
        self._sources = {name: text for name, text in job.columns.items() if text in observations.names}
        self.names: Sequence[str] = _with_columns(observations.names, job.columns)
        """All columns after the mapping, those that nothing reads among them."""
        self.schema = self._schema(observations.schema)

    def mapped(self, raw: pa.Table) -> pa.Table:
        """Return a piece with the settings' columns."""
        made = {name: raw.column(text) for name, text in self._sources.items()}
        if not made:
            return raw
        kept = {name: raw.column(name) for name in raw.column_names if not _is_among(name, made)}
        columns = kept | made
        return pa.Table.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)

    def is_kept(self, table: pa.Table) -> Array | None:
        """Return for which rows the filter is true; None where there is none."""
        return None

    def _schema(self, raw: pa.Schema) -> pa.Schema:
        types = {name: raw.field(text).type for name, text in self._sources.items()}
        read = {name: raw.field(name).type for name in raw.names if not _is_among(name, types)} | types
        return pa.schema([(name, read[name]) for name in self.names if name in read])


def _with_columns(names: Sequence[str], made: Collection[str]) -> list[str]:
    by_small = {name.lower(): name for name in made}
    replaced = [by_small.get(name.lower(), name) for name in names]
    return [*replaced, *(name for name in made if name not in replaced)]


def _is_among(name: str, others: Collection[str]) -> bool:
    return name.lower() in {other.lower() for other in others}
