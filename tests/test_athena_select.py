"""The statement for Athena: run in DuckDB, and on a real Trino where the environment names one as TRINO_URL."""

import datetime
import decimal
import doctest
import math
from typing import Any

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec, athena_select
from obs2seq.errors import DataError, SpecificationError
from obs2seq.sql import athena
from obs2seq.sql.statement import MAX_STATEMENT_BYTES, require_statement_fits
from tests import oracle
from tests.athena_golden import GOLDEN, RUNS, SPECIFICATIONS, statement
from tests.contract_vectors import Vector, load_vectors
from tests.sql_engines import Engine, comparable, engine_named

NAN = float("nan")
TRINO_NAMES = {"long": "bigint", "int": "integer", "string": "varchar", "timestamp": "timestamp(6)"}
FEATURE = {"name": "x", "column": "x", "pad": 0}
_moment = datetime.datetime.fromisoformat
START = _moment("2026-01-05 08:00:00")


def _spec(**fields: Any) -> SequenceSpec:
    defaults = {"order_by": ["t"], "sequence_length": 2, "features": [FEATURE]}
    return SequenceSpec.model_validate(defaults | fields)


def _column(
    engine: Engine, spec: SequenceSpec, table: str, name: str, types: dict[str, str] | None = None
) -> list[Any]:
    """Return one output column, by pupil and sequence index."""
    _, rows = engine.run(athena_select(spec, table, types=types))
    return [row[name] for row in sorted(rows, key=lambda row: (row[spec.pupil], row["sequence_index"]))]


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_statement_gives_the_vectors_sequences(engine: Engine, vector: Vector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    types = {name: TRINO_NAMES.get(type_, type_) for name, type_ in vector.schema.items()}
    table = engine.table(types, [[_without_zone(value) for value in row] for row in vector.parsed_rows()])

    columns, rows = engine.run(athena_select(spec, table))

    keys = (spec.pupil, "sequence_index")
    assert comparable(rows, keys) == comparable(vector.sequences, keys)
    assert columns == [(name, engine.as_type(type_)) for name, type_ in _output_columns(spec, types)]


def _without_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


def _output_columns(spec: SequenceSpec, types: dict[str, str]) -> list[tuple[str, str]]:
    """The contract's output columns and types, said anew."""
    numbers = ("session_index", "sequence_index", "first_position", "n_observations")
    return [
        (spec.pupil, types[spec.pupil]),
        *((name, "integer") for name in numbers),
        *((name, "array(tinyint)") for name in ("is_pad_sequence", "is_new_sequence")),
        *((feature.output, f"array({types[feature.column]})") for feature in spec.features),
    ]


COLUMNS: dict[str, tuple[str, list[Any], list[tuple[Any, Any]]]] = {
    "answered_at": ("timestamp(6)", [START + datetime.timedelta(seconds=s) for s in (0, 1, 60, 61.000001, 90)], []),
    "tiny": ("tinyint", [-128, 0, 127], [(-1, -1), (0.0, 0)]),
    "large": ("bigint", [-(2**63), 0, 2**63 - 1], [(2**40, 2**40), (0, 0)]),
    "real": ("real", [-0.0, 0.0, 0.5, NAN], [(0.25, 0.25), (-1, -1.0)]),
    "double": ("double", [-0.0, 0.0, 0.1, -math.inf, NAN], [(0.1, 0.1), (NAN, NAN), (-0.0, -0.0), (1e300, 1e300)]),
    "amount": ("decimal(10,2)", [decimal.Decimal("0.10"), decimal.Decimal("-7.00")], [(0.05, decimal.Decimal("0.05"))]),
    "text": ("varchar", ["", "a", "Z", "é", "\uffff", "𝄞"], [("it's \\ \n", "it's \\ \n")]),
    "right": ("boolean", [False, True], [(False, False)]),
    "day": (
        "date",
        [datetime.date(2026, 1, 5), datetime.date(1969, 12, 31)],
        [("1970-01-01", datetime.date(1970, 1, 1))],
    ),
    "seen_at": ("timestamp(6)", [START], [("1970-01-01T00:00:00.000001", _moment("1970-01-01 00:00:00.000001"))]),
}
"""For each column its type, values, and pads: as a specification has them, and as the arrays have them."""

TYPES = {"pupilid": "bigint"} | {name: type_ for name, (type_, _, _) in COLUMNS.items()}


@st.composite
def _cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any], list[list[Any]]]:
    """Draw a specification in its JSON form, its pads as values, and rows."""
    length = draw(st.integers(1, 6))
    features, pads = [], []
    for i in range(draw(st.integers(1, 3))):
        column = draw(st.sampled_from([name for name, (_, _, allowed) in COLUMNS.items() if allowed]))
        written, value = draw(st.sampled_from(COLUMNS[column][2]))
        features.append({"name": f"f{i}", "column": column, "pad": written, "shift": draw(st.integers(-3, 3))})
        pads.append(value)
    spec = {
        "order_by": ["answered_at", *draw(st.lists(st.sampled_from(["tiny", "double", "text"]), unique=True))],
        "sequence_length": length,
        "stride": draw(st.integers(1, length)),
        "align": draw(st.sampled_from(["start", "end"])),
        "pad_side": draw(st.sampled_from(["start", "end"])),
        "min_length": draw(st.integers(1, length)),
        "max_sequences_per_pupil": draw(st.none() | st.integers(1, 4)),
        "session_gap_seconds": draw(st.none() | st.sampled_from([0.0, 1.0, 30.0, 0.999])),
        "features": features,
    }
    cells = [st.none() | st.sampled_from(values) for _, values, _ in COLUMNS.values()]
    rows = draw(st.lists(st.tuples(st.sampled_from([None, 1, 2]), *cells).map(list), max_size=25))
    return spec, pads, rows


