"""Wall clocks for many instants at once."""

import numpy as np

from obs2seq.domain.zones import DAY_S, seconds_ahead
from obs2seq.kernel.columns import Array


def all_seconds_ahead(seconds: Array, zone: str) -> Array:
    """Return for each instant, in whole seconds since 1970, by how many seconds the zone's clock is ahead of UTC.

    Rules are asked twice for each day that occurs, and for one on which the clock is set some 17 times more, however
    many instants there are.
    """
    changes = [change for day in np.unique(seconds // DAY_S).tolist() for change in _changes(day, zone)]
    starts, ahead = np.array(changes, np.int64).reshape(-1, 2).T
    return np.asarray(ahead[np.searchsorted(starts, seconds, side="right") - 1])


def _changes(day: int, zone: str) -> list[tuple[int, int]]:
    """Return start and offset of a day in UTC; where the clock is set within it, then too."""
    start, stop = day * DAY_S, (day + 1) * DAY_S
    before, after = seconds_ahead(start, zone), seconds_ahead(stop, zone)
    if before == after:
        return [(start, before)]
    low, high = start, stop
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if seconds_ahead(middle, zone) == before else (low, middle)
    return [(start, before), (high, after)]
