"""Finds the pupils whose histories several tasks should share, and tells the flow where to cut them."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.spreading import Interval, Part, parts_of

logger = logging.getLogger(__name__)

_INTERVALS_PER_PART = 16
"""More make the neighbours that a part holds fewer, and the survey dearer."""
_MOST_INTERVALS = 8_192
_PART = (
    "number",
    "skipped",
    "first_session",
    "session_start",
    "last_session",
    "last_end",
    "kept_before",
    "kept_total",
)
_MEMBER = "member_heavy long, member_interval int, part int, is_own boolean"


def spreading_inputs(
    ask: Callable[..., DataFrame], spec: SequenceSpec, spread_pupils_above: int
) -> dict[str, Any] | None:
    """Look for pupils with more observations than that; return what the flow needs to cut their histories.

    Runs jobs: one that reads the pupils, and where some are heavy one that reads their times too, and one that reads
    their times, or with sessions or duplicates to drop, all columns of theirs that are read.

    Args:
        ask: Returns a frame of the survey by its name, given further inputs by theirs.
        spec: What to make.
        spread_pupils_above: Observations.

    Returns:
        None where there is nobody to cut.
    """
    heavy = _held(ask("heavy_pupils", spread_pupils_above=spread_pupils_above))
    most = heavy.agg(F.max("n")).first()[0]  # type: ignore[index]  # an aggregate always has a row
    if most is None:
        return None
    n_intervals = min(-(-most // spread_pupils_above) * _INTERVALS_PER_PART, _MOST_INTERVALS)
    found = {"n_intervals": n_intervals}
    found |= {"cuts": _held(ask("cut_points", heavy=heavy, **found))}
    intervals = [Interval(*row) for row in ask("intervals", **found).collect()]
    parts = parts_of(intervals, spec, spread_pupils_above)
    logger.info("%d heavy pupils are cut into %d parts", len({part.pupil for part in parts}), len(parts))
    return found | _tables(heavy, parts)


def _tables(any_frame: DataFrame, parts: Sequence[Part]) -> dict[str, DataFrame]:
    spark = any_frame.sparkSession
    members = [(part.pupil, interval, part.number, interval in part.own) for part in parts for interval in part.members]
    rows = [tuple(getattr(part, name) for name in _PART) for part in parts]
    return {
        "members": spark.createDataFrame(members, _MEMBER),
        "parts": spark.createDataFrame(rows, ", ".join(f"{name} long" for name in _PART)),
    }


def _held(frame: DataFrame) -> DataFrame:
    """Run a small frame now, and keep its rows in the driver's memory, bit by bit as they are: not by way of Python."""
    java_session = frame.sparkSession._jsparkSession
    rows = java_session.createDataFrame(frame._jdf.collectAsList(), frame._jdf.schema())
    return DataFrame(rows, frame.sparkSession)
