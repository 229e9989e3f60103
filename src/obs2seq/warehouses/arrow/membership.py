"""Which rows belong to a subset, told once for each pupil."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.columns import Array

Verdict = Callable[[pa.Array], Array]
"""Gives one number for each of some values, none of them null."""


class Verdicts:
    """What is said of values, remembered, so that each value is judged once.

    Args:
        judge: Asked once for each value; floats come as integers of the same bits.
        if_null: What is said of nulls.
    """

    def __init__(self, judge: Verdict, if_null: int = 0) -> None:
        self._judge = judge
        self._if_null = if_null
        self._lock = Lock()
        self._known: pa.Array | None = None
        self._verdicts: Array = np.zeros(0, np.uint8)

    def __reduce__(self) -> tuple[type[Verdicts], tuple[Verdict, int]]:
        """Let it travel to another process, which finds the verdicts anew."""
        return Verdicts, (self._judge, self._if_null)

    def of(self, column: pa.ChunkedArray) -> Array:
        """Return each row's verdict."""
        parts = [self._of_chunk(chunk) for chunk in column.chunks]
        return np.concatenate([np.zeros(0, np.uint8), *parts])

    def _of_chunk(self, chunk: pa.Array) -> Array:
        if pa.types.is_dictionary(chunk.type):
            verdicts = self._of_values(chunk.dictionary)
            return self._at(verdicts, chunk.indices)
        return self._of_values(bits(chunk))

    def _of_values(self, values: pa.Array) -> Array:
        known, verdicts = self._known, self._verdicts
        places = pc.index_in(values, known) if known is not None else pa.nulls(len(values), pa.int32())
        if places.null_count > values.null_count:
            known, verdicts = self._learn(pc.unique(values.filter(pc.is_null(places))).drop_null())
            places = pc.index_in(values, known)
        return self._at(verdicts, places)

    def _at(self, verdicts: Array, places: pa.Array) -> Array:
        """Return the verdicts at some places, those that are null among them."""
        if len(verdicts) == 0:
            return np.full(len(places), self._if_null, np.uint8)
        found: Array = verdicts[places.fill_null(0).to_numpy(zero_copy_only=False)]
        if places.null_count:
            found[places.is_null().to_numpy(zero_copy_only=False)] = self._if_null
        return found

    def _learn(self, values: pa.Array) -> tuple[pa.Array, Array]:
        with self._lock:
            new = values if self._known is None else values.filter(pc.invert(pc.is_in(values, self._known)))
            self._verdicts = np.concatenate([self._verdicts, self._judge(new)])
            self._known = new if self._known is None else pa.concat_arrays([self._known, new])
            return self._known, self._verdicts


def bits(chunk: pa.Array) -> pa.Array:
    """Take floats by their bits: Arrow counts -0.0 and 0.0 as one value, and their texts differ."""
    widths = {pa.float32(): pa.int32(), pa.float64(): pa.int64()}
    return chunk.view(widths[chunk.type]) if chunk.type in widths else chunk
