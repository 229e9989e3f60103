"""Gathers observations into blocks and windows, within what is kept together by one shuffle."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from obs2seq.domain.spec import N_OBSERVATIONS, SequenceSpec


def collected_blocks(
    placed_observations: DataFrame, spec: SequenceSpec, together: Sequence[str], *further: Column
) -> DataFrame:
    """Collect each stride's observations, ordered by place, without a shuffle.

    Args:
        placed_observations: With length, before, total, place and value_0 ….
        spec: Says how long a block is.
        together: What the observations have been shuffled by.
        further: Aggregates to add.

    Returns:
        The columns of `together`, session, block, length, before, total, the further ones, `observations` (array of
        structs of place and values).
    """
    values = [name for name in placed_observations.columns if name.startswith("value_")]
    # What collect_list gathers has no order once the aggregate falls back to sorting: the place leads each struct.
    in_order = F.sort_array(F.collect_list(F.struct("place", *values)))
    whole = (F.first(name).alias(name) for name in ("length", "before", "total"))
    return (
        placed_observations.withColumn("block", F.expr(f"int(place div {spec.stride})"))
        .groupBy(*together, "session", "block")
        .agg(*whole, *further, in_order.alias("observations"))
    )


def joined_blocks(blocks: DataFrame, spec: SequenceSpec, together: Sequence[str]) -> DataFrame:
    """Join each block with those after it, up to the window's length; count them; drop what lies past the far end.

    A window past the first is needed if it holds an observation that the one before it does not: more than L − S.
    Costs a sort of the blocks, no shuffle; each output row costs its own length.
    """
    further = -(-spec.sequence_length // spec.stride) - 1
    following = Window.partitionBy(*together, "session").orderBy("block").rowsBetween(Window.currentRow, further)
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
