"""From positions to windows: the arithmetic of stride and alignment.

Counted from the end that `align` names, a window starts at a place that is a multiple of the stride, and is named by
it: `align = end` is `align = start` on places that run backwards. Each observation is repeated for the windows that
keep it, and for no other: the work is linear in the output.
"""

from obs2seq.domain.spec import SequenceSpec
from obs2seq.sql.statement import Select

Step = tuple[str, Select]
"""A step and its name."""


def window_steps(spec: SequenceSpec) -> list[Step]:
    """Return the steps from `positions` to `windows`, which has a row for each observation of each kept window.

    Columns of `windows`: pupil, session, sequence_index, position, is_new, value_0 ….
    """
    steps = [("places", _places(spec)), ("covers", _covers(spec))]
    if _needs_counts(spec):
        steps.append(("counts", _counts(spec)))
    if _leaves_windows_out(spec):
        steps.append(("spans", _spans(spec, steps[-1][0])))
    return [*steps, ("windows", _windows(spec, steps[-1][0]))]


def _needs_counts(spec: SequenceSpec) -> bool:
    """Whether a sequence's index depends on how many its pupil has in other sessions, or in all."""
    return spec.session_gap_seconds is not None or spec.max_sequences_per_pupil is not None


def _leaves_windows_out(spec: SequenceSpec) -> bool:
    return spec.min_length > 1 or spec.max_sequences_per_pupil is not None


def _places(spec: SequenceSpec) -> Select:
    """Add each observation's place, and the session's final window, which is the first to reach the far end."""
    place = "position" if spec.align == "start" else "length - 1 - position"
    return Select(("*", f"{place} AS place", f"{_first_window('(length - 1)', spec)} AS final_window"), "positions")


def _covers(spec: SequenceSpec) -> Select:
    """Add the windows that cover each observation, and the last that `min_length` keeps: only the final one is short.

    A session may keep none: its last kept window then lies a stride below 0.
    """
    last = f"least({_down_to_stride('place', spec)}, final_window)"
    kept = "final_window"
    if spec.min_length > 1:
        is_short = f"length - final_window < {spec.min_length}"
        kept = f"CASE WHEN {is_short} THEN final_window - {spec.stride} ELSE final_window END"
    covering = (f"{_first_window('place', spec)} AS first_window", f"{last} AS last_window")
    return Select(("*", *covering, f"{kept} AS last_kept"), "places")


def _counts(spec: SequenceSpec) -> Select:
    """Add the number of the pupil's sequences in earlier sessions, and of those in all that are too many."""
    in_session = f"{_whole('last_kept', spec)} + 1"
    earlier, in_all = "0", in_session
    if spec.session_gap_seconds is not None:
        once = f"CASE WHEN position = 0 THEN {in_session} ELSE 0 END"
        so_far = "OVER (PARTITION BY pupil ORDER BY session, position ROWS UNBOUNDED PRECEDING)"
        earlier = f"CAST(sum({once}) {so_far} AS bigint) - ({in_session})"
        in_all = f"CAST(sum({once}) OVER (PARTITION BY pupil) AS bigint)"
    most = spec.max_sequences_per_pupil
    too_many = "0" if most is None else f"greatest({in_all} - {most}, 0)"
    return Select(("*", f"{earlier} AS n_earlier", f"{too_many} AS n_too_many"), "covers")


def _spans(spec: SequenceSpec, source: str) -> Select:
    """Add the first and the last window that covers each observation and is kept, and leave out who has none."""
    first, last = "first_window", "last_kept"
    if spec.max_sequences_per_pupil is not None:
        left_out = f"greatest(n_too_many - n_earlier, 0) * {spec.stride}"
        if spec.align == "start":
            first = f"greatest(first_window, {left_out})"
        else:
            last = f"last_kept - {left_out}"
    return Select(("*", f"{first} AS first_span", f"least(last_window, {last}) AS last_span"), source)


def _windows(spec: SequenceSpec, source: str) -> Select:
    """Take each observation for every window that keeps it."""
    first, last = ("first_span", "last_span") if source == "spans" else ("first_window", "last_window")
    if spec.is_chunked:
        clauses = (f"WHERE {first} <= {last}",) if source == "spans" else ()
        return Select(_window_columns(spec, first), source, clauses)
    covering = f"sequence({first}, {last}, {spec.stride})"
    if source == "spans":
        # A filter beside it could come too late: a sequence that would run backwards is an error.
        covering = f"CASE WHEN {first} <= {last} THEN {covering} END"
    clause = f"CROSS JOIN UNNEST({covering}) AS covering (window_start)"
    return Select(_window_columns(spec, "window_start"), source, (clause,))


def _window_columns(spec: SequenceSpec, window: str) -> tuple[str, ...]:
    in_session = window if spec.align == "start" else f"(last_kept - {window})"
    index = _whole(in_session, spec)
    new_in = "first_window" if spec.align == "start" else "last_window"
    is_new = "1" if spec.is_chunked else f"CASE WHEN {window} = {new_in} THEN 1 ELSE 0 END"
    return (
        "pupil",
        "session",
        f"{f'n_earlier - n_too_many + {index}' if _needs_counts(spec) else index} AS sequence_index",
        "position",
        f"CAST({is_new} AS tinyint) AS is_new",
        *(f"value_{i}" for i in range(len(spec.features))),
    )


def _first_window(place: str, spec: SequenceSpec) -> str:
    """The first window that covers a place, if the session has so many."""
    overlap = spec.sequence_length - spec.stride
    return _down_to_stride(f"greatest({place} - {overlap}, 0)" if overlap else place, spec)


def _down_to_stride(place: str, spec: SequenceSpec) -> str:
    return place if spec.stride == 1 else f"{place} - {place} % {spec.stride}"


def _whole(multiple: str, spec: SequenceSpec) -> str:
    """Divide a multiple of the stride by it: exact, also where a dialect's division gives a float."""
    return multiple if spec.stride == 1 else f"CAST({multiple} / {spec.stride} AS bigint)"
