"""What the columns of observations must be, and what is said where they are not: the same from every engine."""

from collections.abc import Sequence

from obs2seq.domain.padding import is_scalar
from obs2seq.domain.validation import nearest
from obs2seq.errors import DataError, SpecificationError

_WHERE = "observations"
_AT_MOST = 80


def require_columns(names: Sequence[str], found: Sequence[str]) -> None:
    """Raise `DataError` for the columns that are missing, or for the first that stands twice.

    Names match as Spark matches them: by their small letters.
    """
    small = [column.lower() for column in found]
    missing = [name for name in dict.fromkeys(names) if name.lower() not in small]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise DataError(
            _WHERE,
            f"expected {'column' if len(missing) == 1 else 'columns'} {listed}, found {sorted(found)}",
            f"{nearest(missing[0], found)}; map it under columns in the settings",
        )
    for name in names:
        same = sorted(column for column in found if column.lower() == name.lower())
        if len(same) > 1:
            raise DataError(
                _WHERE,
                f"expected one column '{name}', found {same}, which Spark does not tell apart",
                "rename or drop the others",
            )


def require_scalar(name: str, type_name: str) -> None:
    """Raise `DataError` where the values of a column, whose type is named as Spark does, are no scalars."""
    if not is_scalar(type_name):
        short = type_name if len(type_name) <= _AT_MOST else f"{type_name[: _AT_MOST - 3]}..."
        raise DataError(
            _WHERE, f"expected column '{name}' to be a number, boolean, text, date or timestamp, found {short}"
        )


def no_time_for_sessions(name: str, type_name: str) -> SpecificationError:
    """Return the error for a column that no gap in seconds can be measured by."""
    return SpecificationError(
        "session_gap_seconds",
        f"expected the time column '{name}' to be a timestamp, a date or a number of seconds, found {type_name}",
        "map it under columns in the settings, for instance with to_timestamp(…)",
    )


def no_time(name: str, type_name: str) -> DataError:
    """Return the error for a time column whose values are no times, and no numbers either."""
    return DataError(
        _WHERE,
        f"expected the time column '{name}' to be a timestamp, a date or a number, found {type_name}",
        f"map it under columns in the settings, for instance {name}: to_timestamp({name})",
    )
