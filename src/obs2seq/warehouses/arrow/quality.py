"""The settings' quality rules over tables: rows are judged alone as pieces are read, or beside others of a pupil."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from obs2seq.domain.job import Job
from obs2seq.domain.predicates import kept_where
from obs2seq.domain.quality import BROKEN_RULES, Predicate, PupilRule, RowRule, Unique
from obs2seq.domain.rule_sets import pupil_rules, row_rules, with_severity
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array, Column, Key, load, load_pupils
from obs2seq.kernel.ordering import Ordering
from obs2seq.warehouses.arrow.coded import by_text
from obs2seq.warehouses.arrow.expressions.columns import Columns
from obs2seq.warehouses.arrow.mapping import expression, require_condition
from obs2seq.warehouses.arrow.shares import Times, column_name
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.subsets import context_of

if TYPE_CHECKING:
    from obs2seq.warehouses.arrow.expressions.expression import Expression


_NAMES = pa.field(BROKEN_RULES, pa.list_(pa.string()))


@dataclass(frozen=True)
class Checked:
    """What rules say of the rows of a table.

    Args:
        is_left_out: Which rows go aside, or are context that would; None: none is.
        is_aside: Which rows go aside.
        counts: The rows that each rule puts aside, or notes; context apart.
        broken: For each rule by its name, which of the rows that go aside break it; none where none goes.
    """

    is_left_out: Array | None
    is_aside: Array
    counts: Counter[str]
    broken: Mapping[str, Array]

    def with_names(self, rows: pa.Table, before: Mapping[str, Array] | None = None) -> pa.Table:
        """Return the rows that go aside with the names of the rules that they break; `before` tells of further ones."""
        return rows.append_column(_NAMES, _listed({**(before or {}), **self.broken}))


class RowChecks:
    """Tries the rules that look at a row alone; any number of threads may use it at the same time.

    Args:
        job: Has the rules.
        schema: Of the tables to come, mapped.

    Raises:
        ConfigurationError: A rule names what is not there, or cannot be computed as Spark would.
        DataError: No row can keep a rule whose severity is to fail.
    """

    def __init__(self, job: Job, schema: pa.Schema) -> None:
        self._rules = row_rules(job.rules)
        types = {field.name: spark_name(field.type) for field in schema}
        kept = {rule.name: kept_where(rule, types, job.references) for rule in self._rules}
        self._if_null = {name: condition.if_null for name, condition in kept.items()}
        self._kept = {rule.name: _condition(rule, kept[rule.name].text, schema) for rule in self._rules}

    def check(self, table: pa.Table, is_left: Array | None = None, is_context: Array | None = None) -> Checked:
        """Judge the rows of a table, or those of them that are left; some may be context."""
        if is_left is not None:
            columns = {name for kept in self._kept.values() for name in kept.columns}
            # A table of no columns has no rows either.
            table = table.select(sorted(columns) or table.column_names[:1]).filter(pa.array(is_left))
            is_context = None if is_context is None else is_context[is_left]
        return _parted(self._rules, self._all_broken(table, self._kept), len(table), is_context)

    def noted(self, rows: pa.Table) -> dict[str, Array]:
        """Return which rows break each of the rules that note them: what others may put aside later."""
        return self._all_broken(rows, with_severity(self._rules, "warn"))

    def _all_broken(self, table: pa.Table, names: Iterable[str]) -> dict[str, Array]:
        together = Columns(table)
        return {name: self._broken(name, table, together) for name in names}

    def _broken(self, name: str, table: pa.Table, columns: Columns) -> Array:
        if_null = self._if_null[name]
        by_code = by_text(self._kept[name], table, if_null=if_null)
        if by_code is not None:
            return ~by_code
        kept = self._kept[name].values_of(columns).cast(pa.bool_()).fill_null(if_null)
        broken: Array = ~kept.to_numpy(zero_copy_only=False).astype(bool, copy=False)
        return broken


class PupilChecks:
    """Tries the rules over pupils on tables that hold all observations of some.

    Args:
        job: Has the rules.
        subset: Whose observations are judged; what comes along as context counts for the pupil, and for no rule.
        schema: Of the tables to come.
    """

    def __init__(self, job: Job, subset: str, schema: pa.Schema) -> None:
        self._rules, self._spec = pupil_rules(job.rules), job.spec
        context = context_of(job, subset)
        self._times = Times(context, schema) if context else None
        keys = {name.lower(): name for rule in self._rules if isinstance(rule, Unique) for name in rule.columns}
        known = {name.lower() for name in job.spec.columns}
        further = [name for small, name in sorted(keys.items()) if small not in known]
        self._order = [column_name(schema, name) for name in (*_order(job.spec), *further)]
        self._pupil = column_name(schema, job.spec.pupil)

    def check(self, table: pa.Table) -> Checked:
        """Judge the rows of a table."""
        is_context = self._times.is_context(table) if self._times else None
        columns = _Loaded(table, self._pupil)
        broken = {rule.name: self._broken(rule, columns, len(table)) for rule in self._rules}
        return _parted(self._rules, broken, len(table), is_context)

    def _broken(self, rule: PupilRule, columns: _Loaded, n_rows: int) -> Array:
        if isinstance(rule, Unique):
            return self._repeated(rule, columns, n_rows)
        ordering = Ordering(n_rows).refine(columns[self._pupil].keys())
        starts = ordering.starts()
        lengths = np.diff(np.append(starts, n_rows))
        broken: Array = np.zeros(n_rows, bool)
        broken[ordering.rows] = np.repeat(lengths > rule.most, lengths)
        return broken

    def _repeated(self, rule: Unique, columns: _Loaded, n_rows: int) -> Array:
        """All but the first, in the total order, of the rows that are alike."""
        names = [columns.name(name) for name in rule.columns]
        keys = chain.from_iterable(columns[name].keys() for name in names)
        ordering = Ordering(n_rows).refine(keys)
        is_repeated = ordering.ties()
        rows = ordering.refine(self._keys(columns)).rows
        broken: Array = np.zeros(n_rows, bool)
        broken[rows] = is_repeated
        for name in names:
            is_valid = columns[name].is_valid
            broken = broken if is_valid is None else broken & is_valid
        return broken

    def _keys(self, columns: _Loaded) -> Iterator[Key]:
        for name in self._order:
            yield from columns[name].keys()
        for name in self._order:
            yield from columns[name].signs()


def pupil_checks(job: Job, subset: str, schema: pa.Schema) -> PupilChecks | None:
    """Return what tries the rules over pupils; None where there are none."""
    return PupilChecks(job, subset, schema) if pupil_rules(job.rules) else None


class _Loaded:
    """A table's columns, read when they are asked for."""

    def __init__(self, table: pa.Table, pupil: str) -> None:
        self._table, self._pupil = table, pupil
        self._known: dict[str, Column] = {}

    def name(self, name: str) -> str:
        return column_name(self._table.schema, name)

    def __getitem__(self, name: str) -> Column:
        if name not in self._known:
            self._known[name] = (load_pupils if name == self._pupil else load)(self._table.column(name))
        return self._known[name]


