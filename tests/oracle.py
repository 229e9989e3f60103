"""The sequence contract once more, as directly as it can be said: in plain Python, sharing no code with the flow."""

import itertools
import math
from typing import Any

Row = dict[str, Any]


def sequences(observations: list[Row], spec: Row) -> list[Row]:
    """Return all sequences of all pupils; `spec` is in its JSON form."""
    pupil = spec.get("pupil", "pupilid")
    histories: dict[Any, list[Row]] = {}
    for observation in observations:
        histories.setdefault(observation[pupil], []).append(observation)
    return [row for name, history in histories.items() for row in _of_pupil(name, history, spec)]


def _of_pupil(name: Any, history: list[Row], spec: Row) -> list[Row]:
    ties = sorted({feature["column"] for feature in spec["features"]} - set(spec["order_by"]))
    history = sorted(history, key=lambda row: _key([row[column] for column in (*spec["order_by"], *ties)]))
    rows = [
        row
        for index, session in enumerate(_sessions(history, spec))
        for row in _of_session(name, index, session, spec)
        if row["n_observations"] >= spec.get("min_length", 1)
    ]
    kept = rows[-spec.get("max_sequences_per_pupil", len(rows)) :] if rows else []
    return [row | {"sequence_index": i} for i, row in enumerate(kept)]


def _key(values: list[Any]) -> tuple[list[Any], list[float]]:
    """Both zeros are equal, as numbers are; where nothing else tells rows apart, the negative ones come first."""
    signs = [math.copysign(1, value) for value in values if isinstance(value, float) and value == 0]
    return [_rank(value) for value in values], signs


def _rank(value: Any) -> tuple[int, Any]:
    """Nulls first, NaN last."""
    if value is None:
        return (0, 0)
    if isinstance(value, float) and math.isnan(value):
        return (2, 0)
    return (1, value)


def _sessions(history: list[Row], spec: Row) -> list[list[Row]]:
    gap, time = spec.get("session_gap_seconds"), spec["order_by"][0]
    sessions: list[list[Row]] = [[history[0]]]
    for before, row in itertools.pairwise(history):
        known = gap is not None and before[time] is not None and row[time] is not None
        if known and (row[time] - before[time]).total_seconds() > gap:
            sessions.append([])
        sessions[-1].append(row)
    return sessions


def _of_session(name: Any, index: int, session: list[Row], spec: Row) -> list[Row]:
    n, length, stride = len(session), spec["sequence_length"], spec.get("stride") or spec["sequence_length"]
    count = 1 if n <= length else 1 + math.ceil((n - length) / stride)
    starts = [i * stride for i in range(count)]
    if spec.get("align") == "end":
        starts = [n - length - start for start in reversed(starts)]
    rows, seen = [], set()
    for start in starts:
        positions = [p for p in range(start, start + length) if 0 <= p < n]
        rows.append(_row(name, index, session, positions, seen, spec))
        seen.update(positions)
    return rows


def _row(name: Any, index: int, session: list[Row], positions: list[int], seen: set[int], spec: Row) -> Row:
    def padded(values: list[Any], pad: Any) -> list[Any]:
        padding = [pad] * (spec["sequence_length"] - len(values))
        return padding + values if spec.get("pad_side") == "start" else values + padding

    arrays = {
        f"{feature['name']}_sequence": padded([_value(session, p, feature) for p in positions], feature["pad"])
        for feature in spec["features"]
    }
    return {
        spec.get("pupil", "pupilid"): name,
        "session_index": index,
        "first_position": positions[0],
        "n_observations": len(positions),
        "is_pad_sequence": padded([0] * len(positions), 1),
        "is_new_sequence": padded([int(p not in seen) for p in positions], 0),
        **arrays,
    }


def _value(session: list[Row], position: int, feature: Row) -> Any:
    source = position + feature.get("shift", 0)
    value = session[source][feature["column"]] if 0 <= source < len(session) else None
    return feature["pad"] if value is None else value
