"""From windows to the contract's output: which are kept, their index, and their padded arrays."""

from hamilton.function_modifiers import config, tag
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.rules import MAX_SEQUENCES, MIN_LENGTH
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
from obs2seq.flow.checks import ANY, BITS, promises
from obs2seq.flow.tallies import Tally

CONTRACT = dict.fromkeys((SESSION_INDEX, SEQUENCE_INDEX, FIRST_POSITION, N_OBSERVATIONS), ("int",)) | dict.fromkeys(
    (IS_PAD, IS_NEW), BITS
)
"""The columns that every output has, beside the pupil and the features."""
SEQUENCED = "sequenced"
ROWS_OUT = "rows_out"


def described_windows(windows: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Put each window's observations in ascending position and say what its row will need.

    Columns added: `first_position`, `n_new` (observations that stand in no earlier window of the
    session), `sequence_index` (below 0 where `max_sequences_per_pupil` leaves it out), and `left_out_by`, the rule that
    leaves it out, or null. `min_length` comes first.
    """
    ascending = F.col("observations") if spec.align == "start" else F.reverse("observations")
    described = windows.withColumn("observations", ascending).withColumns(
        {FIRST_POSITION: _first_position(spec), SEQUENCE_INDEX: _sequence_index(spec).cast("int")}
    )
    overlap = F.when(F.col(FIRST_POSITION) == 0, 0).otherwise(spec.sequence_length - spec.stride)
    verdict = F.when(F.col(N_OBSERVATIONS) < spec.min_length, F.lit(MIN_LENGTH))
    if spec.max_sequences_per_pupil is not None:
        verdict = verdict.when(F.col(SEQUENCE_INDEX) < 0, F.lit(MAX_SEQUENCES))
    return described.withColumns({"n_new": F.col(N_OBSERVATIONS) - overlap, "left_out_by": verdict})


@config.when(counted=False)
def kept_windows__uncounted(judged_windows: DataFrame) -> DataFrame:
    """Leave out the windows that a rule leaves out."""
    return judged_windows.where(F.col("left_out_by").isNull())


@config.when(counted=True)
def kept_windows__counted(judged_windows: DataFrame, tally: Tally) -> DataFrame:
    """Leave out the windows that a rule leaves out; count the observations that are new in those and in the others."""
    rule, n_new = F.col("left_out_by"), F.col("n_new")
    counts = {name: F.when(rule == name, n_new).otherwise(0) for name in (MIN_LENGTH, MAX_SEQUENCES)}
    counts |= {SEQUENCED: F.when(rule.isNull(), n_new).otherwise(0), ROWS_OUT: rule.isNull().cast("int")}
    return tally.counting(judged_windows, "windows", counts).where(rule.isNull())


@tag(owner="contract", unit="sequences")
@promises(CONTRACT, others=(r".*", ANY))
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


def _first_position(spec: SequenceSpec) -> Column:
    first_place = F.col("observations")[0]["place"]
    return first_place if spec.align == "start" else F.col("length") - 1 - first_place


def _sequence_index(spec: SequenceSpec) -> Column:
    """Count kept sequences in ascending position; windows that are counted from the end ascend the other way."""
    from_end = window_count(spec) - 1 - F.col("block") - is_short(spec).cast("int")
    index = F.col("before") + (F.col("block") if spec.align == "start" else from_end)
    if spec.max_sequences_per_pupil is None:
        return index
    return index - F.greatest(F.col("total") - spec.max_sequences_per_pupil, F.lit(0))


def _padded(values: Column, pad: Column, spec: SequenceSpec) -> Column:
    padding = F.array_repeat(pad, spec.sequence_length - F.col(N_OBSERVATIONS))
    return F.concat(values, padding) if spec.pad_side == "end" else F.concat(padding, values)