def _check_against_oracle(engine: Engine, case: tuple[dict[str, Any], list[Any], list[list[Any]]]) -> None:
    fields, pads, rows = case
    table = engine.table(TYPES, rows, "drawn")

    columns, sequences = engine.run(athena_select(SequenceSpec.model_validate(fields), table, types=TYPES))

    features = [feature | {"pad": pad} for feature, pad in zip(fields["features"], pads, strict=True)]
    given_ = {key: value for key, value in fields.items() if value is not None} | {"features": features}
    expected = oracle.sequences([dict(zip(TYPES, row, strict=True)) for row in rows], given_)
    keys = ("pupilid", "sequence_index")
    assert comparable(sequences, keys) == comparable(expected, keys)
    assert [type_ for _, type_ in columns] == [
        engine.as_type(type_) for _, type_ in _output_columns(SequenceSpec.model_validate(fields), TYPES)
    ]


_HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=120, deadline=None, suppress_health_check=_HEALTH, derandomize=True)
@given(case=_cases())
def test_duckdb_agrees_with_the_oracle(case: tuple[dict[str, Any], list[Any], list[list[Any]]]) -> None:
    with engine_named("duckdb") as duckdb:
        assert duckdb is not None
        _check_against_oracle(duckdb, case)


@settings(max_examples=25, deadline=None, suppress_health_check=_HEALTH, derandomize=True)
@given(case=_cases())
def test_trino_agrees_with_the_oracle(case: tuple[dict[str, Any], list[Any], list[list[Any]]]) -> None:
    with engine_named("trino") as trino:
        if trino is None:
            pytest.skip("TRINO_URL is not set: no Trino to ask")
        _check_against_oracle(trino, case)


@pytest.mark.parametrize(
    ("type_", "pad", "padded"),
    [
        ("tinyint", -1, -1),
        ("tinyint", 0.0, 0),
        ("smallint", 300, 300),
        ("integer", 70_000, 70_000),
        ("bigint", 2**62, 2**62),
        ("bigint", 0, 0),
        ("real", 0.25, 0.25),
        ("real", -0.0, -0.0),
        ("real", math.inf, math.inf),
        ("real", 2**24 + 0.0, 2.0**24),
        ("double", -1, -1.0),
        ("double", 0.1, 0.1),
        ("double", 0.1 + 0.2, 0.1 + 0.2),
        ("double", 1e-300, 1e-300),
        ("decimal(10,2)", -1, decimal.Decimal("-1.00")),
        ("decimal(10,2)", 0.05, decimal.Decimal("0.05")),
        ("decimal(38,0)", 10**37, decimal.Decimal(10**37)),
        ("boolean", False, False),
        ("varchar", "<it's>", "<it's>"),
    ],
)
@pytest.mark.parametrize("is_type_known", [False, True])
def test_pad_leaves_the_columns_type(engine: Engine, type_: str, pad: Any, padded: Any, *, is_type_known: bool) -> None:
    types = {"pupilid": "bigint", "t": "integer", "x": type_}
    table = engine.table(types, [[1, 1, None]])
    spec = _spec(features=[FEATURE | {"pad": pad}])

    columns, rows = engine.run(athena_select(spec, table, types=types if is_type_known else None))

    assert columns[-1] == ("x_sequence", engine.as_type(f"array({type_})"))
    assert repr(rows[0]["x_sequence"]) == repr([padded, padded])


