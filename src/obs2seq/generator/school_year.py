"""When pupils practise: half hours of one school year."""

import numpy as np
import numpy.typing as npt

FIRST_DAY = np.datetime64("2024-09-02")
LAST_DAY = np.datetime64("2025-07-04")
HOLIDAYS = (
    ("2024-10-21", "2024-10-27"),
    ("2024-12-21", "2025-01-05"),
    ("2025-02-17", "2025-02-23"),
    ("2025-04-18", "2025-05-04"),
)
"""First and last day of each."""

SECONDS = int((LAST_DAY - FIRST_DAY).astype(int) + 1) * 86_400
"""Length of the school year."""

_AT_SCHOOL = [(7 * 60 + 30 * turn) * 60 for turn in range(13)]
_HOMEWORK = [hour * 3600 for hour in (15, 16, 17)]
_WEEKEND = [hour * 3600 for hour in (10, 16)]


def slots() -> npt.NDArray[np.int64]:
    """Return the start of every half hour in which a session may begin, ascending, in seconds after the first midnight.

    Times are UTC. A school day has most of them, a day of a weekend two, a holiday none.
    """
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    days = days[~np.any([(days >= np.datetime64(a)) & (days <= np.datetime64(b)) for a, b in HOLIDAYS], axis=0)]
    midnights = (days - FIRST_DAY).astype(np.int64) * 86_400
    is_school_day = np.is_busday(days)
    at_school = np.add.outer(midnights[is_school_day], _AT_SCHOOL + _HOMEWORK)
    weekend = np.add.outer(midnights[~is_school_day], _WEEKEND)
    return np.sort(np.concatenate([at_school.ravel(), weekend.ravel()]))
