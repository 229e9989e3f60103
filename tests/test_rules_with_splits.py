"""Quality rules beside context, folds, assignments, a stage and the indexed layout, worked out by hand."""

import importlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from obs2seq import load
from obs2seq.bootstrap import check, run, warehouse
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from tests.small_jobs import answers, published_rows, put_answers, settings_for
from tests.test_time_splits import BY_TIME, TIMES, seen

CONTEXT = BY_TIME | {"split_times": TIMES, "split_context": True}
NOT_FIVE = {"name": "not_five", "kind": "predicate", "predicate": "correct != 5", "severity": "quarantine"}
NOT_ONE = {"name": "not_one", "kind": "predicate", "predicate": "correct != 1", "severity": "quarantine"}


def told(place: Path, *rules: dict[str, Any], engine: str = "arrow", **changes: Any) -> Settings:
    """One pupil answers each minute, and marks the answer with its number."""
    put_answers(f"{place}/in/a.parquet", answers(1, range(8)))
    return settings_for(f"{place}/in", f"{place}/out", engine=engine, rules=rules, **changes)


def aside(place: Path, subset: str) -> list[dict[str, Any]]:
    manifest, location = resolve(RoutedStorage(), f"{place}/out/{subset}_sequenced_3")
    assert manifest.quarantine is not None
    return [row for file in manifest.quarantine.files for row in pq.read_table(f"{location}/{file.path}").to_pylist()]


def made(settings: Settings) -> dict[str, tuple[Manifest, list[dict[str, Any]]]]:
    run(settings)
    return {name: published_rows(f"{settings.output_s3_location}/{name}_sequenced_3") for name in settings.subsets}


def test_context_that_breaks_a_rule_is_left_out_and_stays_its_own_subsets_matter(tmp_path: Path) -> None:
    found = made(told(tmp_path, NOT_ONE, NOT_FIVE, **CONTEXT))

    rows = {name: seen(rows) for name, (_, rows) in found.items()}
    assert rows["train"] == [([0, 2, 3], [1, 1, 1])]
    assert rows["validation"] == [([4, -1, -1], [1, 0, 0])]
    assert rows["test"] == [([4, 6, 7], [0, 1, 1])]
    ledgers = {name: manifest.ledger for name, (manifest, _) in found.items()}
    assert {name: (each.sequenced, dict(each.left_out)) for name, each in ledgers.items()} == {
        "train": (3, {"other_subset": 4, "not_one": 1}),
        "validation": (1, {"other_subset": 6, "not_five": 1}),
        "test": (2, {"other_subset": 6}),
    }
    assert {name: [row["correct"] for row in aside(tmp_path, name)] for name in found} == {
        "train": [1],
        "validation": [5],
        "test": [],
    }


def test_context_is_part_of_the_history_that_rules_over_pupils_look_at(tmp_path: Path) -> None:
    once = {"name": "once", "kind": "unique", "columns": ("pupilid", "skill"), "severity": "warn"}

    found = made(told(tmp_path, once, **CONTEXT))

    noted = {name: manifest.ledger.noted["once"] for name, (manifest, _) in found.items()}
    assert noted == {"train": 3, "validation": 2, "test": 2}


def test_a_subset_whose_own_rows_all_go_aside_is_empty_though_context_stays(tmp_path: Path) -> None:
    once = {"name": "once", "kind": "unique", "columns": ("pupilid", "skill"), "severity": "quarantine"}

    with pytest.raises(DataNotFoundError, match=r"these put aside all 2 \(2 by 'once'\)"):
        run(told(tmp_path, once, **CONTEXT))


def test_a_pupil_is_one_too_many_by_what_came_before_too(tmp_path: Path) -> None:
    robots = {"name": "robots", "kind": "max_per_pupil", "most": 5, "severity": "warn"}

    found = made(told(tmp_path, robots, **CONTEXT))

    noted = {name: manifest.ledger.noted.get("robots", 0) for name, (manifest, _) in found.items()}
    assert noted == {"train": 0, "validation": 2, "test": 2}
    assert {
        name: ledger.noted.get("robots", 0) for name, ledger in check(told(tmp_path, robots, **CONTEXT)).items()
    } == noted


