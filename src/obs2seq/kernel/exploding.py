"""Observations in order, taken apart into elements: what stands at each place of the arrays from there on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from obs2seq.domain.derived import features_of_elements
from obs2seq.domain.exploding import element_type
from obs2seq.domain.features import Feature
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import id_column
from obs2seq.kernel.columns import Array, Column
from obs2seq.kernel.derived import Histories, Values, column_of
from obs2seq.kernel.lists import Lists, is_list
from obs2seq.kernel.schema import spark_type
from obs2seq.kernel.sessions import Sessions


@dataclass(frozen=True)
class Ordered:
    """Observations in order.

    Args:
        rows: Their rows' numbers.
        pupil_starts: The places at which histories start.
        sessions: All sessions.
        column: Gives a column of all rows by its name.
    """

    rows: Array
    pupil_starts: Array
    sessions: Sessions
    column: Callable[[str], Column]


class Elements:
    """The elements of all observations in order; what is called a place here is an element's.

    Args:
        observations: In order.
        lists: What of them is taken apart, by the column's name: of equal sizes.
        spec: Says which column is exploded.
    """

    def __init__(self, observations: Ordered, lists: Mapping[str, Lists], spec: SequenceSpec) -> None:
        self._observations, self._lists, self._spec = observations, lists, spec
        self._sizes: Array = next(iter(lists.values())).size[observations.rows]
        self.starts: Array = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._sizes)])
        """The place of each observation's first element; and behind them, how many elements there are."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def rows(self) -> Array:
        """The row that each element is of."""
        return np.repeat(self._observations.rows, self._sizes)

    @property
    def sessions(self) -> Sessions:
        """All sessions, in elements."""
        sessions, starts = self._observations.sessions, self.starts
        start = starts[sessions.start]
        context = None if sessions.context is None else starts[sessions.start + sessions.context] - start
        return replace(sessions, start=start, length=starts[sessions.start + sessions.length] - start, context=context)

    def expanded(self, is_context: Array) -> int:
        """Count the elements beyond the first of each observation, without those of rows that are context."""
        return int((self._sizes - 1)[~is_context[self._observations.rows]].sum())

    def columns(self) -> dict[str, Column]:
        """Return, by the name that stands for it, each column that has a value of its own at each place."""
        derived = features_of_elements(self._spec)
        used = {feature.column for feature in self._spec.features} | {feature.of for feature in derived.values()}
        exploded = {name: self._exploded(name) for name in self._lists if name in used}
        history = Histories(
            np.arange(len(self)),
            self.starts[self._observations.pupil_starts],
            lambda name: exploded[name] if name in exploded else self._repeated(name),
            self._spec.order_by[0],
        )
        numbered = {name: self._number(feature) for name, feature in derived.items() if feature.derive in _NUMBERS}
        others = {name: column_of(f, history, len(self)) for name, f in derived.items() if name not in numbered}
        return exploded | numbered | others

    def group(self) -> Values:
        """Number the observations of each session, at each of their places."""
        sessions = self._observations.sessions
        first = np.repeat(sessions.start, sessions.length)
        return np.repeat((np.arange(len(first)) - first).astype(np.int32), self._sizes), None

    def is_repeat(self) -> Values:
        """Mark each place of an observation but its first."""
        marks = np.ones(len(self), np.int32)
        marks[self.starts[:-1]] = 0
        return marks, None

    def _number(self, feature: Feature) -> Column:
        return Column(pa.int32(), *_NUMBERS[str(feature.derive)](self))

    def _exploded(self, name: str) -> Column:
        lists = self._lists[name]
        return lists.taken(lists.places(self._observations.rows))

    def _repeated(self, name: str) -> Column:
        column = self._observations.column(name)
        is_valid = None if column.is_valid is None else column.is_valid[self.rows]
        return replace(column, values=column.values[self.rows], is_valid=is_valid)


_NUMBERS: Mapping[str, Callable[[Elements], Values]] = {
    function.__name__: function for function in (Elements.group, Elements.is_repeat)
}


def exploded_columns(spec: SequenceSpec, columns: Mapping[str, pa.ChunkedArray]) -> tuple[str, ...]:
    """Return the names of the columns that are taken apart: the one that is exploded, and that of its ids."""
    return () if spec.explode is None else tuple(n for n in (spec.explode, id_column(spec.explode)) if n in columns)


def with_element_types(spec: SequenceSpec, columns: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Return columns of the types that features find, where some are taken apart: these are empty.

    Raises:
        DataError: One of them is neither a text nor an array of scalars.
    """
    apart = {}
    for name in exploded_columns(spec, columns):
        type_ = columns[name].type
        element_type(name, spark_type(type_))
        apart[name] = pa.chunked_array([], type_.value_type if is_list(type_) else type_)
    return {**columns, **apart}
