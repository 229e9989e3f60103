"""What is said of rules that rows break, on both engines: the whole list for a row, and messages that name the rule."""

from pathlib import Path
from typing import Any

import pytest

from obs2seq.bootstrap import check, run
from obs2seq.console import print_published
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.settings import Settings
from tests.test_quality_runs import ENGINES, aside, put_rows, row, settings

pytestmark = pytest.mark.usefixtures("spark")

NAMES_A_COLUMN: dict[str, dict[str, Any]] = {
    "not_null": {"column": "m"},
    "type": {"column": "m", "type": "int"},
    "range": {"column": "m", "least": 0},
    "allowed": {"column": "m", "values": [1]},
    "known": {"column": "m", "values": [1]},
    "known, in a file": {"column": "m", "file": "KNOWN"},
    "not_after": {"column": "m", "instant": "2026-01-05T00:00:00Z"},
    "not_after, of a clock": {"column": "m", "clock": "clock"},
    "not_after, by a clock": {"column": "answered_at", "clock": "m"},
    "unique": {"columns": ["pupilid", "m"]},
}


def refusals(told: Settings, kind: type[Exception]) -> list[str]:
    """Return what is said of settings that are refused, by a run and by a check."""
    found = []
    for act in (run, check):
        with pytest.raises(kind) as refused:
            act(told)
        found.append(str(refused.value))
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", NAMES_A_COLUMN)
def test_a_rule_of_any_kind_that_misses_a_column_names_itself_and_the_column(
    tmp_path: Path, engine: str, kind: str
) -> None:
    put_rows(tmp_path / "in", [row(0)])
    (tmp_path / "known.csv").write_text("m\n1\n")
    fields = NAMES_A_COLUMN[kind] | ({"file": f"{tmp_path}/known.csv"} if "file" in NAMES_A_COLUMN[kind] else {})
    rule = {"name": "r", "kind": kind.partition(",")[0], **fields}

    for severity in ("quarantine", "warn", "fail"):
        said = refusals(settings(tmp_path, engine, [rule | {"severity": severity}]), ConfigurationError)

        assert all(each.startswith("rules.r: expected column 'm', found ['answered_at', ") for each in said)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_of_lists_is_refused_by_the_rules_name(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0)])
    rule = {"name": "r", "kind": "unique", "columns": ["pupilid", "unread"], "severity": "warn"}

    said = refusals(settings(tmp_path, engine, [rule]), ConfigurationError)

    expected = "rules.r: expected column 'unread' to be a number, boolean, text, date or timestamp, found array<string>"
    assert all(each.startswith(expected) for each in said)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("output", ["sequences", "observations"])
def test_rows_aside_by_their_pupil_name_all_rules_that_they_break(tmp_path: Path, engine: str, output: str) -> None:
    rows = [
        row(0, n=99, word=None),
        row(1, n=5, word="a"),
        row(2, n=99, word="a"),
        row(3, n=-1, word="b"),
        row(4, pupil=2, n=99, word="a"),
        row(5, pupil=2, n=5, word=None),
        row(6, pupil=3, n=99, word=None),
    ]
    put_rows(tmp_path / "in", rows[::-1], files=2)
    rules = [
        {"name": "robot", "kind": "max_per_pupil", "most": 2},
        {"name": "small", "kind": "range", "column": "n", "most": 9, "severity": "warn"},
        {"name": "once", "kind": "unique", "columns": ["pupilid", "word"], "severity": "warn"},
        {"name": "positive", "kind": "range", "column": "n", "least": 0},
        {"name": "told", "kind": "not_null", "column": "word", "severity": "warn"},
    ]
    told = settings(tmp_path, engine, rules, output=output)

    ((manifest, location),) = run(told).values()

    assert {each["observation_id"]: each["broken_rules"] for each in aside(str(location), manifest)} == {
        0: ["small", "told", "robot"],
        1: ["robot"],
        2: ["small", "robot", "once"],
        3: ["positive"],
    }
    assert manifest.ledger.left_out == {"positive": 1, "robot": 3}
    # Each rule counts what keeps those before it: `small` and `told` do not know yet that a pupil is a robot.
    assert manifest.ledger.noted == {"duplicate": 0, "small": 4, "told": 3}
    assert check(told)["train"].noted == {"small": 4, "told": 3}


_LONG = "n > -1000000000 AND n < 1000000000 AND correct > -1000000000"
FAILING = [
    "CAST(word AS INT) > 5",
    "n > 0\n  AND CAST(word AS INT) > 5",
    f"{_LONG} AND CAST(word AS INT) > 5 AND {_LONG}",
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("predicate", FAILING, ids=["short", "two lines", "long"])
def test_a_predicate_that_fails_on_a_row_is_named(tmp_path: Path, engine: str, predicate: str) -> None:
    put_rows(tmp_path / "in", [row(0), row(1, word="secret")])
    rules = [
        {"name": "other", "kind": "predicate", "predicate": "CAST(n AS INT) = 5"},
        {"name": "r", "kind": "predicate", "predicate": predicate},
    ]

    said = refusals(settings(tmp_path, engine, rules, columns={"twice": "CAST(n AS INT) * 2"}), DataError)

    expected = (
        "rules.r: expected every row to have a value, found one for which the expression fails. Hint: use try_cast"
    )
    assert all(each.startswith(expected) for each in said)
    assert "secret" not in "".join(said)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_mapped_column_that_fails_on_a_row_is_not_taken_for_a_rule(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0), row(1, word="secret")])
    rules = [{"name": "r", "kind": "predicate", "predicate": "CAST(word AS INT) > 5"}]

    said = refusals(settings(tmp_path, engine, rules, row_filter="CAST(word AS INT) > 0"), DataError)

    assert all(each.startswith("row_filter: expected every row to have a value") for each in said)


@pytest.mark.parametrize("engine", ENGINES)
def test_rules_that_put_all_rows_aside_are_told_with_their_counts(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1), row(2, pupilid=None)])
    rules = [
        {"name": "small", "kind": "range", "column": "n", "most": 9},
        {"name": "there", "kind": "required", "column": "m"},
    ]

    said = refusals(settings(tmp_path, engine, rules, null_pupil="leave_out"), DataNotFoundError)

    assert all(
        each == f"{tmp_path}/in: expected rows that keep the rules, found that these put aside all 2 (1 by 'small', "
        "1 by 'there'). Hint: mend the data or the rules, or give a rule the severity warn."
        for each in said
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_repeated_row_is_noted_even_where_it_is_dropped_later(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put_rows(tmp_path / "in", [row(0), row(0), row(1, correct=0), row(2)])
    rules = [{"name": "once", "kind": "unique", "columns": ["pupilid", "observation_id"], "severity": "warn"}]

    manifest = next(iter(run(settings(tmp_path, engine, rules, duplicates="drop")).values()))[0]

    assert (manifest.ledger.sequenced, manifest.ledger.left_out) == (3, {"duplicate": 1})
    assert manifest.ledger.noted == {"once": 1}
    print_published(manifest, "there", [])
    assert "\n  1 noted: the rule 'once' is broken\n" in capsys.readouterr().out
