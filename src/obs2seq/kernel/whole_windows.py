"""Windows that cut no observation in two: each holds as many whole ones as fit, from the start or from the end."""

from __future__ import annotations

import numpy as np

from obs2seq.domain.exploding import too_many_elements
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.kernel.sessions import Sessions
from obs2seq.kernel.windows import Windows

LeftOut = tuple[int, int]
"""The elements that are new in windows left out by `min_length`, and by number."""


def whole_windows(sessions: Sessions, bounds: Array, spec: SequenceSpec) -> tuple[Windows, LeftOut]:
    """Return the windows that are left, and what is in those that are not.

    Args:
        sessions: In elements.
        bounds: The place of each observation's first element, and behind them the number of all elements.
        spec: With windows that do not overlap.

    Raises:
        DataError: Some observation has more elements than a window.
    """
    overlong = int(np.count_nonzero(np.diff(bounds) > spec.sequence_length))
    if overlong:
        raise too_many_elements(overlong, spec, len(bounds) - 1)
    session, start, stop = _filled(sessions, bounds, spec)
    context = np.zeros(len(sessions.start), np.int64) if sessions.context is None else sessions.context
    n_new = np.minimum(stop - start, np.maximum(stop - (sessions.start + context)[session], 0))
    is_long = stop - start >= spec.min_length
    # What holds context alone is no window.
    kept = _last(np.flatnonzero(is_long & (n_new > 0)), sessions.pupil[session], spec.max_sequences_per_pupil)
    by_length = int(n_new[~is_long].sum())
    by_number = int(n_new[is_long].sum()) - int(n_new[kept].sum())
    index = _counted(sessions.pupil[session[kept]])
    first = (start - sessions.start[session])[kept]
    return Windows(session[kept], index, first, (stop - start)[kept], n_new[kept]), (by_length, by_number)


def _filled(sessions: Sessions, bounds: Array, spec: SequenceSpec) -> tuple[Array, Array, Array]:
    """Return session, start and end of all windows, in order of their places."""
    first = np.searchsorted(bounds, sessions.start)
    ends = np.append(first, len(bounds) - 1)[1:]
    counts = ends - first
    if spec.align == "start":
        reach = np.searchsorted(bounds, bounds[:-1] + spec.sequence_length, side="right") - 1
        stop_of = np.minimum(reach, np.repeat(ends, counts))
        start = _reached(np.append(stop_of, len(stop_of)), first)[:-1].nonzero()[0]
        stop = stop_of[start]
    else:
        reach = np.searchsorted(bounds, bounds[1:] - spec.sequence_length, side="left")
        start_of = np.maximum(reach, np.repeat(first, counts))
        stop = _reached(np.append(0, start_of), ends)[1:].nonzero()[0] + 1
        start = start_of[stop - 1]
    return np.searchsorted(first, start, side="right") - 1, bounds[start], bounds[stop]


def _reached(jump: Array, origins: Array) -> Array:
    """Return which places jumps lead to from some origins, these included; each place has one jump.

    Jumps are doubled each time: what takes a million of them takes twenty rounds.
    """
    is_reached = np.zeros(len(jump), bool)
    is_reached[origins] = True
    while not is_reached[found := jump[is_reached]].all():
        is_reached[found] = True
        jump = jump[jump]
    return is_reached


def _last(windows: Array, pupil: Array, most: int | None) -> Array:
    """Return the last so many windows of each pupil."""
    if most is None:
        return windows
    from_end = _counted(-pupil[windows][::-1])[::-1]
    return windows[from_end < most]


def _counted(groups: Array) -> Array:
    """Number the members of each group, which stand together in ascending order."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups, side="left")
