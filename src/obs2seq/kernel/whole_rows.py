"""Whole observations in the contract's order: whatever else stands in a row orders what the contract leaves tied."""

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from obs2seq.domain.columns import require_scalar
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.kernel.columns import Array, Key, load
from obs2seq.kernel.exploding import with_element_types
from obs2seq.kernel.loaded import LoadedColumns
from obs2seq.kernel.ordering import Ordering
from obs2seq.kernel.schema import find_columns, spark_type


def order_rows(table: pa.Table, spec: SequenceSpec, pool: Executor) -> tuple[Array, Array]:
    """Return the rows' numbers by pupil and total order, and for each whether it repeats the one before it.

    Ties that the contract leaves are ordered by the other columns, by name; maps have no order and are passed over.

    Raises:
        DataError: A column of the specification is missing, or is no scalar.
    """
    columns = LoadedColumns(require_scalars(table, spec), spec, pool)
    known = {name.lower() for name in observed_columns(spec)}
    others = [table.column(name) for name in sorted(table.column_names) if name.lower() not in known]
    ordering = Ordering(len(table)).refine(columns[spec.pupil].keys())
    is_repeated = ordering.refine(_keys(columns, spec, others)).ties()
    return ordering.refine(_signs(columns, spec, others)).rows, is_repeated


def require_scalars(table: pa.Table, spec: SequenceSpec) -> dict[str, pa.ChunkedArray]:
    """Return the columns of the specification; raise `DataError` where one is missing, or is no scalar.

    The one that is exploded, where a specification does so, may hold arrays.
    """
    chunks = find_columns(table, observed_columns(spec))
    for name, column in with_element_types(spec, chunks).items():
        require_scalar(name, spark_type(column.type))
    return chunks


def _keys(columns: LoadedColumns, spec: SequenceSpec, others: list[pa.ChunkedArray]) -> Iterator[Key]:
    for name in observed_columns(spec)[1:]:
        yield from columns.order_of(name).keys()
    for column in others:
        if _is_plain(column.type):
            yield from load(column).keys()
        elif _has_order(column.type):
            yield partial(_ranks, column)


def _signs(columns: LoadedColumns, spec: SequenceSpec, others: list[pa.ChunkedArray]) -> Iterator[Key]:
    for name in observed_columns(spec)[1:]:
        yield from columns.order_of(name).signs()
    for column in others:
        if pa.types.is_floating(column.type):
            yield from load(column).signs()


def _is_plain(type_: pa.DataType) -> bool:
    return not (pa.types.is_nested(type_) or pa.types.is_binary(type_) or pa.types.is_null(type_))


def _has_order(type_: pa.DataType) -> bool:
    """Whether values can be compared: not where a map is in them."""
    if pa.types.is_struct(type_):
        return all(_has_order(field.type) for field in type_)
    if pa.types.is_list(type_):
        return _has_order(type_.value_type)
    return not pa.types.is_map(type_)


def _ranks(column: pa.ChunkedArray, rows: Array | slice) -> Array:
    """Rank values that are no numbers and no texts; only rows that tie on all else are ever looked at."""
    taken = column if isinstance(rows, slice) else column.take(pa.array(rows))
    values = [_comparable(value) for value in taken.to_pylist()]
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = np.zeros(len(values), np.int64)
    rank = 0
    for before, here in zip(order[:1] + order, order, strict=False):
        rank += values[here] != values[before]
        ranks[here] = rank
    return ranks


def _comparable(value: Any) -> tuple[Any, ...]:
    """Put nulls first and NaN last, at every depth."""
    if value is None:
        return (0,)
    if isinstance(value, float):
        return (1, math.isnan(value), 0.0 if math.isnan(value) else value)
    if isinstance(value, dict):
        return (1, tuple(map(_comparable, value.values())))
    return (1, tuple(map(_comparable, value))) if isinstance(value, list) else (1, value)