@pytest.mark.parametrize(
    ("type_", "named", "pad", "padded"),
    [
        ("decimal(2,1)", "decimal(2,1)", 0, decimal.Decimal("0.0")),
        ("date", "date", "1970-01-01", datetime.date(1970, 1, 1)),
        ("timestamp(3)", "timestamp", "1970-01-01T02:00:00.5+02:00", _moment("1970-01-01 00:00:00.5")),
        ("timestamp(6)", "TIMESTAMP(6)", "1970-01-01 00:00:00.000001", _moment("1970-01-01 00:00:00.000001")),
        ("varchar(5)", "varchar(5)", "none", "none"),
        ("integer", "int", -1, -1),
        ("real", "float", -1, -1.0),
        ("varchar", "string", "", ""),
    ],
)
def test_named_types_are_the_catalogues(engine: Engine, type_: str, named: str, pad: Any, padded: Any) -> None:
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": type_}, [[1, 1, None]])
    spec = _spec(features=[FEATURE | {"pad": pad}])

    columns, rows = engine.run(athena_select(spec, table, types={"X": named, "unread": "map<int,int>"}))

    assert columns[-1] == ("x_sequence", engine.as_type(f"array({type_})"))
    assert rows[0]["x_sequence"] == [padded, padded]


def test_timestamps_with_a_zone_keep_it(engine: Engine) -> None:
    type_ = "timestamp(3) with time zone"
    table = engine.table({"pupilid": "bigint", "t": type_, "x": type_}, [[1, START.replace(tzinfo=datetime.UTC), None]])
    spec = _spec(features=[FEATURE | {"pad": "1970-01-01T01:00:00+01:00"}], session_gap_seconds=0.5)

    columns, rows = engine.run(athena_select(spec, table, types={"x": type_, "t": type_}))

    assert columns[-1] == ("x_sequence", engine.as_type(f"array({type_})"))
    assert rows[0]["x_sequence"] == [datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)] * 2


@pytest.mark.parametrize(
    ("type_", "times", "gap", "sessions"),
    [
        ("date", [datetime.date(2026, 1, day) for day in (1, 2, 4)], 86_400.0, [0, 1]),
        ("date", [datetime.date(2026, 1, day) for day in (1, 2, 4)], 86_399.5, [0, 1, 2]),
        ("bigint", [-(2**63), 0, 5, 2**63 - 1], 5.5, [0, 1, 2]),
        ("double", [None, 1.0, 1.5, 2.25, NAN], 0.5, [0, 1]),
        ("decimal(10,2)", [decimal.Decimal("1.00"), decimal.Decimal("1.50"), decimal.Decimal("2.01")], 0.5, [0, 1]),
        ("timestamp(6)", [START, START + datetime.timedelta(microseconds=500_001)], 0.5, [0, 1]),
        ("timestamp(6)", [START, START + datetime.timedelta(days=365_000)], 1e300, [0]),
        ("timestamp(6)", [START, START + datetime.timedelta(seconds=2**33 + 1)], 2.0**33, [0, 1]),
        ("timestamp(6)", [START, START + datetime.timedelta(days=30, seconds=0.5)], 2_592_000.5, [0]),
        ("timestamp(6)", [START, START + datetime.timedelta(days=30, seconds=0.500001)], 2_592_000.5, [0, 1]),
        ("timestamp(6)", [None, START, START], 0.0, [0]),
    ],
)
def test_session_ends_at_a_gap_of_any_type(
    engine: Engine, type_: str, times: list[Any], gap: float, sessions: list[int]
) -> None:
    table = engine.table({"pupilid": "bigint", "t": type_, "x": "integer"}, [[1, time, 1] for time in reversed(times)])
    spec = _spec(sequence_length=6, session_gap_seconds=gap)

    found = _column(engine, spec, table, "session_index", {"t": type_})

    assert found == sessions


