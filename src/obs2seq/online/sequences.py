"""Makes one sequence: a window of a session as the contract's output columns."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from obs2seq.domain.spec import (
    FIRST_POSITION,
    IS_NEW,
    IS_PAD,
    N_OBSERVATIONS,
    SEQUENCE_INDEX,
    SESSION_INDEX,
    SequenceSpec,
)
from obs2seq.online.history import Session
from obs2seq.online.windows import Window

Row = dict[str, Any]


class SequenceMaker:
    """Makes sequences of one pupil.

    Args:
        spec: What they are made of.
        pads: One a feature, as values of its column.
        columns: The columns that features read, as sessions hold them.
    """

    def __init__(self, spec: SequenceSpec, pads: Sequence[Any], columns: Sequence[str]) -> None:
        self._spec = spec
        self._features = [
            (feature.output, columns.index(feature.column), feature.shift, pad)
            for feature, pad in zip(spec.features, pads, strict=True)
        ]

    def make(self, pupil: Any, session: Session, session_index: int, window: Window, sequence_index: int) -> Row:
        """Return a window of a session; only what it is made of must still be there."""
        first, n, n_new = window
        row = {
            self._spec.pupil: pupil,
            SESSION_INDEX: session_index,
            SEQUENCE_INDEX: sequence_index,
            FIRST_POSITION: first,
            N_OBSERVATIONS: n,
            IS_PAD: self._padded([0] * n, 1),
            IS_NEW: self._padded([0] * (n - n_new) + [1] * n_new, 0),
        }
        for output, column, shift, pad in self._features:
            row[output] = self._padded(_read(session, column, window, shift, pad), pad)
        return row

    def _padded(self, values: list[Any], pad: Any) -> list[Any]:
        padding = repeat(pad, self._spec.sequence_length - len(values))
        return [*padding, *values] if self._spec.pad_side == "start" else [*values, *padding]


def _read(session: Session, column: int, window: Window, shift: int, pad: Any) -> list[Any]:
    """Return the values of a window, so many positions later; the pad where there is none in the session."""
    start, stop = window.first + shift, window.first + shift + window.n_observations
    before, after = (min(max(place, 0), session.length) - session.forgotten for place in (start, stop))
    values = session.columns[column][before:after]
    if None in values:
        values = [pad if value is None else value for value in values]
    if len(values) == window.n_observations:
        return values
    n_before = min(max(-start, 0), window.n_observations)
    return [pad] * n_before + values + [pad] * (window.n_observations - n_before - len(values))
