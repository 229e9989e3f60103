"""Reads the values of windows and pads them: arrays of equal length, piece by piece."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.kernel.columns import Array, Column, as_arrow
from obs2seq.kernel.pads import Pad
from obs2seq.kernel.sessions import Sessions
from obs2seq.kernel.texts import with_text
from obs2seq.kernel.windows import Windows


@dataclass(frozen=True)
class PaddedFeature:
    """A feature's column, its pad as one of the column's numbers, and the texts that these are codes of, if any.

    The column has a value for each row; or, where `is_placed`, for each place of the order.
    """

    shift: int
    column: Column
    pad: Pad
    texts: pa.Array | None
    is_placed: bool = False

    @classmethod
    def of(cls, feature: Feature, column: Column, pad: Pad, *, is_placed: bool = False) -> "PaddedFeature":
        """Give a text pad a code of its own where it is none of the column's texts."""
        texts, number = with_text(column.texts, str(pad)) if column.texts is not None else (None, pad)
        return cls(feature.shift, column, number, texts, is_placed)

    def read(self, rows: Array, is_real: Array) -> pa.Array:
        """Return the values of some rows, and the pad where they are not real or null."""
        numbers = self.column.values.take(rows)
        is_known = is_real if self.column.is_valid is None else is_real & self.column.is_valid.take(rows)
        np.copyto(numbers, np.array(self.pad, numbers.dtype), where=~is_known)
        return as_arrow(numbers, self.column.type, self.texts)


@dataclass(frozen=True)
class Gatherer:
    """Makes the arrays of one piece of the output.

    Args:
        spec: With `sequence_length` and `pad_side`.
        order: The rows' numbers in order.
        sessions: All sessions.
        windows: All windows.
        pupils: The column that names the pupils.
        features: What to make lists of.
    """

    spec: SequenceSpec
    order: Array
    sessions: Sessions
    windows: Windows
    pupils: Column
    features: tuple[PaddedFeature, ...]

    def pupils_of(self, piece: slice) -> pa.Array:
        """Return the pupil of some windows."""
        return self.pupils.take(self.order[self.sessions.start[self.windows.session[piece]]])

    def arrays(self, piece: slice) -> list[pa.Array]:
        """Return the padding mask, the mask of new observations and each feature's values for some windows."""
        length = self.spec.sequence_length
        n, n_new = (column[piece, None] for column in (self.windows.n_observations, self.windows.n_new))
        step = np.arange(length) - (0 if self.spec.pad_side == "end" else length - n)
        is_real = (step >= 0) & (step < n)
        is_new = is_real & (step >= n - n_new)
        values = [as_arrow(mask.ravel().view(np.int8), pa.int8()) for mask in (~is_real, is_new)]
        position = self.windows.first_position[piece, None] + step
        kinds = {(feature.shift, feature.is_placed) for feature in self.features}
        sources = {kind: self._source(piece, position, is_real, *kind) for kind in kinds}
        values += [
            self._values(feature, piece, *sources[feature.shift, feature.is_placed]) for feature in self.features
        ]
        return [_lists(array, length) for array in values]

    def _values(self, feature: PaddedFeature, piece: slice, rows: Array, is_real: Array) -> pa.Array:
        if feature.column is self.pupils:
            # The same in all rows of a pupil: one row is found in the processor's cache, where the others are not.
            first = self.order[self.sessions.start[self.windows.session[piece]]]
            rows = np.repeat(first, self.spec.sequence_length)
        return feature.read(rows, is_real)

    def _source(
        self, piece: slice, position: Array, is_real: Array, shift: int, is_placed: bool
    ) -> tuple[Array, Array]:
        """Return for each element what to read, and whether there is that in the session; anything where not."""
        session = self.windows.session[piece]
        start, length = self.sessions.start[session, None], self.sessions.length[session, None]
        if shift:
            position = position + shift
            is_real = is_real & (position >= 0) & (position < length)
        places = (start + position).ravel()
        if is_placed:
            return np.clip(places, 0, len(self.order) - 1, out=places), is_real.ravel()
        return self.order.take(places, mode="clip"), is_real.ravel()


def _lists(values: pa.Array, length: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(values) + 1, length, dtype=np.int32)), values)