def quarantine_schema(schema: pa.Schema) -> pa.Schema:
    """Return the columns of quarantined rows."""
    return schema.append(_NAMES)


def _parted(
    rules: Sequence[RowRule | PupilRule], broken: Mapping[str, Array], n_rows: int, is_context: Array | None
) -> Checked:
    """Part the rows by the first rule that puts them aside; count what each puts aside, or else notes."""
    is_own: Array = np.ones(n_rows, bool) if is_context is None else ~is_context
    aside: Array = np.zeros(n_rows, bool)
    counts: Counter[str] = Counter()
    is_met = {name: bool(flag.any()) for name, flag in broken.items()}
    for name in with_severity(rules, "quarantine"):
        counts[name] = int(np.count_nonzero(broken[name] & ~aside & is_own)) if is_met[name] else 0
        aside |= broken[name]
    for name in with_severity(rules, "warn"):
        counts[name] = int(np.count_nonzero(broken[name] & ~aside & is_own)) if is_met[name] else 0
    for name in with_severity(rules, "fail"):
        counts[name] = int(np.count_nonzero(broken[name] & is_own)) if is_met[name] else 0
    is_any = bool(aside.any())
    flags = {name: flag[aside & is_own] for name, flag in broken.items()} if is_any else {}
    return Checked(aside if is_any else None, aside & is_own, counts, flags)


def _listed(flags: Mapping[str, Array]) -> pa.Array:
    """Return for each row the names of its flags, in their order."""
    if not flags:
        return pa.array([], _NAMES.type)
    matrix = np.stack(list(flags.values()), axis=1)
    ends = np.cumsum(matrix.sum(axis=1, dtype=np.int32), dtype=np.int32)
    names = pa.array(list(flags), pa.string()).take(pa.array(np.nonzero(matrix)[1]))
    return pa.ListArray.from_arrays(np.concatenate([np.zeros(1, np.int32), ends]), names)


def _order(spec: SequenceSpec) -> list[str]:
    return [name for name in (*spec.order_by, *spec.tie_breakers) if name != spec.pupil]


def _condition(rule: RowRule, text: str, schema: pa.Schema) -> Expression:
    found = expression(rule.setting, text, schema)
    if isinstance(rule, Predicate):
        require_condition(rule.setting, found.type)
    return found
