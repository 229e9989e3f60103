"""What the tests of derived features put in, by whatever engine."""

import datetime
import random
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from obs2seq import SequenceSpec, sequence_table
from obs2seq.domain.derived import DERIVATIONS
from tests.flow_inputs import Row

NULL = {"int": -99, "double": -99.5}
"""A pad that no derived value is, so that it tells where there is none."""

SCHEMA = pa.schema(
    {"pupilid": pa.int64(), "t": pa.timestamp("us", "UTC"), "id": pa.int64(), "ex": pa.string(), "right": pa.int32()}
)
ALL = tuple(DERIVATIONS)


def deriving(derive: str, name: str | None = None, **changes: object) -> Row:
    """Return a feature in JSON form that derives something, from the column that fits."""
    derivation = DERIVATIONS[derive]
    told = {"of": "right" if derivation.values else "ex", "time_zone": "Europe/Berlin"}
    parameters = {parameter: told[parameter] for parameter in derivation.parameters}
    return {"name": name or derive, "derive": derive, "pad": NULL[derivation.type], **parameters, **changes}


def spec_of(*features: Row, **changes: object) -> SequenceSpec:
    """Return a specification of one long sequence a pupil, with changes."""
    fields = {"order_by": ["t", "id"], "sequence_length": 40, "features": list(features)}
    return SequenceSpec.model_validate(fields | changes)


def at(text: str) -> datetime.datetime:
    """Return an instant in UTC."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def table_of(rows: Iterable[Row], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Return observations as a table, in the order given."""
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def by_kernel(rows: list[Row], spec: SequenceSpec) -> list[Row]:
    """Return the sequences that the embedded engine makes."""
    return sequence_table(table_of(rows), spec).to_pylist()  # type: ignore[no-any-return]


def values(sequences: list[Row], name: str) -> list[list[Any]]:
    """Return a feature's values, pupil by pupil, null where there was none; padding is left out."""
    nulls = set(NULL.values())
    return [
        [None if value in nulls else value for value in row[f"{name}_sequence"][: row["n_observations"]]]
        for row in sequences
    ]


def drawn_rows(seed: int, pupils: int = 3) -> list[Row]:
    """Return shuffled observations with ties, nulls and repeated exercises."""
    draw = random.Random(seed)
    rows: list[Row] = []
    for pupil in (None, *range(1, pupils)):
        moment = at("2024-03-30T12:00") + datetime.timedelta(seconds=draw.randrange(86_400))
        for _ in range(draw.choice((1, 4, 12, 30))):
            moment += datetime.timedelta(microseconds=draw.choice((0, 1, 500_000, 60_000_000, 7_200_000_000)))
            time = None if draw.random() < 0.1 else moment
            exercise, right = draw.choice((None, "a", "b", "ä")), draw.choice((None, 0, 1))
            rows.append({"pupilid": pupil, "t": time, "id": len(rows), "ex": exercise, "right": right})
    draw.shuffle(rows)
    return rows


def look_ahead(engine: Callable[[list[Row], SequenceSpec], list[Row]], derive: str, seed: int) -> list[int]:
    """Return the places of a history at which a feature's value changes with what was not known yet.

    That is all that comes later, which is left out or replaced; and what is told from answers must not know the
    observation's own.
    """
    spec = spec_of(deriving(derive), {"name": "id", "column": "id", "pad": -1})
    history = sorted((row for row in drawn_rows(seed, pupils=1) if row["t"]), key=lambda row: (row["t"], row["id"]))
    variants = {}
    for place, own in enumerate(history):
        past, later = history[:place], history[place + 1 :]
        unlike = _other(own, ("right",)) if DERIVATIONS[derive].values else own
        variants[place, "cut"] = [*past, own]
        variants[place, "changed"] = [*past, unlike, *(_other(row, ("t", "ex", "right")) for row in later)]
    # Each variant is a pupil of its own, so that an engine is asked once.
    pupils = [history, *variants.values()]
    rows = [row | {"pupilid": number} for number, pupil in enumerate(pupils) for row in pupil]
    known, *others = values(engine(rows, spec), derive)
    places = [place for place, _ in variants]
    return [n for n, other in zip(places, others, strict=True) if other[: n + 1] != known[: n + 1]]


def _other(row: Row, names: Iterable[str]) -> Row:
    other = {
        "t": row["t"] + datetime.timedelta(hours=1),
        "ex": "z" if row["ex"] == "a" else "a",
        "right": int(row["right"] != 1),
    }
    return row | {name: other[name] for name in names}
