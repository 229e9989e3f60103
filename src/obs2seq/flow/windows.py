"""From positioned observations to windows: the arithmetic of stride and alignment.

Counted from the end that `align` names, window i covers places i·S … i·S + L − 1, whichever end that is: `align = end`
is `align = start` on places that run backwards. A block is S consecutive places: chunks are blocks, and an overlapping
window is the first L places of a few blocks in a row. So no row ever holds more than a window and a stride.
"""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from obs2seq.domain.spec import N_OBSERVATIONS, SequenceSpec
from obs2seq.flow.arithmetic import kept_windows_of_session

_GROUP = ("pupil", "session")


@config.when(sessions=False)
def placed_observations__whole(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and `before` and `total`: the kept sequences of its pupil, before and in all."""
    return positioned_observations.withColumns(
        {"place": _place(spec), "before": F.lit(0), "total": kept_windows_of_session(spec)}
    )


@config.when(sessions=True)
def placed_observations__sessions(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and the kept sequences of its pupil: `before` its session, and in `total`."""
    pupil = Window.partitionBy("pupil").orderBy("session", "position")
    so_far = pupil.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = pupil.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    kept = kept_windows_of_session(spec)
    once = F.when(F.col("position") == 0, kept).otherwise(0)
    return positioned_observations.withColumns(
        {"place": _place(spec), "before": F.sum(once).over(so_far) - kept, "total": F.sum(once).over(whole)}
    )


def blocks(measured_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Collect each stride's observations, ordered by place, without a shuffle.

    Returns:
        pupil, session, block, length, before, total, what is known of context, `observations` (array of structs of
        place and values).
    """
    values = [name for name in measured_observations.columns if name.startswith("value_")]
    # What collect_list gathers has no order once the aggregate falls back to sorting: the place leads each struct.
    in_order = F.sort_array(F.collect_list(F.struct("place", *values)))
    single = [*_GROUP, "position", "place", *values]
    whole = (F.first(name).alias(name) for name in measured_observations.columns if name not in single)
    return (
        measured_observations.withColumn("block", F.expr(f"int(place div {spec.stride})"))
        .groupBy(*_GROUP, "block")
        .agg(*whole, in_order.alias("observations"))
    )


@config.when(window_kind="chunked")
def windows__chunked(blocks: DataFrame) -> DataFrame:
    """Take every block as a window; count its observations."""
    return blocks.withColumn(N_OBSERVATIONS, F.size("observations"))


@config.when(window_kind="overlapping")
def windows__overlapping(blocks: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Join each block with those after it, up to the window's length; count them; drop what lies past the far end.

    A window past the first is needed if it holds an observation that the one before it does not: more than L − S.
    Costs a sort of the blocks, no shuffle; each output row costs its own length.
    """
    further = -(-spec.sequence_length // spec.stride) - 1
    following = Window.partitionBy("pupil", "session").orderBy("block").rowsBetween(Window.currentRow, further)
    # Counted apart, so that only what is needed is joined, and once.
    counted = blocks.withColumns(
        {
            "n_following": F.sum(F.size("observations")).over(following).cast("int"),
            "following": F.collect_list("observations").over(following),
        }
    )
    needed = counted.where((F.col("block") == 0) | (F.col("n_following") > spec.sequence_length - spec.stride))
    return needed.withColumns(
        {
            "observations": F.slice(F.flatten("following"), 1, spec.sequence_length),
            N_OBSERVATIONS: F.least("n_following", F.lit(spec.sequence_length)),
        }
    )


def _place(spec: SequenceSpec) -> Column:
    return F.col("position") if spec.align == "start" else F.col("length") - 1 - F.col("position")
