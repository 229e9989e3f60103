"""The rows of a subset among what was read: by the pupil's hash, or by a column."""

import numpy as np
import pyarrow as pa

from obs2seq.domain import rules
from obs2seq.domain.columns import require_columns, require_scalar
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.split_times import TimeRange
from obs2seq.domain.splits import Assigned, ColumnValue, Everything, HashRange, Share, sample_range
from obs2seq.kernel.columns import Array
from obs2seq.warehouses.arrow.membership import Verdicts
from obs2seq.warehouses.arrow.spark_text import spark_text
from obs2seq.warehouses.arrow.split_times import Boundary
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.assignments import read_assignment

_OTHER, _UNKNOWN = 1, 2


class Shares:
    """Tells which rows a rule about subsets leaves out.

    Args:
        share: Which rows belong to the subset.
        spec: Names the pupil.
        schema: Of the tables to come.
    """

    def __init__(self, share: Share, spec: SequenceSpec, schema: pa.Schema) -> None:
        self._name, self._verdicts = _judged(share, spec, schema)
        self._times = Times(share, schema) if isinstance(share, TimeRange) else None

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules, in the order in which they are tried."""
        if self._times:
            return (rules.OTHER_SUBSET,)
        return (rules.UNKNOWN_SUBSET, rules.OTHER_SUBSET) if self._verdicts else ()

    def left_out(self, table: pa.Table) -> dict[str, Array]:
        """Return, by rule, which rows it leaves out."""
        if self._times:
            return {rules.OTHER_SUBSET: self._times.is_left_out(table)}
        if self._verdicts is None:
            return {}
        verdicts = self._verdicts.of(table.column(self._name))
        return {rules.UNKNOWN_SUBSET: verdicts == _UNKNOWN, rules.OTHER_SUBSET: verdicts == _OTHER}

    def context(self, table: pa.Table) -> Array | None:
        """Return which rows are no subset's own, and yet are kept, as context; None where none is."""
        return self._times.is_context(table) if self._times else None


class Times:
    """Tells which rows lie outside a range of time.

    Args:
        share: The range.
        schema: Of the tables to come.
    """

    def __init__(self, share: TimeRange, schema: pa.Schema) -> None:
        self._name = column_name(schema, share.column)
        type_ = schema.field(self._name).type
        first, end = (None if at is None else Boundary(at, self._name, type_) for at in (share.first, share.end))
        self._first, self._end, self._has_context = first, end, share.has_context

    def is_left_out(self, table: pa.Table) -> Array:
        """Return which rows lie outside, and are no context either."""
        times = table.column(self._name)
        is_left_out = ~self._end.is_before(times) if self._end else np.zeros(len(times), bool)
        if self._first and not self._has_context:
            is_left_out |= self._first.is_before(times)
        return np.asarray(is_left_out)

    def is_context(self, table: pa.Table) -> Array | None:
        """Return which rows are context; None where none can be."""
        return self._first.is_before(table.column(self._name)) if self._first and self._has_context else None


class Sample(Shares):
    """Tells which rows of pupils outside a sample a rule leaves out; null pupils are left to the rule about them.

    Args:
        share: The share of the pupils that is taken; None: all.
        spec: Names the pupil.
        schema: Of the tables to come.
    """

    def __init__(self, share: float | None, spec: SequenceSpec, schema: pa.Schema) -> None:
        super().__init__(Everything() if share is None else sample_range(share), spec, schema)

    def left_out(self, table: pa.Table) -> dict[str, Array]:
        """Return, by rule, which rows it leaves out."""
        found = super().left_out(table)
        return {rules.NOT_SAMPLED: found[rules.OTHER_SUBSET]} if found else {}


def _judged(share: Share, spec: SequenceSpec, schema: pa.Schema) -> tuple[str, Verdicts | None]:
    match share:
        case HashRange():
            name = column_name(schema, spec.pupil)
            type_ = schema.field(name).type
            return name, Verdicts(lambda values: _by_hash(share, _as_read(values, type_)))
        case ColumnValue():
            require_columns((share.column,), schema.names)
            name = column_name(schema, share.column)
            type_ = schema.field(name).type
            if pa.types.is_nested(type_):
                require_scalar(share.column, spark_name(type_))
            return name, Verdicts(lambda values: _by_name(share, _as_read(values, type_)), if_null=_UNKNOWN)
        case Assigned():
            name = column_name(schema, spec.pupil)
            type_, subsets = schema.field(name).type, _numbered(share)
            return name, Verdicts(lambda values: _by_assignment(subsets, _as_read(values, type_)))
        case TimeRange() | Everything():
            return "", None


def _by_hash(share: HashRange, pupils: pa.Array) -> Array:
    texts = spark_text(pupils, "the pupils")
    return np.fromiter((not share.holds_bytes(text) for text in texts), np.uint8, len(texts))


def _numbered(share: Assigned) -> dict[bytes, int]:
    """Return the verdict on each pupil that is assigned."""
    numbers = dict.fromkeys(share.known, _OTHER) | {share.subset: 0}
    assignment = read_assignment(share.location)
    return {pupil.encode(): numbers.get(subset, _UNKNOWN) for pupil, subset in assignment.items()}


def _by_assignment(subsets: dict[bytes, int], pupils: pa.Array) -> Array:
    texts = spark_text(pupils, "the pupils")
    return np.fromiter((subsets.get(text, _UNKNOWN) for text in texts), np.uint8, len(texts))


def _by_name(share: ColumnValue, subsets: pa.Array) -> Array:
    numbers = {name.encode(): _OTHER for name in share.known} | {share.subset.encode(): 0}
    texts = spark_text(subsets, f"the subsets in '{share.column}'")
    return np.fromiter((numbers.get(text, _UNKNOWN) for text in texts), np.uint8, len(texts))


def _as_read(values: pa.Array, type_: pa.DataType) -> pa.Array:
    """Give bits the type of their column back."""
    return values.view(type_) if pa.types.is_floating(type_) else values


def column_name(schema: pa.Schema, name: str) -> str:
    """Return a column's own spelling of its name; names match without regard to case."""
    spellings: list[str] = schema.names
    return next(each for each in spellings if each.lower() == name.lower())
