"""What becomes of every row, counted: the statement that a run's ledger is made of."""

from obs2seq.domain import rules
from obs2seq.domain.spec import SequenceSpec
from obs2seq.sql.selection import VERDICT
from obs2seq.sql.statement import Select
from obs2seq.sql.windows import Step

ROWS_IN = "rows_in"
SEQUENCED = "sequenced"
ROWS_OUT = "rows_out"

ROW_RULES = (
    rules.FILTER,
    rules.NOT_UTF8,
    rules.NULL_PUPIL,
    rules.NULL_TIME,
    rules.TIME_OUT_OF_RANGE,
    rules.UNKNOWN_SUBSET,
    rules.OTHER_SUBSET,
)
"""What leaves a row out for its own sake."""

HISTORY = f"{VERDICT}, pupil"
"""Rows that are left out go along with the others, each rule's for themselves: so one scan of the table is enough."""


def input_counts() -> Select:
    """Count the rows of `judged`: all, and those that each rule leaves out."""
    return Select((f"count(*) AS {ROWS_IN}", *_by_rule("1")), "judged")


def row_counts() -> Select:
    """Count the rows of `verdicts`, all that are kept being written as they are."""
    kept = f"{_total(f'CASE WHEN {VERDICT} IS NULL THEN 1 ELSE 0 END')}"
    no_windows = (f"0 AS {rules.MIN_LENGTH}", f"0 AS {rules.MAX_SEQUENCES}")
    columns = (
        f"count(*) AS {ROWS_IN}",
        *_by_rule("1"),
        f"{_total('is_duplicate')} AS {rules.DUPLICATE}",
        *no_windows,
        f"{kept} AS {SEQUENCED}",
        f"{kept} AS {ROWS_OUT}",
    )
    return Select(columns, "verdicts")


def session_counts(spec: SequenceSpec, source: str) -> list[Step]:
    """Return the steps that count each session's windows, and those of them that are left out.

    Counted from the end that `align` names, the final window is the only one that may be short. A number of windows
    that stand side by side has as many new observations as positions that they cover, less what earlier ones cover.
    """
    session = "session" if spec.session_gap_seconds is not None else "0"
    rows = Select(
        (VERDICT, "pupil", f"{session} AS session", "count(*) AS n", "sum(is_duplicate) AS n_alike"),
        source,
        (f"GROUP BY {HISTORY}{', session' if session == 'session' else ''}",),
    )
    return [
        ("sessions_counted", rows),
        ("windows_counted", Select(("*", f"{_n_windows(spec)} AS n_windows"), "sessions_counted")),
        ("final_windows", Select(("*", f"n - (n_windows - 1) * {spec.stride} AS n_final"), "windows_counted")),
        ("short_windows", Select(("*", f"{_is_short(spec)} AS n_short"), "final_windows")),
        ("sequences_counted", Select(("*", f"{_n_too_many(spec)} AS n_too_many"), "short_windows")),
    ]


def sequence_counts(spec: SequenceSpec) -> Select:
    """Add up what the sessions' sequences hold and leave out."""
    kept = f"{VERDICT} IS NULL"
    short = f"CASE WHEN {kept} AND n_short = 1 THEN {_new_in_final(spec)} ELSE 0 END"
    too_many = f"CASE WHEN {kept} AND n_too_many > 0 THEN {_new_in_first(spec)} ELSE 0 END"
    columns = (
        f"{_total('n')} AS {ROWS_IN}",
        *_by_rule("n"),
        f"{_total('n_alike')} AS {rules.DUPLICATE}",
        f"{_total(short)} AS {rules.MIN_LENGTH}",
        f"{_total(too_many)} AS {rules.MAX_SEQUENCES}",
        f"{_total(f'CASE WHEN {kept} THEN n ELSE 0 END - ({short}) - ({too_many})')} AS {SEQUENCED}",
        f"{_total(f'CASE WHEN {kept} THEN n_windows - n_short - n_too_many ELSE 0 END')} AS {ROWS_OUT}",
    )
    return Select(columns, "sequences_counted")


def _by_rule(rows: str) -> tuple[str, ...]:
    return tuple(
        f"{_total(f'''CASE WHEN {VERDICT} = '{rule}' THEN {rows} ELSE 0 END''')} AS {rule}" for rule in ROW_RULES
    )


def _total(rows: str) -> str:
    return f"CAST(coalesce(sum({rows}), 0) AS bigint)"


def _n_windows(spec: SequenceSpec) -> str:
    """One, and one more for each stride or part of one that the session is longer than a window."""
    further = f"(greatest(n - {spec.sequence_length}, 0) + {spec.stride - 1})"
    return (
        f"1 + {further}"
        if spec.stride == 1
        else f"1 + CAST(({further} - {further} % {spec.stride}) / {spec.stride} AS bigint)"
    )


def _is_short(spec: SequenceSpec) -> str:
    return f"CASE WHEN n_final < {spec.min_length} THEN 1 ELSE 0 END" if spec.min_length > 1 else "0"


def _n_too_many(spec: SequenceSpec) -> str:
    """Of a pupil's sequences the first are too many: of a session's own, those that earlier sessions leave over."""
    if spec.max_sequences_per_pupil is None:
        return "0"
    kept = "n_windows - n_short"
    in_all = f"sum({kept}) OVER (PARTITION BY {HISTORY})"
    earlier = f"sum({kept}) OVER (PARTITION BY {HISTORY} ORDER BY session ROWS UNBOUNDED PRECEDING) - ({kept})"
    too_many = f"{in_all} - {spec.max_sequences_per_pupil} - ({earlier})"
    return f"CAST(least(greatest({too_many}, 0), {kept}) AS bigint)"


def _new_in_final(spec: SequenceSpec) -> str:
    """The observations that are new in the window at the far end: aligned at the end, it is the session's first."""
    overlap = spec.sequence_length - spec.stride
    if spec.align == "end" or not overlap:
        return "n_final"
    return f"CASE WHEN n_windows = 1 THEN n ELSE n_final - {overlap} END"


def _new_in_first(spec: SequenceSpec) -> str:
    """The observations that are new in the first `n_too_many` of a session's kept windows."""
    before_the_last = f"(n_too_many - 1) * {spec.stride}"
    if spec.align == "start":
        return f"least(n, {before_the_last} + {spec.sequence_length})"
    return f"CASE WHEN n_short = 1 THEN n_too_many * {spec.stride} ELSE n_final + {before_the_last} END"
