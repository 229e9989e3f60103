"""Where sessions start: exact gaps between neighbours in order, for every type that a time can have."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa

from obs2seq.domain.columns import no_time_for_sessions
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import WIDE, Array, Column
from obs2seq.kernel.pads import UNITS_PER_SECOND
from obs2seq.kernel.schema import spark_type


@dataclass(frozen=True)
class Sessions:
    """Sessions in order, one array element each.

    Args:
        start: The place of its first observation in the order of all rows.
        length: Its observations.
        index: Its number within its pupil.
        pupil: The number of its pupil, among all in order.
        context: Its observations that are context: they come first. None: it has none.
    """

    start: Array
    length: Array
    index: Array
    pupil: Array
    context: Array | None = None


def require_time(spec: SequenceSpec, type_: pa.DataType) -> None:
    """Raise `SpecificationError` where sessions are asked for and the time is neither timestamp, date nor number."""
    type_name = spark_type(type_)
    if spec.session_gap_seconds is not None and type_name in ("boolean", "string"):
        raise no_time_for_sessions(spec.order_by[0], type_name)


def sessions_of(pupil_starts: Array, rows: Array, time: Column, spec: SequenceSpec) -> Sessions:
    """Cut histories, which start at the given places of the ordered rows, into sessions."""
    starts = pupil_starts
    if spec.session_gap_seconds is not None and len(rows):
        is_start = _follows_gap(time, rows, Fraction(str(spec.session_gap_seconds)))
        is_start[pupil_starts] = True
        starts = np.flatnonzero(is_start)
    pupil = np.searchsorted(pupil_starts, starts, side="right") - 1
    first_of_pupil = np.searchsorted(starts, pupil_starts)
    lengths = np.diff(starts, append=len(rows))
    return Sessions(starts, lengths, np.arange(len(starts)) - first_of_pupil[pupil], pupil)


def _follows_gap(time: Column, rows: Array, gap: Fraction) -> Array:
    """Say for each place whether it is more than the gap after the one before; not where either time is unknown."""
    follows = np.zeros(len(rows), bool)
    values = time.values[rows]
    limit = gap / seconds_per_unit(time.type)
    follows[1:] = _is_above(values[1:], values[:-1], limit)
    if time.is_valid is not None:
        is_valid = time.is_valid[rows]
        follows[1:] &= is_valid[1:] & is_valid[:-1]
    return follows


def _is_above(later: Array, earlier: Array, limit: Fraction) -> Array:
    """Compare a difference with a limit. Integers are subtracted modulo a power of two, which no overflow bends."""
    if later.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(later - earlier > float(limit))
    whole = limit.numerator // limit.denominator
    if later.dtype == WIDE:
        return _is_wide_above(later, earlier, min(whole, 2**128 - 1))
    return np.asarray(later.astype(np.uint64) - earlier.astype(np.uint64) > np.uint64(min(whole, 2**64 - 1)))


def _is_wide_above(later: Array, earlier: Array, limit: int) -> Array:
    low = later["low"] - earlier["low"]
    borrowed = later["low"] < earlier["low"]
    high = later["high"].astype(np.uint64) - earlier["high"].astype(np.uint64) - borrowed.astype(np.uint64)
    limit_high, limit_low = np.uint64(limit >> 64), np.uint64(limit & (2**64 - 1))
    return np.asarray((high > limit_high) | ((high == limit_high) & (low > limit_low)))


def seconds_per_unit(type_: pa.DataType) -> Fraction:
    """Return what 1 stands for in a column that is a time; a second where it is a plain number."""
    if pa.types.is_timestamp(type_):
        return Fraction(1, UNITS_PER_SECOND[type_.unit])
    if pa.types.is_decimal(type_):
        return 1 / Fraction(10**type_.scale) if type_.scale >= 0 else Fraction(10**-type_.scale)
    if pa.types.is_date(type_):
        return Fraction(86_400) if type_ == pa.date32() else Fraction(1, 1000)
    return Fraction(1)
