"""Exploding once more, as directly as it can be said: in plain Python, sharing no code with any engine.

Observations are rows (dicts), the specification is in its JSON form, with or without the two features that exploding
adds. Duplicates, order, sessions and what is derived are of observations; positions, shifts and windows of elements.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

ADDED = [{"name": "group", "derive": "group", "pad": -1}, {"name": "is_repeat", "derive": "is_repeat", "pad": 0}]


@dataclass(frozen=True)
class Expected:
    """`sequences` by pupil (nulls first) and sequence_index; `counts` as the ledger has them, none left out at 0."""

    sequences: list[Row]
    counts: dict[str, int]


@dataclass(frozen=True)
class Element:
    """`index` is its place in its observation, whose place in the session is `group`."""

    row: Row
    value: Any
    index: int
    group: int
    is_context: bool
    derived: Row


@dataclass(frozen=True)
class Window:
    session: int
    elements: list[Element]
    positions: list[int]
    is_new: list[bool]


def exploded(
    rows: list[Row],
    spec: Row,
    *,
    drops_duplicates: bool = False,
    is_context: Callable[[Row], bool] = lambda row: False,
    ids: Mapping[str, Mapping[Any, int]] | None = None,
) -> Expected:
    """Return what any engine must make of observations.

    Args:
        rows: In any order.
        spec: With `explode`.
        drops_duplicates: Whether rows that repeat another in all that is read are left out.
        is_context: Which rows are context, each pupil's earliest.
        ids: For each column that is encoded, the ids of its vocabulary's values.
    """
    counts = {"rows_in": 0, "expanded": 0, "sequenced": 0, "duplicate": 0, "min_length": 0, "max_sequences": 0}
    histories: dict[Any, list[Row]] = {}
    for row in rows:
        counts["rows_in"] += not is_context(row)
        histories.setdefault(row[spec.get("pupil", "pupilid")], []).append(row)
    made = []
    for pupil in sorted(histories, key=_rank):
        made += _of_pupil(histories[pupil], spec, drops_duplicates, is_context, counts, ids or {})
    return Expected(made, counts)


def elements_of(value: Any, delimiter: str = ",") -> list[Any]:
    """Return the elements of one observation's value."""
    if value is None:
        return [None]
    if isinstance(value, str):
        parts = [part.strip(" ") for part in value.split(delimiter)]
        return [part if part else None for part in parts]
    return [None] if len(value) == 0 else list(value)


def features_of(spec: Row) -> list[Row]:
    """Return the features with those that exploding adds."""
    names = {feature["name"] for feature in spec["features"]}
    return [*spec["features"], *(feature for feature in ADDED if feature["name"] not in names)]


def _of_pupil(history, spec, drops_duplicates, is_context, counts, ids):
    read = {name for feature in features_of(spec) for name in _reads(feature)}
    columns = [*spec["order_by"], *sorted(read - set(spec["order_by"]) - {spec.get("pupil", "pupilid")})]
    history = sorted(history, key=lambda row: _key([row[column] for column in columns]))
    kept = []
    for row in history:
        repeats = bool(kept) and [_rank(kept[-1][name]) for name in columns] == [_rank(row[name]) for name in columns]
        counts["duplicate"] += repeats and not is_context(row)
        if not (repeats and drops_duplicates):
            kept.append(row)
    sessions = _elements(kept, spec, is_context)
    counts["expanded"] += sum(not each.is_context and each.index > 0 for session in sessions for each in session)
    windows = [window for i, session in enumerate(sessions) for window in _windows(i, session, spec)]
    long_enough = [window for window in windows if len(window.elements) >= spec.get("min_length", 1)]
    with_more = [window for window in long_enough if not all(each.is_context for each in window.elements)]
    most = spec.get("max_sequences_per_pupil")
    last = with_more if most is None else with_more[-most:]
    new = {id(window): sum(window.is_new) for window in windows}
    counts["min_length"] += sum(new.values()) - sum(new[id(window)] for window in long_enough)
    counts["max_sequences"] += sum(new[id(window)] for window in long_enough) - sum(new[id(w)] for w in last)
    counts["sequenced"] += sum(new[id(window)] for window in last)
    return [_made(index, window, sessions[window.session], spec, ids) for index, window in enumerate(last)]


def _reads(feature):
    if feature.get("derive") or feature.get("encode"):
        of = feature.get("of") or (feature.get("column") if feature.get("encode") else None)
        return [of] if of else []
    return [feature["column"]]


def _key(values):
    """Both zeros are equal, as numbers are; where nothing else tells rows apart, the negative ones come first."""
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    signs = [math.copysign(1, value) for value in flat if isinstance(value, float) and value == 0]
    return [_rank(value) for value in values], signs


def _rank(value):
    """Nulls first, NaN last; arrays by their members, one that another goes on from before it."""
    if value is None:
        return (0, 0)
    if isinstance(value, list):
        return (1, [_rank(each) for each in value])
    if isinstance(value, float) and math.isnan(value):
        return (2, 0)
    return (1, value)


