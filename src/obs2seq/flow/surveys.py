"""A look at long histories before the work begins: whose they are, where to cut them, what lies between the cuts."""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow import cutting
from obs2seq.flow.arithmetic import kept_windows_of_session, keys
from obs2seq.flow.columns import type_of
from obs2seq.flow.sessions import is_gap_above

_INTERVAL = ("heavy", "part", "n", "is_start", "n_starts", "first_start", "last_start", "kept_inside")
"""In the order of `domain.spreading.Interval`."""
_LEAST_ACCURACY, _ACCURACY_PER_CUT = 10_000, 20


def heavy_pupils(keyed_observations: DataFrame, spread_pupils_above: int) -> DataFrame:
    """Count each pupil's observations; return `heavy_pupil` and `n` of those who have more. Reads one column."""
    counted = keyed_observations.groupBy(F.col("pupil").alias("heavy_pupil")).agg(F.count(F.lit(1)).alias("n"))
    return counted.where(F.col("n") > spread_pupils_above)


def cut_points(keyed_observations: DataFrame, heavy: DataFrame, spec: SequenceSpec, n_intervals: int) -> DataFrame:
    """Cut heavy pupils' time so that about equally many observations lie between the cuts. Reads two columns.

    Returns:
        heavy_pupil, `heavy` (a number for the pupil), `cuts` (array of moments, ascending; each begins an interval).
    """
    moment = cutting.moment(keyed_observations, spec).alias("moment")
    is_theirs = F.col("pupil").eqNullSafe(F.col("heavy_pupil"))
    theirs = keyed_observations.select("pupil", moment).join(F.broadcast(heavy), is_theirs)
    known = F.when(~F.isnan("moment") & (F.abs("moment") != float("inf")), F.col("moment"))
    shares = [i / n_intervals for i in range(1, n_intervals)] or [0.5]
    accuracy = max(_LEAST_ACCURACY, _ACCURACY_PER_CUT * n_intervals)
    quantiles = F.percentile_approx(known, shares, accuracy)
    found = F.coalesce(F.array_sort(F.array_distinct(quantiles)), F.array().cast("array<double>"))
    return (
        theirs.groupBy("heavy_pupil")
        .agg(found.alias("cuts"))
        .select("heavy_pupil", F.monotonically_increasing_id().alias("heavy"), "cuts")
    )


@config.when(cut="intervals")
def together__interval() -> list[str]:
    """What one task holds whole: an interval of a heavy pupil's history."""
    return ["pupil", "part"]


@config.when(cut="intervals")
def cut_observations__intervals(
    keyed_observations: DataFrame, cuts: DataFrame, spec: SequenceSpec, n_intervals: int
) -> DataFrame:
    """Take heavy pupils' observations, each with its interval as its part."""
    theirs = cutting.with_intervals(keyed_observations, cuts, spec, n_intervals, "inner")
    return theirs.withColumnRenamed("interval", "part")


@config.when(sessions=False)
def intervals__whole(distinct_observations: DataFrame) -> DataFrame:
    """Count the observations of each interval; all of a history is one session."""
    no_starts = {"n_starts": F.lit(0), "first_start": F.lit(None), "last_start": F.lit(None), "kept_inside": F.lit(0)}
    counted = distinct_observations.groupBy("pupil", "part").agg(
        F.first("heavy").alias("heavy"), F.count(F.lit(1)).alias("n")
    )
    return _described(counted.withColumns({"is_start": F.lit(False), **no_starts}))


@config.when(sessions=True)
def intervals__sessions(distinct_observations: DataFrame, history: WindowSpec, spec: SequenceSpec) -> DataFrame:
    """Count the observations of each interval and the sessions that begin in it. Costs a shuffle and a sort."""
    time = keys(spec)[spec.order_by[0]]
    time_type = type_of(distinct_observations, time)
    is_start = is_gap_above(spec, time_type, F.col(time), F.lag(time).over(history))
    place = F.row_number().over(history) - 1
    start = F.when(F.col("is_start"), F.col("place"))
    before = history.rowsBetween(Window.unboundedPreceding, -1)
    starts = (
        distinct_observations.withColumns({"place": place, "is_start": is_start})
        .withColumns({"start": start, "length": F.col("place") - F.max(start).over(before)})
        .groupBy("pupil", "part")
        .agg(
            F.first("heavy").alias("heavy"),
            F.count(F.lit(1)).alias("n"),
            F.count("start").alias("n_starts"),
            F.min("start").alias("first_start"),
            F.max("start").alias("last_start"),
            F.coalesce(F.sum(_kept(spec)), F.lit(0)).alias("kept_inside"),
            F.min(time).alias("first_time"),
            F.max(time).alias("last_time"),
        )
    )
    # Nulls come first, so only the first interval can hold any: for the others, least and last are what they seem.
    earlier = F.lag("last_time").over(Window.partitionBy("pupil").orderBy("part"))
    return _described(starts.withColumn("is_start", is_gap_above(spec, time_type, F.col("first_time"), earlier)))


def _kept(spec: SequenceSpec) -> Column:
    """The kept sequences of a session that the next start closes."""
    return F.when(F.col("is_start") & F.col("length").isNotNull(), kept_windows_of_session(spec))


def _described(intervals: DataFrame) -> DataFrame:
    return intervals.select(*_INTERVAL)
