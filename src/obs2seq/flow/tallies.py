"""Counts that are taken in the job's own pass over the data."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F


class Tally:
    """Rows counted at named points of one lazy flow, and known after its one action.

    A count costs no pass of its own. What is counted before a shuffle may be counted again where a lost executor makes
    Spark run a stage twice: `recount` is the exact answer then, at the cost of reading the input again.
    """

    def __init__(self) -> None:
        self._points: dict[str, tuple[Observation, DataFrame, list[Column]]] = {}
        self._known: dict[str, dict[str, int]] = {}

    def counting(self, frame: DataFrame, point: str, counts: Mapping[str, Column]) -> DataFrame:
        """Return the same rows; sum each of the (numeric, non-null) columns on their way."""
        sums = [F.coalesce(F.sum(column), F.lit(0)).alias(name) for name, column in counts.items()]
        observation = Observation()
        self._points[point] = (observation, frame, sums)
        return frame.observe(observation, *sums)

    def know(self, point: str, counts: Mapping[str, int]) -> None:
        """Take what was counted at a point by others."""
        self._known[point] = dict(counts)

    def has(self, point: str) -> bool:
        """Whether anything is counted at a point."""
        return point in self._known or point in self._points

    def counts(self, point: str) -> dict[str, int]:
        """Return what was counted at a point; only after the action that ran the flow has succeeded."""
        return dict(self._known[point] if point in self._known else self._points[point][0].get)

    def recount(self, point: str) -> dict[str, int]:
        """Count again, with a job of its own."""
        _, frame, sums = self._points[point]
        return frame.agg(*sums).first().asDict()  # type: ignore[union-attr]  # an aggregate always has a row


def one_each() -> Column:
    """Count rows: 1 for each."""
    return F.lit(1)


def where(condition: Column) -> Column:
    """Count the rows for which a condition is true."""
    return F.when(condition, 1).otherwise(0)
