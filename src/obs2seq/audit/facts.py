"""What a subset's sequences tell an audit, read in one pass, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.audit.hashing import position_hashes, sequence_hashes
from obs2seq.domain.derived import OF_ELEMENTS
from obs2seq.domain.exploding import IS_REPEAT
from obs2seq.domain.spec import IS_NEW, IS_PAD, Feature, SequenceSpec
from obs2seq.kernel.columns import Array, flags_of, plain
from obs2seq.loading.data import SequenceData

FEWEST_OBSERVATIONS = 10
"""Shorter sequences are alike by chance."""
_SAMPLE = 1_000
_WHOLE = {f"array<{name}>" for name in ("tinyint", "smallint", "int", "bigint")}


@dataclass(frozen=True)
class Twins:
    """The hash of each sequence that is long enough to tell, and its pupil's place among the subset's pupils."""

    hashes: Array
    pupils: Array
    alikeness: float
    """How likely two positions at random hold the same values: 1 where all do."""

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class SubsetFacts:
    """What one subset holds."""

    subset: str
    pupils: pa.Array
    """Each once."""
    twins: Twins
    values: Mapping[str, pa.Array]
    """The values of features that are ids, each once, by the feature's name."""
    times: tuple[Any, Any] | None
    """The first and the last time of what is new here, where a feature holds the time."""


@dataclass(frozen=True)
class _Part:
    """What a piece of a subset tells."""

    pupils: pa.ChunkedArray
    """Of each sequence that is long enough to tell."""
    positions: Array
    """Hashes of some positions."""
    hashes: Array
    values: Mapping[str, pa.Array]
    others: pa.Array
    """The pupils of all sequences, each once."""
    times: tuple[Any, Any] | None


def facts_of(subset: str, data: SequenceData, ids: Sequence[str]) -> SubsetFacts:
    """Read a subset's sequences once; memory holds its pupils, its ids, and 16 bytes a sequence.

    Args:
        subset: Its name.
        data: Its sequences.
        ids: The names of the features whose values are ids.
    """
    spec = data.spec
    columns = [spec.pupil, IS_PAD, *(feature.output for feature in _contents(spec))]
    columns += [IS_NEW] if spec.time_feature else []
    columns += [] if spec.explode is None else [IS_REPEAT.output]
    parts = list(chain.from_iterable(data.each(lambda tables: _parts(tables, spec, ids), columns)))
    pupils = _distinct(part.others for part in parts)
    places = [pc.index_in(part.pupils, pupils).to_numpy() for part in parts]
    hashes, positions = (
        _joined([getattr(part, name) for part in parts], np.uint64) for name in ("hashes", "positions")
    )
    twins = Twins(hashes, _joined(places, np.int64), _alikeness(positions))
    values = {name: _distinct(part.values[name] for part in parts) for name in ids}
    return SubsetFacts(subset, pupils, twins, values, _span([part.times for part in parts]))


def id_features(data: SequenceData) -> list[str]:
    """Return the features whose values are ids: texts, and whole numbers whose name or column ends with `id`."""
    columns = data.manifest.columns
    # An encoded value that the first subset does not hold is the id of unknown, and no id of its own.
    contents = (feature for feature in _contents(data.spec) if feature.encode is None)
    return [feature.name for feature in contents if _is_id(feature, columns[feature.output])]


def _contents(spec: SequenceSpec) -> list[Feature]:
    """Return the features that tell what was observed, not who by, nor how observations were taken apart."""
    return [each for each in spec.features if each.column != spec.pupil and each.derive not in OF_ELEMENTS]


def _is_id(feature: Feature, type_: str) -> bool:
    is_named_so = any(name.lower().endswith("id") for name in (feature.name, feature.column))
    return type_ == "array<string>" or (is_named_so and type_ in _WHOLE)


def _parts(tables: Iterable[pa.Table], spec: SequenceSpec, ids: Sequence[str]) -> list[_Part]:
    """Look at a piece, some sequences at a time; the first ones of the piece give the sample."""
    parts: list[_Part] = []
    for table in tables:
        n_looked_at = sum(len(part.hashes) for part in parts)
        parts.append(_part(table, spec, ids, max(_SAMPLE - n_looked_at, 0)))
    return parts


def _part(table: pa.Table, spec: SequenceSpec, ids: Sequence[str], sample: int) -> _Part:
    is_told = _is_told_once(table, spec)
    is_long = is_told.sum(axis=1) >= FEWEST_OBSERVATIONS
    positions = _positions(table, spec)
    by_name = {feature.name: feature for feature in spec.features}
    time = spec.time_feature
    return _Part(
        pupils=plain(table.column(spec.pupil)).filter(pa.array(is_long)),
        positions=positions[is_long][:sample][is_told[is_long][:sample]],
        hashes=sequence_hashes(positions)[is_long],
        values={name: _known(table, by_name[name]) for name in ids},
        others=plain(table.column(spec.pupil)).unique(),
        times=None if time is None else _new_span(table, time),
    )


def _is_told_once(table: pa.Table, spec: SequenceSpec) -> Array:
    """Return which positions of each sequence hold an observation, or the first element of one."""
    is_real = ~flags_of(table, IS_PAD)
    is_told = is_real if spec.explode is None else is_real & ~flags_of(table, IS_REPEAT.output)
    return np.asarray(is_told.reshape(-1, spec.sequence_length))


def _positions(table: pa.Table, spec: SequenceSpec) -> Array:
    contents = [table.column(feature.output) for feature in _contents(spec)]
    shape = (len(table), spec.sequence_length)
    return position_hashes(contents, spec.sequence_length) if contents else np.zeros(shape, np.uint64)


def _known(table: pa.Table, feature: Feature) -> pa.Array:
    """Return a feature's values, each once; the pad is none of them."""
    values = plain(pc.list_flatten(table.column(feature.output)).unique())
    return values.filter(pc.not_equal(values, pa.scalar(feature.pad).cast(values.type)))


def _new_span(table: pa.Table, time: Feature) -> tuple[Any, Any] | None:
    is_new = pc.equal(pc.list_flatten(table.column(IS_NEW)), 1)
    bounds = pc.min_max(pc.list_flatten(table.column(time.output)).filter(is_new)).as_py()
    return None if bounds["min"] is None else (bounds["min"], bounds["max"])


def _alikeness(positions: Array) -> float:
    """Return the share of pairs that are alike, a pair more than there are: what is not seen may yet be."""
    n = len(positions)
    counts = np.unique(positions, return_counts=True)[1].astype(float)
    return float(((counts * (counts - 1)).sum() + 1) / (n * (n - 1) + 1))


def _span(spans: Iterable[tuple[Any, Any] | None]) -> tuple[Any, Any] | None:
    known = [span for span in spans if span is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def _distinct(parts: Iterable[pa.Array]) -> pa.Array:
    arrays = list(parts)
    return pa.chunked_array(arrays).unique() if arrays else pa.nulls(0)


def _joined(arrays: list[Array], type_: type[Any]) -> Array:
    return np.concatenate([np.zeros(0, type_), *arrays]).astype(type_)
