"""From pieces of a raw table to the observations of one subset: columns mapped, each row judged and counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain import rules
from obs2seq.domain.columns import require_columns
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.errors import DataError
from obs2seq.kernel.columns import Array
from obs2seq.kernel.lists import is_list
from obs2seq.kernel.schema import is_text
from obs2seq.warehouses.arrow.mapping import Mapping
from obs2seq.warehouses.arrow.quality import Checked, RowChecks
from obs2seq.warehouses.arrow.shares import Sample, Shares, column_name
from obs2seq.warehouses.arrow.types import CODED_TEXT, spark_name
from obs2seq.warehouses.arrow.whole_rows import WholeRows

ROWS_IN = "rows_in"
_REPLACEMENT = "\ufffd"
_YEAR_1_US = -62_135_596_800_000_000
_YEAR_10000_US = 253_402_300_800_000_000
_US_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Selected:
    """What is kept of a piece, and how many rows came in and were left out by which rule."""

    table: pa.Table
    counts: Counter[str]
    quarantined: Callable[[], pa.Table] | None = None
    """Returns, whole, the rows that rules of the settings put aside; None: there are none."""


class Selection:
    """Judges the rows of pieces; any number of threads may use it at the same time.

    Args:
        mapping: Makes the settings' columns and tells where the row filter is true.
        shares: Tells other subsets' rows, and those of pupils outside the sample.
        spec: Names pupil and time.
        names: The columns to keep.
        is_text_input: Whether the rows were decoded from text.
        checks: Try the settings' rules; None: there are none.
        whole: Returns whole rows; None: what is read first is all.

    Raises:
        DataError: A column is missing, or the time is no time.
    """

    def __init__(
        self,
        mapping: Mapping,
        shares: tuple[Sample, Shares],
        spec: SequenceSpec,
        names: tuple[str, ...],
        *,
        is_text_input: bool,
        checks: RowChecks | None = None,
        whole: WholeRows | None = None,
    ) -> None:
        columns = observed_columns(spec)
        require_columns(columns, mapping.names)
        self._whole = whole or WholeRows(mapping, pa.schema([]))
        self._mapping, (self._sample, self._shares), self._checks = mapping, shares, checks
        self._pupil, self._time = (column_name(mapping.schema, name) for name in (spec.pupil, spec.order_by[0]))
        self._names = [column_name(mapping.schema, name) for name in names]
        texts = [column_name(mapping.schema, name) for name in columns]
        self._texts = [name for name in texts if is_text_input and _holds_text(mapping.schema.field(name).type)]
        _require_time(self._time, mapping.schema.field(self._time).type)

    @property
    def schema(self) -> pa.Schema:
        """The columns that are kept; texts are coded, so that they are the same in every piece."""
        types = {name: self._mapping.schema.field(name).type for name in self._names}
        return pa.schema([(name, CODED_TEXT if type_ == pa.string() else type_) for name, type_ in types.items()])

    @property
    def whole_schema(self) -> pa.Schema:
        """All columns that are read, first or later, as they come from the mapping."""
        return self._whole.schema

    def select(self, raw: pa.Table, rest: Callable[[], pa.Table] | None = None) -> Selected:
        """Map and judge the rows of a piece; `rest` reads those of its columns that have waited."""
        table = self._mapping.mapped(raw)
        left_out: Array = np.zeros(len(table), bool)
        counts = Counter({ROWS_IN: len(table)})
        for rule, is_broken in self._broken(table):
            is_first = is_broken & ~left_out
            counts[rule] += int(np.count_nonzero(is_first))
            left_out |= is_first
        is_context = self._shares.context(table)
        if is_context is not None:
            counts[rules.OTHER_SUBSET] += int(np.count_nonzero(is_context & ~left_out))
        kept = pa.Table.from_arrays([_coded(table.column(name)) for name in self._names], schema=self.schema)
        checked = self._checked(table, left_out, is_context, counts)
        quarantined = None
        if checked is not None:
            quarantined = partial(self._quarantined, checked, table, raw, rest)
        return Selected(kept.filter(pa.array(~left_out)) if left_out.any() else kept, counts, quarantined)

    def _checked(
        self, table: pa.Table, left_out: Array, is_context: Array | None, counts: Counter[str]
    ) -> tuple[Checked, Array] | None:
        """Try the settings' rules on what the others leave; count and leave out what they put aside.

        Context that breaks a rule is left out too; the subset that it belongs to counts and keeps it.
        """
        if self._checks is None:
            return None
        checked = self._checks.check(table, ~left_out if left_out.any() else None, is_context)
        counts.update(checked.counts)
        if checked.is_left_out is None:
            return None
        is_aside: Array = np.zeros(len(table), bool)
        is_aside[~left_out] = checked.is_aside
        left_out[~left_out] = checked.is_left_out
        return checked, is_aside

    def _quarantined(
        self,
        found: tuple[Checked, Array],
        table: pa.Table,
        raw: pa.Table,
        rest: Callable[[], pa.Table] | None,
    ) -> pa.Table:
        checked, is_aside = found
        return checked.with_names(self._whole.of(table, raw, is_aside, rest))

    def _broken(self, table: pa.Table) -> Iterator[tuple[str, Array]]:
        """Yield the rules that some row may break, in the order in which they are tried, and which rows do."""
        yield from self._sample.left_out(table).items()
        is_kept = self._mapping.is_kept(table)
        if is_kept is not None:
            yield rules.FILTER, ~is_kept
        for name in self._texts:
            yield rules.NOT_UTF8, _has_replacement(table.column(name))
        for rule, name in ((rules.NULL_PUPIL, self._pupil), (rules.NULL_TIME, self._time)):
            if table.column(name).null_count:
                yield rule, table.column(name).is_null().to_numpy()
        if (is_outside := _is_out_of_range(table.column(self._time))) is not None:
            yield rules.TIME_OUT_OF_RANGE, is_outside
        yield from self._shares.left_out(table).items()


def _coded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.dictionary_encode() if column.type == pa.string() else column


def _holds_text(type_: pa.DataType) -> bool:
    if is_list(type_):
        return _holds_text(type_.value_type)
    return is_text(type_.value_type if pa.types.is_dictionary(type_) else type_)


def _has_replacement(column: pa.ChunkedArray) -> Array:
    if is_list(column.type):
        return _has_one_that(column, _has_replacement)
    texts = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    found: Array = pc.match_substring(texts, _REPLACEMENT).fill_null(False).to_numpy()
    return found


def _has_one_that(lists: pa.ChunkedArray, is_so: Callable[[pa.ChunkedArray], Array]) -> Array:
    """Return which lists hold a value that something is true for."""
    found = [np.zeros(len(chunk), bool) for chunk in lists.chunks]
    for chunk, has_one in zip(lists.chunks, found, strict=True):
        has_one[pc.list_parent_indices(chunk).to_numpy()[is_so(pa.chunked_array([chunk.flatten()]))]] = True
    return np.concatenate([np.zeros(0, bool), *found])


def _is_out_of_range(time: pa.ChunkedArray) -> Array | None:
    """Return which times lie outside the years 1 to 9999; None where none does."""
    if not pa.types.is_temporal(time.type):
        return None
    ticks = time.cast(pa.int32() if time.type == pa.date32() else pa.int64())
    unit = _US_PER_DAY if time.type == pa.date32() else 1
    least, most = pc.min_max(ticks).as_py().values()
    first, end = _YEAR_1_US // unit, _YEAR_10000_US // unit
    if least is None or (least >= first and most < end):
        return None
    numbers: Array = ticks.fill_null(0).to_numpy()
    return np.asarray((numbers < first) | (numbers >= end))


def _require_time(name: str, type_: pa.DataType) -> None:
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    if is_number or pa.types.is_timestamp(type_) or type_ == pa.date32():
        return
    raise DataError(
        "observations",
        f"expected the time column '{name}' to be a timestamp, a date or a number, found {spark_name(type_)}",
        f"map it under columns in the settings, for instance {name}: to_timestamp({name})",
    )
