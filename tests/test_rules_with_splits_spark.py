"""Quality rules beside context, folds, assignments and a stage: Spark makes what the embedded engine does."""

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from obs2seq.bootstrap import check, run
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError
from tests.small_jobs import CORRECT, SCHEMA, answers, published_rows, put_answers, settings_for
from tests.test_time_splits import BY_TIME, minute

pytestmark = pytest.mark.usefixtures("spark")

ENGINES: dict[str, dict[str, Any]] = {
    "arrow": {"engine": "arrow"},
    "native": {"engine": "spark"},
    "tasks": {"engine": "spark", "execution": "arrow", "shuffle_partitions": 3},
}
OVER_ROWS: tuple[dict[str, Any], ...] = (
    {"name": "third", "kind": "predicate", "predicate": "observation_id % 3 != 0", "severity": "quarantine"},
    {"name": "small", "kind": "range", "column": "correct", "most": 20, "severity": "quarantine"},
    {"name": "noted", "kind": "range", "column": "exercise_id", "most": 4, "severity": "warn"},
)
OVER_PUPILS: tuple[dict[str, Any], ...] = (
    {"name": "once", "kind": "unique", "columns": ("pupilid", "correct"), "severity": "quarantine"},
    {"name": "robots", "kind": "max_per_pupil", "most": 18, "severity": "quarantine"},
    {"name": "many", "kind": "max_per_pupil", "most": 9, "severity": "warn"},
)
CONTEXT = BY_TIME | {"split_times": {"validation": minute(11), "test": minute(19)}, "split_context": True}
STRATIFIED = {"subset_method": "stratified", "subsets": {"train": 0.5, "test": 0.5}}
WAYS: dict[str, dict[str, Any]] = {
    "context": CONTEXT | {"folds": 3},
    "context, windows from the end": CONTEXT | {"sequence_length": 5, "stride": 2, "align": "end", "min_length": 3},
    "context, sessions": CONTEXT | {"session_gap_seconds": 90.0, "max_sequences_per_pupil": 2, "stride": 1},
    "context, duplicates": CONTEXT | {"duplicates": "drop"},
    "assigned": STRATIFIED,
    "a stage": {"stage": "development", "development_share": 0.5, "subsets": {"all": 1.0}},
    "whole observations": {"output": "observations", "folds": 4, **STRATIFIED},
}


def put_histories(folder: Path) -> Path:
    """Twelve pupils with one to thirty answers, some minutes without any, some answers twice."""
    draw = random.Random(11)
    pupils = []
    for pupil in range(12):
        kept = [answer for answer in answers(pupil, range(30)) if draw.random() < pupil / 11]
        pupils.append([*kept, *kept[::7]])
    put_answers(f"{folder}/a.parquet", *pupils)
    return folder


def made(place: Path, engine: str, rules: tuple[dict[str, Any], ...], **changes: Any) -> dict[str, Any]:
    """Return of each subset the manifest's ledger, columns and rows, and what went aside, in no order of rows."""
    told = {"features": (CORRECT,), "rules": rules, **ENGINES[engine], **changes}
    published = run(settings_for(f"{place}/in", f"{place}/{engine}", **told))
    found = {}
    for name, (manifest, location) in published.items():
        rows = published_rows(str(Path(location).parent))[1]
        found[name] = (manifest.ledger, manifest.columns, _in_order(rows), _in_order(_aside(manifest, location)))
    return found


def _aside(manifest: Manifest, location: str) -> list[dict[str, Any]]:
    assert manifest.quarantine is not None
    rows = [row for file in manifest.quarantine.files for row in pq.read_table(f"{location}/{file.path}").to_pylist()]
    assert len(rows) == manifest.quarantine.rows
    assert all(list(row) == [*SCHEMA.names, "broken_rules"] for row in rows)
    return rows


def _in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize("way", WAYS)
def test_rules_over_rows_are_the_same_on_all_engines(tmp_path: Path, way: str) -> None:
    put_histories(tmp_path / "in")

    found = {engine: made(tmp_path, engine, OVER_ROWS, **WAYS[way]) for engine in ENGINES}

    assert found["native"] == found["arrow"]
    assert found["tasks"] == found["arrow"]
    ledgers = [ledger for ledger, *_ in found["arrow"].values()]
    assert all(ledger.sequenced and ledger.left_out["third"] for ledger in ledgers)


@pytest.mark.parametrize("way", WAYS)
def test_rules_over_pupils_are_the_same_on_both_engines(tmp_path: Path, way: str) -> None:
    put_histories(tmp_path / "in")
    rules = (*OVER_ROWS, *OVER_PUPILS)

    found = {engine: made(tmp_path, engine, rules, **WAYS[way]) for engine in ("arrow", "native")}

    assert found["native"] == found["arrow"]
    aside = "".join(row for *_, rows in found["arrow"].values() for row in rows)
    assert "'third'" in aside
    assert "'robots'" in aside


def test_a_check_counts_what_a_run_does(tmp_path: Path) -> None:
    put_histories(tmp_path / "in")
    told = {"features": (CORRECT,), "rules": (*OVER_ROWS, *OVER_PUPILS), **CONTEXT}

    checked = [
        check(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine=engine, **told)) for engine in ("arrow", "spark")
    ]

    assert checked[0] == checked[1]
    assert checked[0]["test"].noted["many"] > 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rules": OVER_PUPILS}, "rules look at whole histories"),
        (CONTEXT, "split_context is true, which needs whole histories"),
    ],
)
def test_what_needs_whole_histories_is_refused_where_they_are_spread(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    put_histories(tmp_path / "in")
    told = {"features": (CORRECT,), "engine": "spark", "spread_pupils_above": 5, **changes}

    with pytest.raises(ConfigurationError, match=f"spread_pupils_above: expected null where {reason}"):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told))

    assert not list(tmp_path.glob("out/*/run_id=*"))


def test_spread_histories_have_folds_and_keep_rules_over_rows(spark: SparkSession, tmp_path: Path) -> None:
    put_histories(tmp_path / "in")
    told = {"folds": 3, "stride": 2, "subsets": {"train": 0.7, "test": 0.3}}

    whole = made(tmp_path, "arrow", OVER_ROWS, **told)
    spread = made(tmp_path, "native", OVER_ROWS, **told, spread_pupils_above=5)

    assert spread == whole
    assert spark is not None
