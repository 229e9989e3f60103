"""What a subset by time must hold, said by the oracle: sequences of whole histories, of which the new ones stay."""

import datetime
from typing import Any

from tests import oracle

Row = dict[str, Any]


def with_context(
    rows: list[Row], fields: Row, first: datetime.datetime, end: datetime.datetime | None, time: str
) -> list[Row]:
    """Return the sequences of what lies in [first, end), earlier observations as context; all have pupil and time."""
    history = [row for row in rows if end is None or row[time] < end]
    told = {name: value for name, value in fields.items() if name != "max_sequences_per_pupil"}
    told["features"] = [*fields["features"], {"name": "its_time", "column": time, "pad": None}]
    by_pupil: dict[Any, list[Row]] = {}
    for sequence in oracle.sequences(history, told):
        times, flags = sequence.pop("its_time_sequence"), sequence["is_new_sequence"]
        new = [int(flag and at >= first) for flag, at in zip(flags, times, strict=True)]
        if any(new):
            by_pupil.setdefault(sequence["pupilid"], []).append(sequence | {"is_new_sequence": new})
    return [row for sequences in by_pupil.values() for row in _numbered(sequences, fields)]


def _numbered(sequences: list[Row], fields: Row) -> list[Row]:
    in_order = sorted(sequences, key=lambda row: row["sequence_index"])
    kept = in_order[-fields.get("max_sequences_per_pupil", len(in_order)) :]
    return [row | {"sequence_index": index} for index, row in enumerate(kept)]
