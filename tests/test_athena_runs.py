"""The statements of a run on Athena: run in DuckDB, and on a real Trino where the environment names one as TRINO_URL.

What they give is held to the oracle, to the splits' own arithmetic, and to counts by hand.
"""

import datetime
import random
from collections.abc import Mapping
from typing import Any

import pytest

from obs2seq import SequenceSpec
from obs2seq.domain.splits import ColumnValue, hash_range
from obs2seq.errors import ConfigurationError, DataError, SpecificationError
from obs2seq.sql.runs import TableSelection, run_statements, unload
from tests import oracle
from tests.sql_engines import Engine, comparable

FEATURE = {"name": "v", "column": "v", "pad": -1}
FRACTIONS = {"train": 0.6, "validation": 0.3, "test": 0.1}
TRAIN = ColumnValue("subset", "train", ("train", "test"))
Row = dict[str, Any]


def _spec(**fields: Any) -> SequenceSpec:
    return SequenceSpec.model_validate({"order_by": ["t"], "sequence_length": 4, "features": [FEATURE]} | fields)


def _made(
    engine: Engine,
    types: Mapping[str, str],
    rows: list[list[Any]],
    spec: SequenceSpec,
    kind: Any = "sequences",
    **told: Any,
) -> tuple[list[Row], dict[str, int]]:
    """Return the rows that a run gives, and what it counts, without the zeros."""
    table = engine.table(dict(types), rows)
    statements = run_statements(TableSelection(table, types, **told), spec, kind)
    ((_, (counts,)), (_, (counts_in,))) = (engine.run(text) for text in (statements.counts, statements.input_counts))
    assert {name: counts[name] for name in counts_in} == counts_in
    return engine.run(statements.select)[1], {name: n for name, n in counts.items() if n}


def _in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["pupilid"], row["sequence_index"]))


LATE = datetime.datetime.fromisoformat("9999-12-31 23:59:59.999")
MOMENT = datetime.datetime.fromisoformat("2026-01-01 00:00:01")
JUDGED_TYPES = {"pupilid": "bigint", "t": "timestamp(3)", "v": "integer", "w": "varchar", "subset": "varchar"}
# Each of the first eight breaks the rule that stands beside it and, most of them, later ones too.
JUDGED: list[list[Any]] = [
    [None, None, -1, "\ufffd", "none"],  # filter
    [1, MOMENT, None, "", "train"],  # filter: null is not true
    [None, None, 1, "a\ufffd", "none"],  # not_utf8
    [None, None, 1, "", "none"],  # null_pupil
    [1, None, 1, "", "none"],  # null_time
    [1, MOMENT, 1, "", None],  # unknown_subset
    [1, MOMENT, 1, "", "Train"],  # unknown_subset
    [1, MOMENT, 1, "", "test"],  # other_subset
    *[[2, LATE, 2, "b", "train"]] * 3,  # two of them duplicates
    *[[2, MOMENT, v, "b", "train"] for v in (0, 1)],
    [3, MOMENT, 7, "", "train"],  # too short
]
IN = {
    "rows_in": 14,
    "filter": 2,
    "not_utf8": 1,
    "null_pupil": 1,
    "null_time": 1,
    "unknown_subset": 2,
    "other_subset": 1,
}


@pytest.mark.parametrize(
    ("duplicates", "counts", "arrays"),
    [
        ("keep", {"duplicate": 2, "sequenced": 4, "min_length": 2, "rows_out": 1}, [[0, 1, 2, 2]]),
        ("drop", {"duplicate": 2, "sequenced": 3, "min_length": 1, "rows_out": 1}, [[0, 1, 2, -1]]),
    ],
)
def test_each_row_counts_under_the_first_rule_that_it_breaks(
    engine: Engine, duplicates: str, counts: dict[str, int], arrays: list[list[int]]
) -> None:
    spec = _spec(min_length=2, features=[FEATURE, {"name": "w", "column": "w", "pad": ""}])

    rows, found = _made(
        engine, JUDGED_TYPES, JUDGED, spec, row_filter="v >= 0", share=TRAIN, duplicates=duplicates, is_text_input=True
    )

    assert found == IN | counts
    assert [row["v_sequence"] for row in rows] == arrays


