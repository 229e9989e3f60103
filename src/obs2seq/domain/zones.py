"""Wall clocks: how far a zone's is ahead of UTC, by the time zone rules that Python finds."""

import datetime
import zoneinfo

from obs2seq.domain.validation import shortened

DAY_S = 86_400

_FIRST_S, _LAST_S = -719_161 * DAY_S, 2_932_895 * DAY_S
"""Between these every clock shows a year from 1 to 9999; before and after, what it shows is what it showed there."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_SECOND = datetime.timedelta(seconds=1)


def known_time_zone(name: str) -> str:
    """Return the name of a time zone; raise `ValueError` where it is none by which engines agree.

    Short names (`EST`) mean other things elsewhere.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        is_known = False
    else:
        is_known = name == "UTC" or ("/" in name and not name.startswith(("posix/", "right/")))
    if not is_known:
        raise ValueError(f"expected a time zone such as 'Europe/Berlin' or 'UTC', found {shortened(name)}")
    return name


def seconds_ahead(second: int, zone: str) -> int:
    """Return by how many seconds the zone's clock is ahead of UTC, at an instant in seconds since 1970.

    Example:
        >>> seconds_ahead(1_711_846_799, "Europe/Berlin"), seconds_ahead(1_711_846_800, "Europe/Berlin")
        (3600, 7200)
    """
    moment = _EPOCH + min(max(second, _FIRST_S), _LAST_S) * _SECOND
    return (moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() or datetime.timedelta()) // _SECOND


def seconds_since_1970(moment: datetime.datetime) -> int:
    """Return the whole seconds before an instant, which has a zone."""
    return (moment.astimezone(datetime.UTC) - _EPOCH) // _SECOND


def hour_on_clock(local_second: int) -> int:
    """Return the hour, 0 to 23, where a clock shows so many seconds since 1970."""
    return local_second // 3600 % 24


def weekday_on_clock(local_second: int) -> int:
    """Return the day of the week, 1 (Monday) to 7; the first day of 1970 was a Thursday."""
    return (local_second // DAY_S + 3) % 7 + 1
