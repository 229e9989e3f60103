"""Earlier observations as context: they stand in sequences, are new in none, and sequences of them alone are none.

A pupil's context comes before all else in the order of its history, which time leads. So what a window has of its own
is its end, and the windows that hold context alone are the pupil's first.
"""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.rules import OTHER_SUBSET
from obs2seq.domain.spec import FIRST_POSITION, N_OBSERVATIONS, SEQUENCE_INDEX, SequenceSpec
from obs2seq.domain.split_times import TimeRange
from obs2seq.flow.arithmetic import is_short, kept_windows_of_session, keys, window_count
from obs2seq.flow.columns import type_of
from obs2seq.flow.selection import Selection
from obs2seq.flow.split_times import is_before


@config.when(context=False)
def is_no_context__all() -> Column:
    """Whether an observation is the subset's own: all are."""
    return F.lit(True)


@config.when(context=True)
def is_no_context__later(keyed_observations: DataFrame, selection: Selection, spec: SequenceSpec) -> Column:
    """Whether an observation is the subset's own: those before its first instant are context."""
    share, key = selection.share, keys(spec)[spec.order_by[0]]
    assert isinstance(share, TimeRange), "only time gives context"
    return ~is_before(share.first, share, type_of(keyed_observations, key), F.col(key))


@config.when(context=False)
def context_columns__none() -> list[Column]:
    """What is to be known of context beside each observation: nothing."""
    return []


@config.when(context=True)
def context_columns__counted(is_no_context: Column, session_order: WindowSpec) -> list[Column]:
    """What is to be known of context beside each observation: `context`, how much of its session is."""
    whole = session_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return [F.count_if(~is_no_context).over(whole).cast("int").alias("context")]


@config.when(context=False)
def measured_observations__plain(placed_observations: DataFrame) -> DataFrame:
    """Take every observation as it is."""
    return placed_observations


@config.when(context=True)
def measured_observations__context(placed_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add `past`: the pupil's windows that hold context alone, of those that `min_length` leaves."""
    once = F.when(F.col("position") == 0, _windows_of_context(spec)).otherwise(0)
    past = F.sum(once).over(Window.partitionBy("pupil"))  # of all, in whatever order: needs no sort of its own
    return placed_observations.withColumn("past", past.cast("int"))


@config.when(context=False)
def judged_windows__plain(described_windows: DataFrame) -> DataFrame:
    """Take every window as it is described."""
    return described_windows


@config.when(context=True)
def judged_windows__context(described_windows: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Take back that context is new, leave out the windows that hold it alone, and number the others from 0."""
    own = F.col(FIRST_POSITION) + F.col(N_OBSERVATIONS) - F.col("context")
    n_new = F.greatest(F.least("n_new", own), F.lit(0))
    most = spec.max_sequences_per_pupil
    too_many = F.lit(0) if most is None else F.greatest(F.col("total") - most, F.lit(0))
    index = F.col(SEQUENCE_INDEX) - F.greatest(F.col("past") - too_many, F.lit(0))
    left_out_by = F.when(own <= 0, F.lit(OTHER_SUBSET)).otherwise(F.col("left_out_by"))
    return described_windows.withColumns(
        {"n_new": n_new, SEQUENCE_INDEX: index.cast("int"), "left_out_by": left_out_by}
    )


def _windows_of_context(spec: SequenceSpec) -> Column:
    """The windows of a session that end before its first observation that is no context; short ones apart."""
    context, stride = F.col("context"), spec.stride
    if spec.align == "end":
        others = F.expr(f"int((length - context + {stride - 1}) div {stride})")
        return F.greatest(window_count(spec) - others - is_short(spec).cast("int"), F.lit(0))
    within = F.expr(f"int((context - {spec.sequence_length}) div {stride}) + 1")
    kept = kept_windows_of_session(spec)
    none = F.when(context < spec.sequence_length, 0)
    return F.when(context == F.col("length"), kept).otherwise(none.otherwise(within))