@pytest.mark.parametrize(("type_", "time"), [("timestamp(3)", "timestamp"), ("date", "date")])
def test_times_outside_the_years_1_to_9999_are_out_of_range(engine: Engine, type_: str, time: str) -> None:
    table = engine.table({"pupilid": "integer", "t": type_, "v": "integer"}, [])
    statements = run_statements(TableSelection(table, {"pupilid": "int", "t": time, "v": "int"}), _spec())

    assert "WHEN year(\"t\") NOT BETWEEN 1 AND 9999 THEN 'time_out_of_range'" in statements.counts
    assert engine.run(statements.counts)[1][0]["rows_in"] == 0
    assert engine.run(statements.select)[1] == []


PUPILS: dict[str, list[Any]] = {
    "bigint": [*range(-20, 100), 2**63 - 1, -(2**63)],
    "varchar": ["", " ", "1", "01", "größe", "\U0001f600", *(f"pupil-{n}" for n in range(100))],
    "date": [datetime.date(2026, 1, 1 + n) for n in range(31)],
    "boolean": [True, False],
}


@pytest.mark.parametrize("type_", PUPILS)
def test_hash_split_agrees_with_plain_python(engine: Engine, type_: str) -> None:
    rows = [[pupil, 1, 1] for pupil in PUPILS[type_]]
    held = {}
    for subset in FRACTIONS:
        share = hash_range(FRACTIONS, subset, "the 'salt'")

        found, counts = _made(engine, {"pupilid": type_, "t": "integer", "v": "integer"}, rows, _spec(), share=share)

        texts = {pupil: str(pupil).lower() if type_ == "boolean" else str(pupil) for pupil in PUPILS[type_]}
        held[subset] = {pupil for pupil, text in texts.items() if share.holds(text)}
        assert {row["pupilid"] for row in found} == held[subset]
        assert counts.get("other_subset", 0) == len(rows) - len(held[subset])
    assert sum(map(len, held.values())) == len(rows)


@pytest.mark.parametrize("type_", ["double", "float", "timestamp", "decimal(20,7)", "char(3)"])
def test_pupils_that_engines_write_differently_are_not_split_by_hash(type_: str) -> None:
    selection = TableSelection(
        "answers", {"pupilid": type_, "t": "int", "v": "int"}, share=hash_range(FRACTIONS, "train")
    )

    with pytest.raises(
        SpecificationError, match=r"^subset_method: expected pupils that every engine writes as the same"
    ):
        run_statements(selection, _spec())


