"""Wall clocks: how far a zone's is ahead of UTC, by the time zone rules that Python knows."""

import datetime
import zoneinfo

import numpy as np

from obs2seq.kernel.columns import Array

DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_161, 2_932_895
"""The days from 1970 on, or before it, on which every clock shows a year from 1 to 9999. Rules reach no further."""


def offsets(seconds: Array, zone_name: str) -> Array:
    """Return for each instant, in whole seconds since 1970, by how many seconds the zone's clock is ahead of UTC.

    Rules are asked twice for each day that occurs, and no more often, however many instants there are.
    """
    zone = zoneinfo.ZoneInfo(zone_name)
    changes = [change for day in np.unique(seconds // DAY).tolist() for change in _changes(day, zone)]
    starts, ahead = (np.array(values, np.int64) for values in zip(*changes, strict=True)) if changes else (seconds,) * 2
    return np.asarray(ahead[np.searchsorted(starts, seconds, side="right") - 1])


def _changes(day: int, zone: zoneinfo.ZoneInfo) -> list[tuple[int, int]]:
    """Return the offset at the start of a day in UTC, and the one that comes within it, if it changes."""
    start, stop = day * DAY, (day + 1) * DAY
    before, after = _offset(start, zone), _offset(stop, zone)
    if before == after:
        return [(start, before)]
    low, high = start, stop
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return [(start, before), (high, after)]


def _offset(second: int, zone: zoneinfo.ZoneInfo) -> int:
    known = min(max(second, _FIRST_DAY * DAY), _LAST_DAY * DAY)
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=known)
    ahead = moment.astimezone(zone).utcoffset() or datetime.timedelta()
    return ahead // datetime.timedelta(seconds=1)
