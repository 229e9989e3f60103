"""The fold of each pupil, beside what is made of the pupil's observations."""

from hamilton.function_modifiers import config, tag
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import FOLD, Folds, fold_salt, require_no_fold
from obs2seq.flow.columns import is_float, leading_digits, named, type_of
from obs2seq.flow.selection import Selection


@tag(unit="sequences")
@config.when(folds=True)
def folded_sequences(sequences: DataFrame, spec: SequenceSpec, selection: Selection) -> DataFrame:
    """Add `fold` after the contract's columns: 0 to below the number of folds (int), the same for all of a pupil."""
    return _folded(sequences, spec.pupil, selection.folds)


@tag(unit="observations")
@config.when(folds=True)
def folded_observations(prepared_observations: DataFrame, spec: SequenceSpec, selection: Selection) -> DataFrame:
    """Add `fold` after the observations' own columns: 0 to below the number of folds (int)."""
    return _folded(prepared_observations, spec.pupil, selection.folds)


def _folded(frame: DataFrame, pupil: str, folds: Folds | None) -> DataFrame:
    assert folds is not None, "folds are asked for"
    require_no_fold(frame.columns)
    return frame.withColumn(FOLD, _fold(_as_one(frame, pupil), folds))


def _fold(pupil: Column, folds: Folds) -> Column:
    number = F.conv(leading_digits(fold_salt(folds.salt), pupil), 16, 10).cast("bigint")
    return (number % folds.count).cast("int")


def _as_one(frame: DataFrame, pupil: str) -> Column:
    """Take the pupils -0.0 and 0.0 for one, which they are."""
    return named(pupil) + F.lit(0).cast("float") if is_float(type_of(frame, pupil)) else named(pupil)
