"""The whole sequence contract as one SELECT for Athena."""

from collections.abc import Mapping

from obs2seq.domain.spec import (
    FIRST_POSITION,
    IS_NEW,
    IS_PAD,
    N_OBSERVATIONS,
    SEQUENCE_INDEX,
    SESSION_INDEX,
    SequenceSpec,
)
from obs2seq.errors import SpecificationError
from obs2seq.sql.column_types import column_types
from obs2seq.sql.derived import require_columns_alone
from obs2seq.sql.histories import Types, histories, observations, positions, sessions
from obs2seq.sql.identifiers import quoted, table_reference
from obs2seq.sql.pads import pad_literal
from obs2seq.sql.statement import Select, require_statement_fits, with_steps
from obs2seq.sql.windows import Step, window_steps

MAX_ATHENA_LENGTH = 10_000
"""Trino's functions make no longer array out of nothing."""


def athena_select(spec: SequenceSpec, table: str, *, types: Mapping[str, str] | None = None) -> str:
    """Write one SELECT in Athena's dialect (engine 3, which is Trino's) that computes the sequence contract.

    Nothing is run. The statement can stand alone or inside UNLOAD, CREATE TABLE AS or CREATE VIEW. Its work is linear
    in what it reads and what it returns. No partition filter is written: name a view, where only a part is wanted.

    Args:
        spec: What to make; `sequence_length` is at most 10,000 here.
        table: `name`, `database.name` or `catalog.database.name`; a part that holds a dot or a quote stands in double
            quotes, with quotes inside it doubled. One row an observation, in any order. Null pupils are one pupil.
        types: Column names with their types, as the catalogue has them, in Hive's or Trino's names (`int`, `string`,
            `decimal(10,2)`, `timestamp(6)`); columns that are not read are passed over. A pad is written in its
            column's type, after checking that the type holds it. Where a column's type is not named:

            - its pad is written in the narrowest type that holds it, so the array keeps the column's type if that can
              hold the pad; if it cannot, nothing is refused, and the array's type is widened;
            - a text pad is a text: name the type of a date or a timestamp, of a `varchar(n)` or a `char(n)`, and of a
              decimal that has fewer digits before its point than its pad's narrowest integer type (3, 5, 10 or 19);
            - the time that sessions are measured by is a timestamp: name the type of a date or a number;
            - its order is written with more terms, for it may hold NaN or -0.0.

    Returns:
        The statement, ended by a line feed, without a semicolon. Its rows are in no stated order and have the columns
        `spec.outputs`: the pupil; session_index, sequence_index, first_position, n_observations (integer);
        is_pad_sequence, is_new_sequence (array(tinyint)); and for each feature an array of the column's type.

    Raises:
        SpecificationError: The table is no name; a feature is derived; `sequence_length` is above 10,000; a pad is not
            a value of its column's type; the time of sessions is no time, or their gap is finer than a millisecond; or
            the statement is longer than Athena's limit.
        DataError: A column that is read is no scalar.

    Example:
        >>> spec = SequenceSpec.model_validate({
        ...     "order_by": ["answered_at"],
        ...     "sequence_length": 5,
        ...     "features": [{"name": "correct", "column": "correct", "pad": 0}],
        ... })
        >>> athena_select(spec, "school.answers", types={"correct": "int"}).splitlines()[6].strip()
        'FROM "school"."answers"'
    """
    require_columns_alone(spec)
    known = column_types(spec, types or {})
    steps = [("observations", observations(spec, table_reference(table))), *sequence_steps(spec, known)]
    return require_statement_fits(with_steps(steps, sequences(spec, known)))


def sequence_steps(spec: SequenceSpec, types: Types) -> list[Step]:
    """Return the steps from `observations` (pupil, key_0 …) to those that `sequences` reads.

    Raises:
        SpecificationError: `sequence_length` is above 10,000; or the time of sessions is no time.
    """
    _require_short_arrays(spec)
    steps = [("histories", histories(spec, types))]
    if spec.session_gap_seconds is not None:
        steps.append(("sessions", sessions(spec, types)))
    return [*steps, ("positions", positions(spec)), *window_steps(spec), ("sequences", _gathered(spec))]


def _gathered(spec: SequenceSpec) -> Select:
    """Gather each window's observations in ascending position; nulls stay in their places."""
    arrays = ("is_new", *(f"value_{i}" for i in range(len(spec.features))))
    return Select(
        (
            "pupil",
            "session",
            "sequence_index",
            "min(position) AS first_position",
            "count(*) AS n_observations",
            *(f"array_agg({name} ORDER BY position) AS {name}" for name in arrays),
        ),
        "windows",
        ("GROUP BY pupil, session, sequence_index",),
    )


def sequences(spec: SequenceSpec, types: Types) -> Select:
    """Return the contract's output: fill every array; what is not there and what is null become the pad in one.

    Raises:
        SpecificationError: A pad is not a value of its column's type.
    """
    zero, one = (f"CAST({bit} AS tinyint)" for bit in (0, 1))
    pads = [pad_literal(feature, types.get(feature.column)) for feature in spec.features]
    return Select(
        (
            f"pupil AS {quoted(spec.pupil)}",
            f"CAST(session AS integer) AS {quoted(SESSION_INDEX)}",
            f"CAST(sequence_index AS integer) AS {quoted(SEQUENCE_INDEX)}",
            f"CAST(first_position AS integer) AS {quoted(FIRST_POSITION)}",
            f"CAST(n_observations AS integer) AS {quoted(N_OBSERVATIONS)}",
            f"{_each_place(spec, f'CASE WHEN {_is_real(spec)} THEN {zero} ELSE {one} END')} AS {quoted(IS_PAD)}",
            f"{_each_place(spec, _element(spec, 'is_new', zero))} AS {quoted(IS_NEW)}",
            *(
                f"{_each_place(spec, _element(spec, f'value_{i}', pad))} AS {quoted(feature.output)}"
                for i, (feature, pad) in enumerate(zip(spec.features, pads, strict=True))
            ),
        ),
        "sequences",
    )


def _each_place(spec: SequenceSpec, element: str) -> str:
    return f"transform(sequence(1, {spec.sequence_length}), i -> {element})"


def _is_real(spec: SequenceSpec) -> str:
    return "i <= n_observations" if spec.pad_side == "end" else f"i > {spec.sequence_length} - n_observations"


def _element(spec: SequenceSpec, array: str, pad: str) -> str:
    """An index below 1 would count from the end, or fail."""
    index = "i" if spec.pad_side == "end" else f"i - {spec.sequence_length} + n_observations"
    return f"coalesce(CASE WHEN {_is_real(spec)} THEN element_at({array}, {index}) END, {pad})"


def _require_short_arrays(spec: SequenceSpec) -> None:
    if spec.sequence_length > MAX_ATHENA_LENGTH:
        raise SpecificationError(
            "sequence_length",
            f"expected at most {MAX_ATHENA_LENGTH} in Athena, whose functions make no longer arrays, "
            f"found {spec.sequence_length}",
            "make such sequences with Spark",
        )
