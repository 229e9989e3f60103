"""From windows to the contract's output: which are kept, their index, and their padded arrays."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import (
    FIRST_POSITION,
    IS_NEW,
    IS_PAD,
    N_OBSERVATIONS,
    SEQUENCE_INDEX,
    SESSION_INDEX,
    SequenceSpec,
)
from obs2seq.flow.arithmetic import is_short, window_count


def described_windows(windows: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Put each window's observations in ascending position and say what its row will need.

    Columns added: `n_observations`, `first_position`, `n_new` (observations that stand in no earlier window of the
    session), `rank` (ascending among the session's windows, as if `min_length` had been applied).
    """
    ascending = F.col("observations") if spec.align == "start" else F.reverse("observations")
    first_place = F.col("observations")[0]["place"]
    described = windows.withColumns({"observations": ascending, N_OBSERVATIONS: F.size("observations")}).withColumns(
        {
            FIRST_POSITION: first_place if spec.align == "start" else F.col("length") - 1 - first_place,
            "rank": F.col("block") if spec.align == "start" else _rank_from_end(spec),
        }
    )
    overlap = spec.sequence_length - spec.stride
    is_first = F.col(FIRST_POSITION) == 0
    return described.withColumn("n_new", F.col(N_OBSERVATIONS) - F.when(is_first, 0).otherwise(overlap))


def long_windows(described_windows: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Leave out windows with fewer real observations than `min_length`."""
    return described_windows.where(F.col(N_OBSERVATIONS) >= spec.min_length)


def kept_windows(long_windows: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Leave out all but the last `max_sequences_per_pupil` of each pupil; number the rest."""
    index = F.col("before") + F.col("rank")
    if spec.max_sequences_per_pupil is None:
        return long_windows.withColumn(SEQUENCE_INDEX, index.cast("int"))
    first_kept = F.greatest(F.col("total") - spec.max_sequences_per_pupil, F.lit(0))
    return long_windows.where(index >= first_kept).withColumn(SEQUENCE_INDEX, (index - first_kept).cast("int"))


def sequences(kept_windows: DataFrame, spec: SequenceSpec, feature_pads: list[Column]) -> DataFrame:
    """Pad every window to its full length: one row a sequence, the contract's columns and types, in no stated order."""
    n, n_new = F.col(N_OBSERVATIONS), F.col("n_new")
    zero, one = F.lit(0).cast("tinyint"), F.lit(1).cast("tinyint")
    is_new = F.concat(F.array_repeat(zero, n - n_new), F.array_repeat(one, n_new))
    features = (
        _padded(F.col("observations")[f"value_{i}"], pad, spec).alias(feature.output)
        for i, (feature, pad) in enumerate(zip(spec.features, feature_pads, strict=True))
    )
    return kept_windows.select(
        F.col("pupil").alias(spec.pupil),
        F.col("session").alias(SESSION_INDEX),
        F.col(SEQUENCE_INDEX),
        F.col(FIRST_POSITION),
        F.col(N_OBSERVATIONS),
        _padded(F.array_repeat(zero, n), one, spec).alias(IS_PAD),
        _padded(is_new, zero, spec).alias(IS_NEW),
        *features,
    )


def _rank_from_end(spec: SequenceSpec) -> Column:
    """Windows counted from the end ascend the other way; the first, where it is too short, does not count."""
    return window_count(spec) - 1 - F.col("block") - is_short(spec).cast("int")


def _padded(values: Column, pad: Column, spec: SequenceSpec) -> Column:
    padding = F.array_repeat(pad, spec.sequence_length - F.col(N_OBSERVATIONS))
    return F.concat(values, padding) if spec.pad_side == "end" else F.concat(padding, values)