def test_the_share_that_may_go_aside_is_one_of_the_subsets_own(tmp_path: Path) -> None:
    made(told(tmp_path, NOT_FIVE, **CONTEXT, max_quarantined_share=0.5))

    with pytest.raises(
        DataError, match=r"at most 0\.4 of the rows to be quarantined, found 1 of 2 \(1 by 'not_five'\)"
    ):
        run(told(tmp_path, NOT_FIVE, **CONTEXT, max_quarantined_share=0.4))


def test_rules_leave_folds_and_what_is_derived_to_the_rows_that_stay(tmp_path: Path) -> None:
    number = {"name": "number", "derive": "position", "pad": -1}
    correct = {"name": "correct", "column": "correct", "pad": -1}
    robots = {"name": "robots", "kind": "max_per_pupil", "most": 7, "severity": "quarantine"}

    found = made(told(tmp_path, NOT_ONE, robots, folds=3, features=(correct, number)))

    _, rows = found["train"]
    assert [row["correct_sequence"] for row in rows] == [[0, 2, 3], [4, 5, 6], [7, -1, -1]]
    assert [row["number_sequence"] for row in rows] == [[0, 1, 2], [3, 4, 5], [6, -1, -1]]
    assert len({row["fold"] for row in rows}) == 1


@pytest.mark.parametrize("most", [7, 6])
def test_sessions_once_hold_no_row_that_is_aside(tmp_path: Path, most: int) -> None:
    robots = {"name": "robots", "kind": "max_per_pupil", "most": most, "severity": "quarantine"}
    settings = told(tmp_path, NOT_ONE, robots, layout="indexed", stride=1)
    if most == 6:
        with pytest.raises(DataError):
            run(settings)
        return

    run(settings)

    correct = load(f"{tmp_path}/out", "train").arrays(["correct"])["correct"].tolist()
    assert correct == [[0, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [5, 6, 7]]
    assert [row["correct"] for row in aside(tmp_path, "train")] == [1]


def test_activity_is_counted_of_rows_that_keep_the_rules(tmp_path: Path) -> None:
    """Without the rule all would lie in one stratum; with it the even ones have one answer each."""
    for number in range(40):
        put_answers(f"{tmp_path}/in/{number}.parquet", answers(number, [number % 2, 7]))
    few = {"name": "few", "kind": "predicate", "predicate": "correct != 0", "severity": "quarantine"}
    halves = {"subsets": {"train": 0.5, "test": 0.5}, "subset_method": "stratified"}

    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", rules=(few,), **halves))

    (kept,) = (tmp_path / "out" / "_assignment").glob("*.parquet")
    rows = pq.read_table(kept).to_pylist()
    even = [row["subset"] for row in rows if int(row["pupil"]) % 2 == 0]
    assert (even.count("train"), even.count("test")) == (10, 10)


@pytest.mark.parametrize("name", ["context", "Context", "not_sampled", "other_subset"])
def test_a_rule_has_no_name_that_the_flow_itself_gives(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected names that no built-in rule has"):
        told(tmp_path, NOT_ONE | {"name": name})


@pytest.mark.parametrize(
    ("rule", "changes", "message"),
    [
        (
            {"name": "robots", "kind": "max_per_pupil", "most": 9, "severity": "warn"},
            {"execution": "arrow"},
            r"^rules: expected none over pupils where execution is arrow, found robots",
        ),
        (NOT_ONE, {"mode": "athena"}, r"^rules: expected none where Athena computes"),
    ],
)
def test_what_tries_no_such_rules_says_so_before_it_starts(
    rule: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    values = {"rules": (rule,), "engine": "spark"} | changes
    with pytest.raises(ConfigurationError, match=message):
        warehouse(settings_for("s3://bucket/in", "s3://bucket/out", **values))


def test_files_of_rules_and_assignments_are_looked_for_in_the_region_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("obs2seq.bootstrap.jobs.references", lambda _: {})
    told: list[tuple[str, str | None]] = []
    for name in ("jobs", "on_arrow"):
        module = importlib.import_module(f"obs2seq.bootstrap.{name}")  # the package has functions of these names
        monkeypatch.setattr(module, "tell_region", lambda *each: told.append(each))
    known = {"name": "k", "kind": "known", "column": "correct", "file": "s3://sets/known.csv", "severity": "warn"}
    split = {"subset_method": "stratified", "split_assignment": "s3://kept/assignment"}

    warehouse(settings_for("in", "out", engine="arrow", rules=(known,), s3_region="eu-north-1", **split))

    assert {("s3://sets/known.csv", "eu-north-1"), ("s3://kept/assignment", "eu-north-1")} <= set(told)
