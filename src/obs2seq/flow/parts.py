"""The ways of the flow for histories that are cut into parts, each the work of one task.

A part holds its own observations, and as many of its neighbours' as its windows and shifts reach: each of its windows
is whole. What a task cannot count by itself was counted before, and comes in `parts`.
"""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow.arithmetic import kept_windows_of_session, keys, needs_length, place_of
from obs2seq.flow.collecting import collected_blocks
from obs2seq.flow.columns import type_of
from obs2seq.flow.cutting import with_intervals
from obs2seq.flow.sessions import is_gap_above

_WHOLE_HISTORIES = 0
"""The part of pupils who are not heavy."""


@config.when(cut="parts")
def together__part() -> list[str]:
    """What one task holds whole: a part of a heavy pupil's history, or another pupil's history."""
    return ["pupil", "part"]


@config.when(cut="parts")
def is_own__part() -> Column:
    """Whether a task holds an observation for its own sake, and not for a neighbour's windows."""
    return F.col("is_own")


@config.when(cut="parts")
def cut_observations__parts(
    keyed_observations: DataFrame, cuts: DataFrame, members: DataFrame, spec: SequenceSpec, n_intervals: int
) -> DataFrame:
    """Give each observation to the parts that need it: one, or more near a cut."""
    placed = with_intervals(keyed_observations, cuts, spec, n_intervals, "left")
    is_member = (F.col("heavy") == F.col("member_heavy")) & (F.col("interval") == F.col("member_interval"))
    part = F.coalesce("part", F.lit(_WHOLE_HISTORIES))
    own = F.coalesce("is_own", F.lit(True))
    return placed.join(F.broadcast(members), is_member, "left").select(
        *keyed_observations.columns, part.alias("part"), own.alias("is_own")
    )


@config.when(sessions=False, cut="parts")
def numbered_observations__parts(distinct_observations: DataFrame, history: WindowSpec, parts: DataFrame) -> DataFrame:
    """Number each pupil's history from 0, as session 0, counting on from the part before."""
    rows = distinct_observations.withColumn("row", F.row_number().over(history) - 1)
    return _beside_parts(rows, parts).withColumns({"session": F.lit(0), "position": F.col("place")})


@config.when(sessions=True, cut="parts")
def numbered_observations__sessions_of_parts(
    distinct_observations: DataFrame, history: WindowSpec, spec: SequenceSpec, parts: DataFrame
) -> DataFrame:
    """Number each session of a pupil from 0, and its observations from 0, counting on from the part before."""
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    time = keys(spec)[spec.order_by[0]]
    is_start = is_gap_above(spec, type_of(distinct_observations, time), F.col(time), F.lag(time).over(history))
    starts = distinct_observations.withColumns({"row": F.row_number().over(history) - 1, "is_start": is_start})
    started = starts.withColumns(
        {
            "n_starts": F.count_if(F.col("is_start")).over(so_far),
            "start": F.max(F.when(F.col("is_start"), F.col("row"))).over(so_far),
        }
    )
    before = F.coalesce("session_start", F.lit(0))
    position = F.coalesce(F.col("row") - F.col("start"), F.col("place") - before)
    session = F.coalesce("first_session", F.lit(0)) + F.col("n_starts")
    return _beside_parts(started, parts).withColumns({"session": session.cast("int"), "position": position.cast("int")})


@config.when(cut="parts")
def positioned_observations__parts(
    numbered_observations: DataFrame, session_order: WindowSpec, spec: SequenceSpec, feature_values: list[Column]
) -> DataFrame:
    """Add the length of each observation's session, which may end in another part, to its place and its values."""
    whole = session_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    elsewhere = F.when(F.col("session") == F.col("last_session"), F.col("last_end"))
    end = F.coalesce(elsewhere, F.max("place").over(whole) + 1)
    length = end - F.col("place") + F.col("position") if needs_length(spec) else F.lit(None)
    passing = ("pupil", "part", "is_own", "row", "session", "position", "kept_before", "kept_total")
    return numbered_observations.select(*passing, length.cast("int").alias("length"), *feature_values)


@config.when(sessions=False, cut="parts")
def placed_observations__parts(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and `before` and `total`: the kept sequences of its pupil, before and in all."""
    return positioned_observations.withColumns(
        {"place": place_of(spec), "before": F.lit(0), "total": kept_windows_of_session(spec)}
    )


@config.when(sessions=True, cut="parts")
def placed_observations__sessions_of_parts(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and the kept sequences of its pupil: `before` its session, and in `total`."""
    part = Window.partitionBy("pupil", "part").orderBy("session", "position")
    so_far = part.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = part.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    kept = kept_windows_of_session(spec)
    once = F.when((F.col("position") == 0) | (F.col("row") == 0), kept).otherwise(0)
    before = F.coalesce("kept_before", F.lit(0)) + F.sum(once).over(so_far) - kept
    total = F.coalesce("kept_total", F.sum(once).over(whole))
    return positioned_observations.withColumns({"place": place_of(spec), "before": before, "total": total})


@config.when(cut="parts")
def blocks__parts(placed_observations: DataFrame, spec: SequenceSpec, together: list[str]) -> DataFrame:
    """Collect each stride's observations; `is_own` where the first of them is, for only there the block is whole."""
    is_first = F.col("place") % spec.stride == 0
    is_own = F.coalesce(F.max(F.when(is_first, F.col("is_own"))), F.lit(False))
    return collected_blocks(placed_observations, spec, together, is_own.alias("is_own"))


@config.when(cut="parts")
def windows__own(joined_windows: DataFrame) -> DataFrame:
    """Leave the windows to the parts that their first observations belong to."""
    return joined_windows.where("is_own")


def _beside_parts(rows: DataFrame, parts: DataFrame) -> DataFrame:
    """Add what is known of each row's part, null for whole histories, and the row's place in the history."""
    joined = rows.join(F.broadcast(parts), F.col("part") == F.col("number"), "left").drop("number")
    return joined.withColumn("place", (F.coalesce("skipped", F.lit(0)) + F.col("row")).cast("int"))
