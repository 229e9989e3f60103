"""The settings' own columns and the row filter, over pieces of a raw table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from obs2seq.domain.job import Job
from obs2seq.errors import ConfigurationError
from obs2seq.kernel.columns import Array
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.arrow.pieces import Observations
from obs2seq.warehouses.arrow.types import spark_name

if TYPE_CHECKING:
    from obs2seq.warehouses.arrow.expressions.expression import Expression


class Mapping:
    """Adds the settings' columns to raw tables, as Spark's `withColumns` does: in the place of a column of that name.

    Args:
        observations: What is read.
        job: Names the columns and the filter.

    Raises:
        ConfigurationError: An expression is none, or cannot be computed as Spark would; or the filter is no condition.
    """

    def __init__(self, observations: Observations, job: Job) -> None:
        raw = observations.schema
        self._sources = {name: text for name, text in job.columns.items() if text in observations.names}
        self._made = {
            name: expression(f"columns.{name}", text, raw)
            for name, text in job.columns.items()
            if name not in self._sources
        }
        self.names: Sequence[str] = with_columns(observations.names, job.columns)
        """All columns after the mapping, those that nothing reads among them."""
        self.schema = self._schema(raw)
        self._filter = _filter(job.row_filter, self.schema, self.names)

    def mapped(self, raw: pa.Table) -> pa.Table:
        """Return a piece with the settings' columns; raise `DataError` where a row has no value."""
        made = {name: raw.column(text) for name, text in self._sources.items()}
        made |= {name: pa.chunked_array([made_by.values(raw)]) for name, made_by in self._made.items()}
        if not made:
            return raw
        columns = {name: raw.column(name) for name in raw.column_names if not _is_among(name, made)} | made
        return pa.Table.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)

    def is_kept(self, table: pa.Table) -> Array | None:
        """Return for which rows of a mapped piece the filter is true; None where there is none."""
        if self._filter is None:
            return None
        if isinstance(self._filter, str):
            condition = table.column(self._filter).combine_chunks()
        else:
            condition = self._filter.values(table)
        kept: Array = condition.cast(pa.bool_()).fill_null(False).to_numpy(zero_copy_only=False)
        return kept.astype(np.bool_)

    def _schema(self, raw: pa.Schema) -> pa.Schema:
        types = {name: raw.field(text).type for name, text in self._sources.items()}
        types |= {name: made_by.type for name, made_by in self._made.items()}
        read = {name: raw.field(name).type for name in raw.names if not _is_among(name, types)} | types
        return pa.schema([(name, read[name]) for name in self.names if name in read])


def _filter(text: str | None, schema: pa.Schema, names: Sequence[str]) -> Expression | str | None:
    """Return what tells the rows to keep: a column, an expression or nothing."""
    if text is None:
        return None
    is_column = text in names
    found = text if is_column else expression("row_filter", text, schema)
    require_condition("row_filter", schema.field(text).type if isinstance(found, str) else found.type)
    return found


def require_condition(setting: str, type_: pa.DataType) -> None:
    """Raise `ConfigurationError` unless values of a type can be true, false or null."""
    if type_ not in (pa.bool_(), pa.null()):
        raise ConfigurationError(setting, f"expected a condition, found an expression of type {spark_name(type_)}")


def expression(setting: str, text: str, schema: pa.Schema) -> Expression:
    """Return what computes an expression; raise `ConfigurationError` where it cannot, or where sqlglot is missing."""
    try:
        from obs2seq.warehouses.arrow.expressions.expression import Expression
    except ModuleNotFoundError as error:
        problem = f"expected what reads expressions to be installed, found no module '{error.name}'"
        raise UnfitError(setting, problem, "pip install 'obs2seq[arrow]'") from error
    return Expression(setting, text, schema)


def with_columns(names: Sequence[str], made: Collection[str]) -> list[str]:
    """Return the names of columns after others are made, which take the places of those of their names."""
    by_small = {name.lower(): name for name in made}
    replaced = [by_small.get(name.lower(), name) for name in names]
    return [*replaced, *(name for name in made if name not in replaced)]


def _is_among(name: str, others: Collection[str]) -> bool:
    return name.lower() in {other.lower() for other in others}
