"""Windows that cut no observation in two: each holds as many whole ones as fit, from the start or from the end."""

from __future__ import annotations

from collections.abc import Iterator

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
    session, start, stop = _joined(_filled(sessions, bounds, spec))
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


def _filled(sessions: Sessions, bounds: Array, spec: SequenceSpec) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the session, start and end of a window of each session that is not used up, until all are.

    They come in the order of the places, or in the opposite one where windows are filled from the end.
    """
    open_ = np.arange(len(sessions.start))
    is_from_end = spec.align == "end"
    here = sessions.start + sessions.length if is_from_end else sessions.start
    until = sessions.start if is_from_end else sessions.start + sessions.length
    while len(open_):
        if is_from_end:
            reached = bounds[np.searchsorted(bounds, here - spec.sequence_length, side="left")]
            there = np.maximum(reached, until)
            yield open_, there, here
        else:
            reached = bounds[np.searchsorted(bounds, here + spec.sequence_length, side="right") - 1]
            there = np.minimum(reached, until)
            yield open_, here, there
        is_open = there != until
        open_, here, until = open_[is_open], there[is_open], until[is_open]


def _joined(windows: Iterator[tuple[Array, Array, Array]]) -> tuple[Array, Array, Array]:
    """Put windows in order of their places, which is that of the sessions."""
    none = np.zeros(0, np.int64)
    session, start, stop = (np.concatenate([none, *parts]) for parts in zip(*[(none,) * 3, *windows], strict=True))
    order = np.argsort(start, kind="stable")
    return session[order], start[order], stop[order]


def _last(windows: Array, pupil: Array, most: int | None) -> Array:
    """Return the last so many windows of each pupil."""
    if most is None:
        return windows
    from_end = _counted(-pupil[windows][::-1])[::-1]
    return windows[from_end < most]


def _counted(groups: Array) -> Array:
    """Number the members of each group, which stand together in ascending order."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups, side="left")