def test_columns_are_mapped_by_name_and_by_expression(engine: Engine) -> None:
    """A table's exact name is a name, even where it reads like an expression; expressions see the table's columns."""
    types = {"who is": "varchar", "day": "varchar", "v": "integer", "v + 1": "integer"}
    columns = {"pupilid": "who is", "t": "to_timestamp(day)", "v": "v * 10", "w": "v + 1", "x": "v - 1"}
    features = [{"name": name, "column": name, "pad": -1} for name in "vwx"]

    (row,), _ = _made(
        engine,
        types,
        [["7", "2026-01-01 00:00:00", 1, 5]],
        _spec(sequence_length=1, features=features),
        columns=columns,
        row_filter="v = 10 and w = 5",
    )

    assert (row["pupilid"], row["v_sequence"], row["w_sequence"], row["x_sequence"]) == ("7", [10], [5], [0])


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        ({"columns": {"v": "v +"}}, ConfigurationError, "columns.v: expected a column or a Spark SQL expression over"),
        ({"columns": {"v": "w + 1"}}, ConfigurationError, "found no column 'w' (known are pupilid, t, v)"),
        (
            {"columns": {"v": "count(v)"}},
            ConfigurationError,
            "columns.v: expected an expression that Athena can compute",
        ),
        ({"row_filter": "nothing > 1"}, ConfigurationError, "row_filter: expected a column or a Spark SQL expression"),
        ({"row_filter": "v"}, ConfigurationError, "row_filter: expected a condition, found an expression of type int"),
        ({"share": TRAIN}, DataError, "expected column 'subset', found"),
        ({"types": {"pupilid": "int", "t": "int"}}, DataError, "expected column 'v', found ['pupilid', 't']"),
        ({"types": {"pupilid": "int", "t": "string", "v": "int"}}, DataError, "the time column 't' to be a timestamp"),
        ({"types": {"pupilid": "int", "t": "int", "v": "array<int>"}}, DataError, "column 'v': expected a number"),
        ({"table": "a..b"}, SpecificationError, "table: expected name, database.name or"),
    ],
)
@pytest.mark.parametrize("kind", ["sequences", "observations"])
def test_what_cannot_be_used_is_refused_before_anything_runs(
    kind: Any, told: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as refused:
        run_statements(
            TableSelection(**({"table": "a", "types": {"pupilid": "int", "t": "int", "v": "int"}} | told)),
            _spec(),
            kind,
        )

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_whole_observations_come_in_order_with_all_their_columns(engine: Engine) -> None:
    types = {"w": "varchar", "pupilid": "bigint", "t": "integer", "v": "double", "tags": "array(integer)"}
    rows = [
        ["b", 2, 1, 0.5, [1]],
        ["b", 1, 2, 0.0, [2]],
        ["a", 1, 2, -0.0, [2]],
        ["a", 1, 1, None, [3]],
        ["a", 1, 2, 0.0, [2]],
        ["a", 1, 2, -0.0, [1]],
    ]

    found, counts = _made(
        engine,
        types,
        rows,
        _spec(features=[FEATURE | {"pad": 0.5}]),
        "observations",
        columns={"x": "t + 1"},
        duplicates="drop",
    )

    assert [repr([*row.values()]) for row in found] == [
        "['a', 1, 1, None, [3], 2]",
        "['a', 1, 2, -0.0, [1], 3]",
        "['a', 1, 2, -0.0, [2], 3]",
        "['b', 1, 2, 0.0, [2], 3]",
        "['b', 2, 1, 0.5, [1], 2]",
    ]
    assert [*found[0]] == [*types, "x"]
    assert counts == {"rows_in": 6, "duplicate": 1, "sequenced": 5, "rows_out": 5}


def test_equal_rows_are_duplicates_whatever_their_zeros_and_nans(engine: Engine) -> None:
    nan = float("nan")
    values = [(nan, "b"), (nan, "b"), (0.0, None), (-0.0, None), (None, "b"), (None, "b"), (nan, "c")]
    rows = [[1, 5, *value] for value in values] + [[2, 5, nan, "c"]]
    types = {"pupilid": "integer", "t": "integer", "v": "double", "w": "varchar"}
    features = [{"name": "w", "column": "w", "pad": ""}, {"name": "v", "column": "v", "pad": 9}]
    spec = _spec(sequence_length=8, features=features)

    kept, counts = _made(engine, types, rows, spec)
    dropped, _ = _made(engine, types, rows, spec, duplicates="drop")

    assert counts == {"rows_in": 8, "duplicate": 3, "sequenced": 8, "rows_out": 2}
    assert {row["pupilid"]: row["n_observations"] for row in kept} == {1: 7, 2: 1}
    assert [row["w_sequence"][:5] for row in _in_order(dropped)] == [["b", "", "b", "c", ""], ["c", *[""] * 4]]


def test_first_row_of_a_pupil_is_no_duplicate_even_where_all_keys_are_null(engine: Engine) -> None:
    spec = _spec(order_by=["pupilid"])

    rows, counts = _made(
        engine, {"pupilid": "integer", "v": "integer"}, [[1, None], [2, None], [2, None]], spec, duplicates="drop"
    )

    assert sorted(row["pupilid"] for row in rows) == [1, 2]
    assert counts["duplicate"] == 1


DRAWN = {
    "pupilid": "bigint",
    "t": "timestamp(3)",
    "v": "integer",
    "w": "varchar",
    "score": "double",
}


Run = tuple[Row, list[list[Any]], str, str | None]


def _run(seed: int) -> Run:
    """Draw a run whose pupils have some history, by chance that is the same each time."""
    chance = random.Random(seed)
    length = chance.randint(1, 5)
    spec = {
        "order_by": ["t"],
        "sequence_length": length,
        "stride": chance.randint(1, length),
        "align": chance.choice(["start", "end"]),
        "min_length": chance.choice([1, 1, chance.randint(1, length)]),
        "max_sequences_per_pupil": chance.choice([None, 1, 1, 2, 4]),
        "session_gap_seconds": chance.choice([None, 0.0, 1.0, 2.0]),
        "features": [FEATURE, {"name": "w", "column": "w", "pad": "", "shift": chance.randint(-2, 2)}],
    }
    rows = [
        [
            chance.choice([None, *[1, 2, 3, 4] * 5]),
            chance.choice([None, *[MOMENT + datetime.timedelta(seconds=s) for s in (0, 0.5, 1, 2.5, 4, 6, 9)] * 3]),
            chance.choice([None, 0, 1, 2]),
            chance.choice([None, "a", "b"]),
            chance.choice([0.0, *[0.5, 1.0] * 3]),
        ]
        for _ in range(chance.choice([5, 20, 40, 40]))
    ]
    return spec, rows, chance.choice(["keep", "drop"]), chance.choice([None, None, *FRACTIONS])


def _check_run(engine: Engine, run: Run) -> None:
    fields, rows, duplicates, subset = run
    share = {} if subset is None else {"share": hash_range(FRACTIONS, subset, "s")}

    found, counts = _made(
        engine,
        DRAWN,
        rows,
        SequenceSpec.model_validate(fields),
        columns={"v": "CASE WHEN v > 0 THEN v * 10 END"},
        row_filter="score >= 0.5",
        duplicates=duplicates,
        **share,
    )

    expected, left_out = _expected(fields, rows, duplicates, share.get("share"))
    keys = ("pupilid", "sequence_index")
    assert comparable(found, keys) == comparable(expected, keys)
    new = sum(sum(row["is_new_sequence"]) for row in expected)
    by_windows = counts.get("min_length", 0) + counts.get("max_sequences_per_pupil", 0)
    assert counts.get("rows_out", 0) == len(expected)
    assert counts.get("sequenced", 0) == new
    assert {rule: counts.get(rule, 0) for rule in left_out} == left_out
    dropped = left_out["duplicate"] if duplicates == "drop" else 0
    noted = left_out["duplicate"]
    assert len(rows) == counts.get("rows_in", 0) == new + by_windows + sum(left_out.values()) - noted + dropped
    # What either rule leaves out alone tells them apart.
    shorter = _expected(fields | {"max_sequences_per_pupil": None}, rows, duplicates, share.get("share"))[0]
    assert counts.get("max_sequences_per_pupil", 0) == sum(sum(r["is_new_sequence"]) for r in shorter) - new


def _expected(fields: Row, rows: list[list[Any]], duplicates: str, share: Any) -> tuple[list[Row], dict[str, int]]:
    """Select and sequence once more, in plain Python."""
    left_out = dict.fromkeys(("filter", "null_pupil", "null_time", "other_subset", "duplicate"), 0)
    kept: list[Row] = []
    for pupil, time, v, w, score in rows:
        row = {"pupilid": pupil, "t": time, "v": v * 10 if v else None, "w": w}
        if score < 0.5:
            left_out["filter"] += 1
        elif pupil is None:
            left_out["null_pupil"] += 1
        elif time is None:
            left_out["null_time"] += 1
        elif share is not None and not share.holds(str(pupil)):
            left_out["other_subset"] += 1
        else:
            is_duplicate = row in kept
            left_out["duplicate"] += is_duplicate
            if not (is_duplicate and duplicates == "drop"):
                kept.append(row)
    spec = {key: value for key, value in fields.items() if value is not None}
    return oracle.sequences(kept, spec), left_out


@pytest.mark.parametrize("seed", range(150))
def test_a_run_makes_and_counts_what_the_oracle_does(engine: Engine, seed: int) -> None:
    _check_run(engine, _run(seed))


def test_table_of_unknown_columns_can_be_sequenced_and_not_passed_on_whole() -> None:
    selection = TableSelection("school.answers", columns={"v": "CAST(score >= 0.5 AS INT)"}, row_filter="skill <> 'x'")

    statements = run_statements(selection, _spec())

    assert 'CAST(("score" >= 0.5) AS integer) AS "v"' in statements.select
    with pytest.raises(ConfigurationError, match=r"^output: expected the columns of the table to be known"):
        run_statements(selection, _spec(), "observations")


def test_unload_writes_parquet_into_a_folder() -> None:
    statement = unload("SELECT 1\n", "s3://bucket/the pupil's/run_id=1", "zstd")

    assert statement == (
        "UNLOAD (\nSELECT 1\n)\nTO 's3://bucket/the pupil''s/run_id=1/'\n"
        "WITH (format = 'PARQUET', compression = 'ZSTD')\n"
    )


def test_statement_grows_with_the_features_and_no_faster() -> None:
    features = [{"name": f"f{i}", "column": f"column_{i}", "pad": 0} for i in range(300)]

    statements = run_statements(TableSelection("answers", duplicates="drop"), _spec(features=features))

    assert len(statements.select) < 250_000
    assert len(statements.counts) < 150_000


def test_statement_that_only_unload_makes_too_long_is_refused() -> None:
    with pytest.raises(SpecificationError, match="expected at most 262144 bytes"):
        unload("x" * 262_100, "s3://bucket/run", "none")
