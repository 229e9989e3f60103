"""The contract's worked cases as Arrow tables."""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

_TYPES = {
    "long": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True)
class ArrowVector:
    """One case: what goes in, and what must come out."""

    name: str
    spec: dict[str, Any]
    observations: pa.Table
    sequences: list[dict[str, Any]]


def load_arrow_vectors() -> list[ArrowVector]:
    """Return all cases, by name."""
    files = sorted(Path(__file__).with_name("vectors").glob("*.json"))
    return [_vector(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def _vector(content: dict[str, Any]) -> ArrowVector:
    schema, rows = content["observations"]["schema"], content["observations"]["rows"]
    columns = {
        name: pa.array([_value(row[index], type_) for row in rows], _TYPES[type_])
        for index, (name, type_) in enumerate(schema.items())
    }
    return ArrowVector(content["name"], content["spec"], pa.table(columns), content["sequences"])


def _value(value: Any, type_: str) -> Any:
    return datetime.datetime.fromisoformat(value) if type_ == "timestamp" and value is not None else value
