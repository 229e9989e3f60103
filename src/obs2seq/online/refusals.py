"""What the online sequencer says of observations that it does not take; never what they hold."""

from typing import Any

from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import DataError

_WHERE = "observation"


def require_same_pupil(first: Any, other: Any) -> None:
    """Raise `DataError` where two pupils are not one; nulls are one pupil together, and so is every NaN."""
    if first == other or (first != first and other != other):
        return
    problem = "expected observations of one pupil, found those of another"
    raise DataError(_WHERE, problem, "hold one Sequencer for each pupil")


def not_comparable(spec: SequenceSpec) -> DataError:
    """Return the error for values that Python cannot order."""
    columns = ", ".join((*spec.order_by, *spec.tie_breakers))
    problem = f"expected values of one type in each of the columns {columns}, found some that have no order"
    return DataError(_WHERE, problem, "give types, so that the first value of another type is refused")


def late() -> DataError:
    """Return the error for a late observation where those are refused."""
    problem = "expected one that comes after all others in the order, found one that comes earlier"
    return DataError(_WHERE, problem, "set late to 'insert' to give it its place")


def late_for_derived() -> DataError:
    """Return the error for a late observation that would change what has been derived from the history."""
    problem = "expected one that comes after all others in the order, as features are derived, found one before"
    return DataError(_WHERE, problem, "make the sequences anew from the whole history")


def too_late(kept: int) -> DataError:
    """Return the error for an observation whose place is no longer known."""
    problem = f"expected one that comes after the first of the {kept} that are kept, found one that comes before it"
    return DataError(_WHERE, problem, "raise keep_at_least, or make the sequences anew from the whole history")


def twin() -> DataError:
    """Return the error for an observation that is there already."""
    problem = "expected every one once, found one that is alike in every column that is read"
    return DataError(_WHERE, problem, "set duplicates to 'drop' or 'keep'")
