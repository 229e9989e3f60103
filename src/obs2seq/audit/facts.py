"""What a subset's sequences tell an audit, read in one pass, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.audit.hashing import position_hashes
from obs2seq.audit.runs import Rows, Tail, runs_of
from obs2seq.domain.derived import OF_ELEMENTS
from obs2seq.domain.exploding import IS_REPEAT
from obs2seq.domain.spec import IS_NEW, IS_PAD, SEQUENCE_INDEX, Feature, SequenceSpec
from obs2seq.kernel.columns import Array, flags_of, plain
from obs2seq.loading.data import SequenceData

MANY = 1 << 20
"""Of so many positions in all subsets and more, a share of the runs tells."""
_SAMPLE = 20_000
_WHOLE = {f"array<{name}>" for name in ("tinyint", "smallint", "int", "bigint")}


@dataclass(frozen=True)
class Twins:
    """The hash of each run of observations that is kept, once a pupil, and the pupil's place among the subset's."""

    hashes: Array
    pupils: Array
    alikeness: float
    """How likely two positions at random hold the same values: 1 where all do."""
    persistence: float
    """How likely they still do at the next position."""

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
class Asked:
    """What is wanted of every subset."""

    ids: Sequence[str]
    """The names of the features whose values are ids."""
    is_winnowed: bool
    """Whether there are so many runs that a share of them tells."""
    is_new_alone: bool
    """Whether what is not new in a sequence belongs to another subset."""


@dataclass(frozen=True)
class _Part:
    """What a piece of a subset tells."""

    pupils: pa.Array
    """Each once."""
    places: Array
    """Each run's pupil among them."""
    hashes: Array
    firsts: Array
    """Hashes of some positions."""
    pairs: Array
    """Hashes of each of them with the next."""
    values: Mapping[str, pa.Array]
    times: tuple[Any, Any] | None


def facts_of(subset: str, data: SequenceData, asked: Asked) -> SubsetFacts:
    """Read a subset's sequences once; memory holds its pupils, its ids, and 16 bytes a run that is kept.

    Args:
        subset: Its name.
        data: Its sequences.
        asked: What is wanted of it.
    """
    spec = data.spec
    columns = [spec.pupil, SEQUENCE_INDEX, IS_NEW, IS_PAD, *(feature.output for feature in _contents(spec))]
    columns += [] if spec.explode is None else [IS_REPEAT.output]
    parts = list(chain.from_iterable(data.each(lambda tables: _parts(tables, spec, asked), columns)))
    pupils = _distinct(part.pupils for part in parts)
    places = [pc.index_in(part.pupils, pupils).to_numpy()[part.places] for part in parts]
    hashes, firsts, pairs = (
        _joined([getattr(part, name) for part in parts], np.uint64) for name in ("hashes", "firsts", "pairs")
    )
    twins = Twins(*_once(hashes, _joined(places, np.int64)), *_likeness(firsts, pairs))
    values = {name: _distinct(part.values[name] for part in parts) for name in asked.ids}
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


def _parts(tables: Iterable[pa.Table], spec: SequenceSpec, asked: Asked) -> list[_Part]:
    """Look at a piece, some sequences at a time; the first ones of the piece give the sample."""
    parts: list[_Part] = []
    tail: Tail | None = None
    n_sampled = 0
    for table in tables:
        part, tail = _part(table, spec, asked, tail, _SAMPLE - n_sampled)
        n_sampled += len(part.firsts)
        parts.append(part)
    return parts


def _part(
    table: pa.Table, spec: SequenceSpec, asked: Asked, tail: Tail | None, sample: int
) -> tuple[_Part, Tail | None]:
    rows = _rows(table, spec)
    runs = runs_of(rows, tail, is_new_alone=asked.is_new_alone, is_winnowed=asked.is_winnowed, sample=max(sample, 0))
    pupils = rows.pupils.dictionary_encode()
    by_name = {feature.name: feature for feature in spec.features}
    time = spec.time_feature
    part = _Part(
        pupils=pupils.dictionary,
        places=pupils.indices.to_numpy()[runs.rows],
        hashes=runs.hashes,
        firsts=runs.firsts,
        pairs=runs.pairs,
        values={name: _known(table, by_name[name]) for name in asked.ids},
        times=None if time is None else _new_span(table, time),
    )
    return part, runs.tail


def _rows(table: pa.Table, spec: SequenceSpec) -> Rows:
    """Return observations by their position; of elements of one, which are alike together or not at all, the first."""
    shape = (len(table), spec.sequence_length)
    is_told = ~flags_of(table, IS_PAD)
    if spec.explode is not None:
        is_told &= ~flags_of(table, IS_REPEAT.output)
    return Rows(
        pupils=plain(table.column(spec.pupil)).combine_chunks(),
        indices=table.column(SEQUENCE_INDEX).to_numpy(),
        positions=_positions(table, spec),
        is_told=is_told.reshape(shape),
        is_new=flags_of(table, IS_NEW).reshape(shape),
    )


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


def _once(hashes: Array, pupils: Array) -> tuple[Array, Array]:
    """Return each hash once a pupil, in their order: a pupil's hundred right answers in a row are one run."""
    order = np.lexsort((pupils, hashes))
    hashes, pupils = hashes[order], pupils[order]
    is_first = np.ones(len(hashes), bool)
    is_first[1:] = (np.diff(hashes) != 0) | (np.diff(pupils) != 0)
    return hashes[is_first], pupils[is_first]


def _likeness(firsts: Array, pairs: Array) -> tuple[float, float]:
    """Return alikeness and persistence, as if one more were alike than there are: what is not seen may yet be."""
    n, alike, still = len(firsts), _n_alike(firsts), _n_alike(pairs)
    alikeness = (alike + 1) / (n * (n - 1) + 1)
    return alikeness, (still + alikeness) / (alike + 1)


def _n_alike(hashes: Array) -> float:
    """Return how many ordered pairs are alike."""
    in_order = np.sort(hashes)
    starts = np.flatnonzero(np.diff(in_order, prepend=~in_order[:1]))
    counts = np.diff(starts, append=len(hashes)).astype(float)
    return float((counts * (counts - 1)).sum())


def _span(spans: Iterable[tuple[Any, Any] | None]) -> tuple[Any, Any] | None:
    known = [span for span in spans if span is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def _distinct(parts: Iterable[pa.Array]) -> pa.Array:
    arrays = list(parts)
    return pa.chunked_array(arrays).unique() if arrays else pa.nulls(0)


def _joined(arrays: list[Array], type_: type[Any]) -> Array:
    return np.concatenate([np.zeros(0, type_), *arrays]).astype(type_)
