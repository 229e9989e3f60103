"""From a table to positions: each observation with its session, its position there and its features' values.

Columns bear internal names from here on (`pupil`, `key_0` …, `value_0` …), so that no name in the table can collide
with one of the statement's own.
"""

from collections.abc import Mapping

from obs2seq.domain.spec import SequenceSpec
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.identifiers import quoted
from obs2seq.sql.session_gaps import is_gap_above
from obs2seq.sql.statement import Select

Types = Mapping[str, ColumnType]
"""The types of those columns of which a type is known."""


def keys(spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column that is read, in the contract's total order after the pupil."""
    ordering = [name for name in spec.columns if name != spec.pupil]
    return {spec.pupil: "pupil"} | {name: f"key_{i}" for i, name in enumerate(ordering)}


def observations(spec: SequenceSpec, table: str) -> Select:
    """Read the columns that sequences need, each once."""
    return Select(tuple(f"{quoted(name)} AS {key}" for name, key in keys(spec).items()), table)


def histories(spec: SequenceSpec, types: Types, history: str = "pupil", source: str = "observations") -> Select:
    """Number each pupil's observations from 1, in the total order; with sessions, add the time of the one before.

    Args:
        spec: What to make.
        types: As far as they are known.
        history: The columns that keep one history apart from the others.
        source: The step before.
    """
    order = order_terms({key: may_be_float(name, spec, types) for name, key in ordering_keys(spec).items()})
    in_order = f"OVER (PARTITION BY {history}{f' ORDER BY {order}' if order else ''})"
    columns = ["*", f"row_number() {in_order} AS place_in_history"]
    if spec.session_gap_seconds is not None:
        columns.append(f"lag({_time(spec)}) {in_order} AS previous_time")
    return Select(tuple(columns), source)


def sessions(spec: SequenceSpec, types: Types, history: str = "pupil") -> Select:
    """Number each history's sessions from 0."""
    is_start = is_gap_above(spec, types.get(spec.order_by[0]), _time(spec), "previous_time")
    so_far = f"OVER (PARTITION BY {history} ORDER BY place_in_history ROWS UNBOUNDED PRECEDING)"
    return Select(("*", f"sum(CASE WHEN {is_start} THEN 1 ELSE 0 END) {so_far} AS session"), "histories")


def positions(spec: SequenceSpec) -> Select:
    """Number each session's observations from 0; read the features' values, the shifted ones from where they stand."""
    has_sessions = spec.session_gap_seconds is not None
    session = "PARTITION BY pupil, session" if has_sessions else "PARTITION BY pupil"
    in_order = f"OVER ({session} ORDER BY place_in_history)"
    key = keys(spec)
    values = (_value(key[feature.column], feature.shift, in_order) for feature in spec.features)
    return Select(
        (
            "pupil",
            "session" if has_sessions else "0 AS session",
            f"row_number() {in_order} - 1 AS position" if has_sessions else "place_in_history - 1 AS position",
            f"count(*) OVER ({session}) AS length",
            *(f"{value} AS value_{i}" for i, value in enumerate(values)),
        ),
        "sessions" if has_sessions else "histories",
    )


def _time(spec: SequenceSpec) -> str:
    return keys(spec)[spec.order_by[0]]


def order_terms(is_float: Mapping[str, bool]) -> str:
    """Return the total order over some keys, told which of them may be floats: text goes by code point of itself.

    Trino puts NaN where it puts nulls, and takes -0.0 and 0.0 for equal. Only a NaN differs from itself; the sign of a
    zero counts where all keys tie. The terms are right for keys of any type.
    """
    values = [
        f"{key} <> {key} NULLS FIRST, {key} NULLS FIRST" if f else f"{key} NULLS FIRST" for key, f in is_float.items()
    ]
    signs = [f"CAST({key} AS varchar) NOT LIKE '-0%'" for key, may_be_float in is_float.items() if may_be_float]
    return ", ".join(values + signs)


def ordering_keys(spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column that orders a pupil's history."""
    return {name: key for name, key in keys(spec).items() if name != spec.pupil}


def may_be_float(name: str, spec: SequenceSpec, types: Types) -> bool:
    """Whether a column may hold NaN and -0.0, as far as is known."""
    if name in types:
        return types[name].sql in {"real", "double"}
    return not any(feature.column == name and isinstance(feature.pad, bool | str) for feature in spec.features)


def _value(key: str, shift: int, in_order: str) -> str:
    if shift == 0:
        return key
    return f"{'lead' if shift > 0 else 'lag'}({key}, {abs(shift)}) {in_order}"
