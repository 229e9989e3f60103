"""Names and values as Spark SQL reads them, in every version and engine."""

import datetime
from collections.abc import Callable, Mapping


def quoted(name: str) -> str:
    """Return a column's name as Spark SQL reads it, whatever letters are in it."""
    escaped = name.replace("`", "``")
    return f"`{escaped}`"


def text_literal(text: str) -> str:
    """Return a text as Spark SQL reads it in every version: a quote that is doubled is two texts to some."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def number_literal(value: float) -> str:
    """Write floats as doubles: with a point alone they would be decimals."""
    text = repr(value)
    return text if isinstance(value, int) or "e" in text else f"{text}e0"


def _utc(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)


def _timestamp(text: str) -> str:
    return f"CAST('{_utc(text).replace(tzinfo=None).isoformat(' ', 'microseconds')}Z' AS TIMESTAMP)"


TIME_LITERALS: Mapping[str, Callable[[str], str]] = {
    "timestamp": _timestamp,
    "timestamp_ntz": lambda text: f"CAST({_timestamp(text)} AS TIMESTAMP_NTZ)",
    "date": lambda text: f"CAST('{_utc(text).date().isoformat()}' AS DATE)",
}
"""By the type of a column, how an instant is written for comparison with it; without a zone it is in UTC."""
