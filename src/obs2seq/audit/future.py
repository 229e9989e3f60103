"""Whether a feature's value at a position changes with what comes after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.audit import Finding
from obs2seq.domain.spec import FIRST_POSITION, IS_NEW, IS_PAD, SESSION_INDEX, SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.kernel.sequencing import sequence_table

_KEYS = ["pupil", "session", "position"]


def features_that_read_ahead(
    observations: pa.Table, spec: SequenceSpec, targets: Sequence[str] = ()
) -> Iterator[Finding]:
    """Find features that are others once each pupil's history ends in its middle.

    Memory holds the observations' sequences twice, value by value.

    Args:
        observations: Each pupil's together and in order, as `output: observations` publishes them.
        spec: What makes the sequences.
        targets: Features that a model is to predict.
    """
    spec = _with_counts_for_ids(spec)
    whole, begun = (
        _values(sequence_table(rows, spec), spec) for rows in (observations, first_halves(observations, spec))
    )
    both = begun.merge(whole, on=_KEYS, suffixes=("", " later"))
    for feature in spec.features:
        now, later = both[feature.output], both[f"{feature.output} later"]
        n = int(((now != later) & ~(now.isna() & later.isna())).sum())
        if n and feature.name not in targets:
            found = f"{n:,} of {len(both):,} values change when the pupil's future does"
            yield Finding(check="look_ahead", where=f"feature '{feature.name}'", found=found)


def _with_counts_for_ids(spec: SequenceSpec) -> SequenceSpec:
    """Let ids of elements, which whole observations have none of, be told by how often each has been there."""
    features = [
        {"name": each.name, "derive": "attempt_number", "of": each.of, "pad": each.pad, "shift": each.shift}
        if each.encode is not None and each.of == spec.explode
        else each
        for each in spec.features
    ]
    return SequenceSpec(**(dict(spec) | {"features": features}))


def first_halves(observations: pa.Table, spec: SequenceSpec) -> pa.Table:
    """Return the earlier half of each pupil's observations, at least one of each."""
    pupils = _codes(observations.column(spec.pupil))
    starts = np.flatnonzero(np.diff(pupils, prepend=-1))
    sizes = np.diff(starts, append=len(pupils))
    place = np.arange(len(pupils)) - np.repeat(starts, sizes)
    return observations.filter(pa.array(2 * place < np.repeat(sizes, sizes)))


def _values(sequences: pa.Table, spec: SequenceSpec) -> pd.DataFrame:
    """Return every new value, one row a position, with the pupil, the session and the position in it."""
    length = spec.sequence_length
    is_pad, is_new = (_flat(sequences, name).astype(bool) for name in (IS_PAD, IS_NEW))
    places = np.cumsum(~is_pad.reshape(-1, length), axis=1) - 1
    first = sequences.column(FIRST_POSITION).to_numpy()
    columns = {
        "pupil": np.repeat(_texts(sequences.column(spec.pupil)), length),
        "session": np.repeat(sequences.column(SESSION_INDEX).to_numpy(), length),
        "position": (places + first[:, None]).reshape(-1),
    }
    columns |= {feature.output: _flat(sequences, feature.output) for feature in spec.features}
    frame: pd.DataFrame = pd.DataFrame(columns).loc[is_new & ~is_pad]
    return frame


def _flat(sequences: pa.Table, name: str) -> Array:
    values: Array = pc.list_flatten(sequences.column(name)).to_pandas().to_numpy()
    return values


def _codes(pupils: pa.ChunkedArray) -> Array:
    codes: Array = pupils.combine_chunks().dictionary_encode().indices.fill_null(-2).to_numpy()
    return codes


def _texts(pupils: pa.ChunkedArray) -> Array:
    texts: Array = pupils.cast(pa.string()).to_numpy(zero_copy_only=False)
    return texts
