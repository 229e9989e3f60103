"""A few sequences to draw: which cells are alike, and which are padding; no pupil and no value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.spec import IS_NEW, IS_PAD, Feature, SequenceSpec
from obs2seq.kernel.columns import plain

COLOURS = 6
_SEQUENCES = 12
_POSITIONS = 120

PADDING, REPEATED = -1, -2


@dataclass(frozen=True)
class Sample:
    """Rows of cells for one feature: a colour from 0 on, `PADDING`, or `REPEATED` for what an earlier sequence has."""

    feature: str
    rows: Sequence[Sequence[int]]


def samples_of(table: pa.Table, spec: SequenceSpec) -> list[Sample]:
    """Return the first positions of some sequences, from the longest to the shortest of an even choice."""
    chosen = table.take(np.unique(np.linspace(0, len(table) - 1, _SEQUENCES).astype(int))) if len(table) else table
    features = [feature for feature in spec.features if feature.column != spec.pupil]
    return [Sample(feature.name, _cells(chosen, feature, spec.sequence_length)) for feature in features]


def _cells(table: pa.Table, feature: Feature, length: int) -> list[list[int]]:
    values = plain(pc.list_flatten(table.column(feature.output)))
    ranks = pc.rank(values, tiebreaker="dense").to_numpy().astype(int) - 1
    most = max(int(ranks.max(initial=0)), 1)
    colours = ranks if most < COLOURS else ranks * (COLOURS - 1) // most
    is_pad, is_new = (pc.list_flatten(table.column(name)).to_numpy() for name in (IS_PAD, IS_NEW))
    cells = np.where(is_pad == 1, PADDING, np.where(is_new == 1, colours, REPEATED)).reshape(-1, length)
    return [[int(cell) for cell in row] for row in cells[:, :_POSITIONS]]
