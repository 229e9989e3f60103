"""The contract's worked cases, as JSON files beside this module."""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPES = {"long": "bigint"}
"""Where a vector's name of a type is not Spark's."""


@dataclass(frozen=True)
class Vector:
    """One case: what goes in, and what must come out."""

    name: str
    spec: dict[str, Any]
    schema: dict[str, str]
    rows: list[list[Any]]
    sequences: list[dict[str, Any]]

    def observations(self, spark: "SparkSession") -> "DataFrame":
        """Return the case's input as a frame."""
        schema = ", ".join(f"`{name}` {_TYPES.get(type_, type_)}" for name, type_ in self.schema.items())
        return spark.createDataFrame(self.parsed_rows(), schema)

    def parsed_rows(self) -> list[list[Any]]:
        """Return the case's input as Python's values."""
        return [self._parsed(row) for row in self.rows]

    def _parsed(self, row: list[Any]) -> list[Any]:
        return [_value(value, type_) for value, type_ in zip(row, self.schema.values(), strict=True)]


def load_vectors() -> list[Vector]:
    """Return all cases, by name."""
    files = sorted(Path(__file__).with_name("vectors").glob("*.json"))
    return [_vector(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def _vector(content: dict[str, Any]) -> Vector:
    observations = content["observations"]
    return Vector(content["name"], content["spec"], observations["schema"], observations["rows"], content["sequences"])


def _value(value: Any, type_: str) -> Any:
    return datetime.datetime.fromisoformat(value) if type_ == "timestamp" and value is not None else value
