"""Which windows each session has, which of them are kept, and where they lie: the contract's arithmetic on arrays."""

from dataclasses import dataclass

import numpy as np

from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.kernel.sessions import Sessions


@dataclass(frozen=True)
class Windows:
    """Kept windows in the order of the output, one array element each.

    Args:
        session: The number of its session, among all in order.
        sequence_index: Its index among its pupil's kept windows.
        first_position: The position of its first observation in the session.
        n_observations: Its observations.
        n_new: Those of them that are no context and stand in no earlier window; they are its last.
    """

    session: Array
    sequence_index: Array
    first_position: Array
    n_observations: Array
    n_new: Array

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True)
class Cuts:
    """How each session is cut into windows, one array element each.

    Args:
        count: Its windows, before any is left out.
        is_short: Whether `min_length` leaves out the one window that padding reaches.
        before: The windows of its pupil that stand before it, of those that `min_length` leaves.
        left_out: Its own first windows that `max_sequences_per_pupil` leaves out, or that hold context alone.
        too_many: All such windows of the pupil.
    """

    count: Array
    is_short: Array
    before: Array
    left_out: Array
    too_many: Array

    @property
    def kept(self) -> Array:
        """The windows that `min_length` leaves."""
        return np.asarray(self.count - self.is_short)


def cuts_of(sessions: Sessions, spec: SequenceSpec) -> Cuts:
    """Apply `min_length` and then `max_sequences_per_pupil` to each session's windows."""
    length, stride = spec.sequence_length, spec.stride
    count = np.where(sessions.length <= length, 1, 1 + -((length - sessions.length) // stride))
    is_short = sessions.length - (count - 1) * stride < spec.min_length
    kept = count - is_short
    before, total = _counted_by_pupil(sessions, kept)
    most = spec.max_sequences_per_pupil
    too_many = np.maximum(total - most, 0) if most is not None else np.zeros_like(total)
    if sessions.context is not None:
        # What holds context alone comes first in its pupil, as what is too many does.
        _, past = _counted_by_pupil(sessions, _of_context(sessions, sessions.context, kept, spec))
        too_many = np.maximum(too_many, past)
    return Cuts(count, is_short, before, np.clip(too_many - before, 0, kept), too_many)


def windows_of(sessions: Sessions, cuts: Cuts, spec: SequenceSpec) -> Windows:
    """Return the windows that are left."""
    length, stride = spec.sequence_length, spec.stride
    kept = cuts.kept
    n_rows = kept - cuts.left_out
    session = np.repeat(np.arange(len(kept)), n_rows)
    # A row's place among the kept windows of its session: what is left out by number comes before, so count backwards.
    row_of_session = np.arange(len(session)) - np.repeat(np.cumsum(n_rows) - kept, n_rows)
    n = sessions.length[session]
    if spec.align == "start":
        start = row_of_session * stride
    else:
        from_end = kept[session] - 1 - row_of_session
        start = n - length - from_end * stride
    first = np.maximum(start, 0)
    n_observations = np.minimum(start + length, n) - first
    n_new = n_observations - np.where(first == 0, 0, length - stride)
    if sessions.context is not None:
        n_new = np.minimum(n_new, first + n_observations - sessions.context[session])
    sequence_index = row_of_session + (cuts.before - cuts.too_many)[session]
    return Windows(session, sequence_index, first, n_observations, n_new)


def rows_left_out(sessions: Sessions, cuts: Cuts, spec: SequenceSpec) -> tuple[int, int]:
    """Count the observations, context apart, that are new in windows left out by `min_length`, and by number.

    Told from where windows end, not from the windows that are made: a ledger over both checks one by the other.
    """
    first = cuts.is_short.astype(np.int64) if spec.align == "end" else np.zeros_like(cuts.count)
    context = np.zeros_like(cuts.count) if sessions.context is None else sessions.context
    reached = np.maximum(_end(first, sessions, cuts, spec), context)
    kept = np.maximum(_end(first + cuts.kept, sessions, cuts, spec), context) - reached
    by_number = np.maximum(_end(first + cuts.left_out, sessions, cuts, spec), context) - reached
    return int((sessions.length - context - kept).sum()), int(by_number.sum())


def _end(n_windows: Array, sessions: Sessions, cuts: Cuts, spec: SequenceSpec) -> Array:
    """Return how many of a session's observations its first so many windows cover, in ascending position."""
    if spec.align == "start":
        end = np.minimum((n_windows - 1) * spec.stride + spec.sequence_length, sessions.length)
    else:
        end = sessions.length - (cuts.count - n_windows) * spec.stride
    return np.where(n_windows == 0, 0, end)


def _of_context(sessions: Sessions, context: Array, kept: Array, spec: SequenceSpec) -> Array:
    """Return how many of each session's kept windows end before its first observation that is no context."""
    length, stride = spec.sequence_length, spec.stride
    if spec.align == "end":
        others = -((context - sessions.length) // stride)
        return np.asarray(np.maximum(kept - others, 0))
    within = np.where(context < length, 0, (context - length) // stride + 1)
    return np.where(context == sessions.length, kept, within)


def _counted_by_pupil(sessions: Sessions, windows: Array) -> tuple[Array, Array]:
    """Return for each session the windows of its pupil before it, and in all, given those of each session."""
    up_to = np.concatenate([np.zeros(1, np.int64), np.cumsum(windows)])
    is_first = sessions.index == 0
    first = np.flatnonzero(is_first)[sessions.pupil]
    last = np.append(np.flatnonzero(is_first)[1:], len(windows))[sessions.pupil]
    return up_to[:-1] - up_to[first], up_to[last] - up_to[first]