def _elements(history, spec, is_context):
    """Return the elements of each session, with what is derived for each."""
    gap, time = spec.get("session_gap_seconds"), spec["order_by"][0]
    sessions: list[list[Element]] = []
    seen: list[tuple[Row, Any]] = []
    group = 0
    for place, row in enumerate(history):
        before = history[place - 1] if place else None
        if before is None or (gap is not None and (_seconds(before[time], row[time]) or 0) > gap):
            sessions.append([])
            group = 0
        parts = elements_of(row[spec["explode"]], spec.get("explode_delimiter", ","))
        of_row = {i: _of_observation(f, history, place, spec) for i, f in enumerate(features_of(spec))}
        for index, value in enumerate(parts):
            derived = {
                i: _of_element(f, seen, row, value, spec) if f.get("of") == spec["explode"] else of_row[i]
                for i, f in enumerate(features_of(spec))
            }
            derived |= {i: group for i, f in enumerate(features_of(spec)) if f.get("derive") == "group"}
            derived |= {i: int(index > 0) for i, f in enumerate(features_of(spec)) if f.get("derive") == "is_repeat"}
            sessions[-1].append(Element(row, value, index, group, is_context(row), derived))
            seen.append((row, value))
        group += 1
    return sessions


def _of_observation(feature, history, place, spec):
    before, row, time = history[:place], history[place], spec["order_by"][0]
    of = feature.get("of")
    match feature.get("derive"):
        case "position":
            return place
        case "seconds_since_previous":
            return _seconds(before[-1][time], row[time]) if before else None
        case "share_correct_before":
            known = [each[of] > 0 for each in before if each[of] is not None]
            return sum(known) / len(known) if known else None
        case "attempt_number" | "seconds_since_same" if of != spec["explode"]:
            return _of_element(feature, [(each, each[of]) for each in before], row, row[of], spec)
    return None


def _of_element(feature, seen, row, value, spec):
    same = [before for before, earlier in seen if value is not None and _rank(earlier) == _rank(value)]
    match feature.get("derive"):
        case "attempt_number":
            return None if value is None else len(same) + 1
        case "seconds_since_same":
            return _seconds(same[-1][spec["order_by"][0]], row[spec["order_by"][0]]) if same else None
    return None


def _seconds(earlier, later):
    if earlier is None or later is None:
        return None
    difference = later - earlier
    return difference.total_seconds() if hasattr(difference, "total_seconds") else float(difference)


def _windows(index, session, spec):
    length = spec["sequence_length"]
    if spec.get("explode_cuts") == "keep_together":
        spans = _whole_observations(session, spec)
    else:
        stride = spec.get("stride") or length
        count = 1 if len(session) <= length else 1 + math.ceil((len(session) - length) / stride)
        starts = [i * stride for i in range(count)]
        if spec.get("align") == "end":
            starts = [len(session) - length - start for start in reversed(starts)]
        spans = [(start, start + length) for start in starts]
    seen: set[int] = set()
    for start, stop in spans:
        positions = list(range(max(start, 0), min(stop, len(session))))
        is_new = [p not in seen and not session[p].is_context for p in positions]
        yield Window(index, [session[p] for p in positions], positions, is_new)
        seen.update(positions)


def _whole_observations(session, spec):
    """Fill window after window with whole observations, from the start or from the end."""
    sizes = [len(list(each)) for _, each in itertools.groupby(session, key=lambda element: element.group)]
    is_from_end = spec.get("align") == "end"
    filled: list[int] = []
    for size in reversed(sizes) if is_from_end else sizes:
        if size > spec["sequence_length"]:
            raise ValueError("an observation that no window holds")
        if not filled or filled[-1] + size > spec["sequence_length"]:
            filled.append(0)
        filled[-1] += size
    ends = list(itertools.accumulate(reversed(filled) if is_from_end else filled))
    return list(zip([0, *ends], ends, strict=False))


def _made(sequence_index, window, session, spec, ids):
    def padded(values, pad):
        padding = [pad] * (spec["sequence_length"] - len(values))
        return padding + values if spec.get("pad_side") == "start" else values + padding

    arrays = {
        f"{feature['name']}_sequence": padded(
            [_value(i, feature, session, p, spec, ids) for p in window.positions], feature.get("pad", 0)
        )
        for i, feature in enumerate(features_of(spec))
    }
    pupil = spec.get("pupil", "pupilid")
    return {
        pupil: session[0].row[pupil],
        "session_index": window.session,
        "sequence_index": sequence_index,
        "first_position": window.positions[0],
        "n_observations": len(window.positions),
        "is_pad_sequence": padded([0] * len(window.positions), 1),
        "is_new_sequence": padded([int(is_new) for is_new in window.is_new], 0),
        **arrays,
    }


def _value(index, feature, session, position, spec, ids):
    source = position + feature.get("shift", 0)
    if not 0 <= source < len(session):
        return feature.get("pad", 0)
    element = session[source]
    if feature.get("derive"):
        value = element.derived[index]
    else:
        of = feature.get("of") or feature["column"]
        value = element.value if of == spec["explode"] else element.row[of]
        if feature.get("encode"):
            return 1 if value is None else ids[of].get(value, 2)
    return feature["pad"] if value is None else value
