"""What follows from the specification alone: internal names, and how many windows a session has."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.flow.columns import type_of


def keys(spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column that is read, in the contract's total order after the pupil."""
    ordering = [name for name in spec.columns if name != spec.pupil]
    return {spec.pupil: "pupil"} | {name: f"key_{i}" for i, name in enumerate(ordering)}


def whole_row_keys(observations: DataFrame, spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column: `key_…` where it can be compared, `rest_…` where it cannot."""
    names = {name: key for name, key in keys(spec).items() if name in observed_columns(spec)}
    known = {name.lower() for name in names}
    for i, name in enumerate(sorted(name for name in observations.columns if name.lower() not in known)):
        can_compare = "map<" not in type_of(observations, name).simpleString()
        names[name] = f"key_{len(names)}" if can_compare else f"rest_{i}"
    return names


def needs_length(spec: SequenceSpec) -> bool:
    """Whether a sequence's place or number depends on how long its session is."""
    return spec.align == "end" or spec.session_gap_seconds is not None or spec.max_sequences_per_pupil is not None


def window_count(spec: SequenceSpec) -> Column:
    """The number of windows of a session of `length` observations."""
    length, stride = spec.sequence_length, spec.stride
    return F.expr(f"int(if(length <= {length}, 1, 1 + (length - {length} + {stride - 1}) div {stride}))")


def is_short(spec: SequenceSpec) -> Column:
    """Whether the window at the far end of a session, the only one that padding reaches, is below `min_length`."""
    before_the_last = (window_count(spec) - 1) * spec.stride
    return F.col("length") - before_the_last < spec.min_length


def kept_windows_of_session(spec: SequenceSpec) -> Column:
    """The number of windows of a session of `length` observations that `min_length` leaves."""
    return window_count(spec) - is_short(spec).cast("int")


def place_of(spec: SequenceSpec) -> Column:
    """The place of an observation in its session, counted from the end that `align` names."""
    return F.col("position") if spec.align == "start" else F.col("length") - 1 - F.col("position")


def window_kind(spec: SequenceSpec) -> str:
    """Name the way to make windows."""
    return "chunked" if spec.is_chunked else "overlapping"