@pytest.mark.parametrize(
    ("type_", "in_order", "pad"),
    [
        ("double", [None, -math.inf, -1.0, -0.0, 0.0, 1.0, math.inf, NAN], -9.0),
        ("real", [None, -0.0, 0.0, 0.5, NAN], -9.0),
        ("varchar", [None, "", "Z", "a", "é", "\uffff", "𝄞"], "<pad>"),
        ("boolean", [None, False, True], False),
        ("double", [None, -math.inf, -0.0, 0.0, NAN], -9),
        ("bigint", [None, -5, 0, 7], -9),
        ("decimal(3,2)", [None, *map(decimal.Decimal, ("-0.50", "0.00", "0.50"))], -9),
    ],
)
def test_ties_have_nulls_first_nan_last_and_text_by_code_point(
    engine: Engine, type_: str, in_order: list[Any], pad: Any
) -> None:
    rows = [[1, 1, value] for value in sorted(in_order[1:], key=repr)] + [[1, 1, None]]
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": type_}, rows)
    spec = _spec(sequence_length=len(in_order), features=[FEATURE | {"pad": pad}])

    (found,) = _column(engine, spec, table, "x_sequence")

    assert found[0] == pad
    assert list(map(repr, found[1:])) == list(map(repr, in_order[1:]))


def test_sign_of_a_zero_counts_only_where_all_keys_tie(engine: Engine) -> None:
    table = engine.table(
        {"pupilid": "bigint", "t": "integer", "x": "double", "y": "integer"},
        [[1, 1, -0.0, 2], [1, 1, 0.0, 1], [1, 1, -0.0, 1]],
    )
    features = [{"name": "x", "column": "x", "pad": 0.5}, {"name": "y", "column": "y", "pad": 0}]

    (row,) = engine.run(athena_select(_spec(sequence_length=3, features=features), table))[1]

    assert row["y_sequence"] == [1, 1, 2]
    assert repr(row["x_sequence"]) == "[-0.0, 0.0, -0.0]"


@pytest.mark.parametrize(
    "name",
    [
        'the "pupil"',
        "pupil.id",
        "pupil's id",
        "élève ☃",
        "select",
        'x"; DROP TABLE observations; --',
        "a\nb",
        "key_0",
        "i",
    ],
)
def test_any_name_is_only_a_name(engine: Engine, name: str) -> None:
    table = engine.table({name: "bigint", f"{name} t": "integer", f"{name} x": "integer"}, [[1, 1, 5], [1, 2, 6]])
    spec = _spec(pupil=name, order_by=[f"{name} t"], features=[{"name": name, "column": f"{name} x", "pad": 0}])

    columns, rows = engine.run(athena_select(spec, table))

    assert (columns[0][0], columns[-1][0]) == (name, f"{name}_sequence")
    assert (rows[0][name], rows[0][f"{name}_sequence"]) == (1, [5, 6])


@pytest.mark.parametrize("name", ["observations", "sequences", "my.table", 'the "answers"', "x; DROP TABLE x"])
def test_any_table_name_is_only_a_name(engine: Engine, name: str) -> None:
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": "integer"}, [[1, 1, 5]], name)

    assert _column(engine, _spec(), table, "x_sequence") == [[5, 0]]


@pytest.mark.parametrize(
    "pad", ["'", "''", "'; DROP TABLE observations; --", "\\'", "naïef 𝄞", "a\n    b", "/* */ -- ", "{i} %s ?"]
)
def test_any_text_is_only_a_text(engine: Engine, pad: str) -> None:
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": "varchar"}, [[1, 1, "a"]])
    spec = _spec(features=[FEATURE | {"pad": pad}])

    assert len(sqlglot.parse(athena_select(spec, table), read="athena")) == 1
    assert _column(engine, spec, table, "x_sequence") == [["a", pad]]


@pytest.mark.parametrize(
    ("table", "reference"),
    [
        ("answers", '"answers"'),
        ("school.answers", '"school"."answers"'),
        ("awsdatacatalog.school.answers", '"awsdatacatalog"."school"."answers"'),
        ('"my.school".answers', '"my.school"."answers"'),
        ('school."the ""answers"""', '"school"."the ""answers"""'),
        ("answers; DROP TABLE x --", '"answers; DROP TABLE x --"'),
    ],
)
def test_every_part_of_a_tables_name_is_quoted(table: str, reference: str) -> None:
    assert f"    FROM {reference}\n)," in athena_select(_spec(), table)


@pytest.mark.parametrize("table", ["", ".", "a.", ".a", "a..b", "a.b.c.d", 'a"b', '"a', '"a"b', '""', '"a" OR "b"'])
def test_what_is_no_tables_name_is_refused(table: str) -> None:
    with pytest.raises(SpecificationError, match=r"^table: expected name, database\.name or catalog"):
        athena_select(_spec(), table)


def test_observations_are_repeated_for_kept_windows_only(engine: Engine) -> None:
    """One long history, sliding by one: the rows that are gathered are those of the output, and no more."""
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": "integer"}, [[1, i, i] for i in range(500)])
    for align in ("start", "end"):
        spec = _spec(sequence_length=50, stride=1, align=align, max_sequences_per_pupil=2, min_length=10)
        steps, _ = athena_select(spec, table).split(",\nsequences AS (")

        _, rows = engine.run(f"{steps}\nSELECT count(*) AS n FROM windows")

        assert rows == [{"n": 100}]


def test_longest_arrays_are_made(engine: Engine) -> None:
    table = engine.table({"pupilid": "bigint", "t": "integer", "x": "integer"}, [[1, 1, 5], [1, 2, 6]])

    (values,) = _column(engine, _spec(sequence_length=10_000, stride=1), table, "x_sequence")

    assert values == [5, 6] + [0] * 9_998


def test_longer_arrays_are_refused() -> None:
    with pytest.raises(
        SpecificationError, match=r"^sequence_length: expected at most 10000 in Athena.*found 10001\. Hint"
    ):
        athena_select(_spec(sequence_length=10_001), "answers")


def test_too_long_a_statement_is_refused() -> None:
    features = [{"name": f"feature_{i}", "column": f"column_{i}", "pad": 0} for i in range(1_500)]

    with pytest.raises(
        SpecificationError, match=r"^statement: expected at most 262144 bytes.*Hint: name fewer features"
    ):
        athena_select(_spec(features=features), "answers")


def test_statement_is_measured_in_bytes() -> None:
    require_statement_fits("é" * (MAX_STATEMENT_BYTES // 2))
    with pytest.raises(SpecificationError, match="found 262145"):
        require_statement_fits("é" * (MAX_STATEMENT_BYTES // 2) + "e")


def test_text_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(SpecificationError, match="half a surrogate pair"):
        athena_select(_spec(), "answers\ud834")


@pytest.mark.parametrize(
    ("type_", "pad"),
    [
        ("int", 0.5),
        ("tinyint", 128),
        ("string", 0),
        ("varchar(3)", "none"),
        ("timestamp", "1970-01-01T00:00:00.000001"),
        ("real", 0.1),
        ("decimal(4,1)", 0.05),
        ("date", "yesterday"),
    ],
)
def test_pad_that_its_column_cannot_hold_is_refused(type_: str, pad: Any) -> None:
    with pytest.raises(SpecificationError, match=r"^feature 'x': expected a pad that column 'x' of type"):
        athena_select(_spec(features=[FEATURE | {"pad": pad}]), "answers", types={"x": type_})


@pytest.mark.parametrize(
    "type_", ["array<int>", "map(varchar, integer)", "row(a integer)", "varbinary", "decimal", "?"]
)
def test_column_that_is_no_scalar_is_refused(type_: str) -> None:
    with pytest.raises(DataError, match=r"^column 't': expected a number, boolean, text, date or timestamp"):
        athena_select(_spec(), "answers", types={"t": type_})


@pytest.mark.parametrize(("type_", "gap"), [("string", 1.0), ("boolean", 1.0), ("timestamp", 0.0005)])
def test_gap_that_cannot_be_measured_is_refused(type_: str, gap: float) -> None:
    with pytest.raises(SpecificationError, match=r"^session_gap_seconds: expected"):
        athena_select(_spec(session_gap_seconds=gap), "answers", types={"t": type_})


@pytest.mark.parametrize("name", [*SPECIFICATIONS, *RUNS])
def test_statement_is_as_its_golden_file(name: str) -> None:
    held = (GOLDEN / f"{name}.sql").read_text(encoding="utf-8")

    assert statement(name) == held, "remake the file as tests/athena_golden.py says, if the change is meant"


def test_docstrings_example_runs() -> None:
    assert doctest.testmod(athena) == (0, 2)
