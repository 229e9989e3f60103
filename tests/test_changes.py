"""What changed between two runs, and why."""

import json
from pathlib import Path

import pytest

from obs2seq.bootstrap.jobs import job
from obs2seq.domain.lineage import ColumnVersion, Lineage, StepVersion
from obs2seq.domain.manifest import InputSummary, Manifest
from obs2seq.lineage.changes import changes
from obs2seq.settings import Settings
from tests.commands import asked, observations, put_parquet, run
from tests.test_ledger_manifest import a_manifest

FEATURES = [{"name": "correct", "column": "correct", "pad": 0}, {"name": "skill", "column": "skill", "pad": "-"}]
COLUMNS = {"pupilid": "bigint", "correct_sequence": "array<int>", "skill_sequence": "array<string>"}
INPUT = InputSummary(location="in", format="parquet", files=2, bytes=99, files_digest="00")


def lineage(**codes: str) -> Lineage:
    """Two steps, the second below the first."""
    known = {"windows": "w1", "sequences": "s1", **codes}
    steps = {name: StepVersion(code=text, upstream=()) for name, text in known.items()}
    steps["sequences"] = StepVersion(code=known["sequences"], upstream=tuple(set(known) - {"sequences"}))
    version = ColumnVersion(version="".join(sorted(known.values())), step="sequences")
    return Lineage(steps=steps, columns=dict.fromkeys(COLUMNS, version))


def a_run(**changed: object) -> Manifest:
    """A run by its settings, with what a test changes in its manifest."""
    parts = {key: changed.pop(key) for key in ("columns", "lineage", "input", "versions") if key in changed}
    settings = Settings(**{"mode": "local", "sequence_length": 5, "features": FEATURES, **changed})
    told = {"columns": COLUMNS, "lineage": lineage(), "input": INPUT, "settings": job(settings).shape()}
    return a_manifest(**(told | parts))


def test_equal_runs_differ_in_nothing() -> None:
    assert not changes(a_run(), a_run(keep_runs=3))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"stride": 2}, "settings: stride 5 → 2"),
        ({"align": "end"}, "settings: align start → end"),
        ({"row_filter": "correct = 1"}, "settings: row_filter none → correct = 1"),
        ({"columns_": {"pupilid": "student"}}, "settings: columns.pupilid none → student"),
        ({"input": INPUT.model_copy(update={"files": 3})}, "input: 2 files, 99 bytes → 3 files, 99 bytes"),
        ({"input": INPUT.model_copy(update={"files_digest": "01"})}, "input: other files of the same size"),
        ({"lineage": lineage(windows="w2")}, "code: windows"),
        ({"lineage": lineage(sessions="x")}, "steps taken now: sessions"),
    ],
)
def test_a_change_that_reaches_every_column_is_told_of_every_column(changed: dict[str, object], reason: str) -> None:
    if "columns_" in changed:
        other = a_run(columns=COLUMNS)
        other.settings["columns"] = changed["columns_"]
    else:
        other = a_run(**changed)

    found = changes(a_run(), other)

    assert found.columns == dict.fromkeys(COLUMNS, (reason,))


def test_a_feature_of_its_own_settings_changes_alone() -> None:
    other = [FEATURES[0] | {"pad": -1, "shift": 1}, FEATURES[1]]

    found = changes(a_run(), a_run(features=other))

    assert found.columns == {
        "correct_sequence": ("settings: features.correct.pad 0 → -1", "settings: features.correct.shift 0 → 1")
    }
    assert found.notes == ()


def test_folds_change_their_own_column_alone() -> None:
    columns = COLUMNS | {"fold": "int"}

    found = changes(*(a_run(columns=columns, folds=folds) for folds in (3, 5)))

    assert found.columns == {"fold": ("settings: folds 3 → 5",)}


def test_an_expression_that_a_rule_reads_changes_every_column() -> None:
    rules = [{"name": "r", "kind": "range", "column": "skill", "most": "k", "severity": "quarantine"}]
    other = a_run(rules=rules)
    other.settings["columns"] = {"skill": "lower(skill)"}

    found = changes(a_run(rules=rules), other)

    assert found.columns == dict.fromkeys(COLUMNS, ("settings: columns.skill none → lower(skill)",))


def test_an_expression_changes_what_reads_it_and_the_order_of_ties() -> None:
    other = a_run()
    other.settings["columns"] = {"correct": "CAST(score > 1 AS INT)"}

    found = changes(a_run(), other)

    assert found.columns == {"correct_sequence": ("settings: columns.correct none → CAST(score > 1 AS INT)",)}
    (note,) = found.notes
    assert note.startswith("observations that tie on order_by may stand in another order: features read correct")


def test_columns_that_come_and_go_are_told() -> None:
    other = {name: type_ for name, type_ in COLUMNS.items() if name != "skill_sequence"} | {"x_sequence": "array<int>"}

    found = changes(a_run(), a_run(columns=other | {"correct_sequence": "array<bigint>"}))

    assert found.columns == {
        "correct_sequence": ("type: array<int> → array<bigint>",),
        "skill_sequence": ("gone",),
        "x_sequence": ("new",),
    }


def test_files_alone_are_a_note() -> None:
    found = changes(a_run(), a_run(compression="zstd"))

    assert (found.columns, found.notes) == ({}, ("files only: settings: compression snappy → zstd",))


def test_runs_of_two_engines_are_not_compared_by_code() -> None:
    found = changes(a_run(), a_run(versions={"arrow": "25", "obs2seq": "1.0"}, lineage=lineage(windows="k")))

    assert found.columns == dict.fromkeys(COLUMNS, ("engine: spark → arrow",))


def test_a_manifest_from_before_versions_is_read_and_said_to_be_so() -> None:
    text = a_run().to_text()
    content = json.loads(text)
    del content["lineage"]

    old = Manifest.from_text(json.dumps(content), "old")

    assert old.lineage is None
    assert not changes(old, a_run())
    found = changes(old, a_run(versions={"spark": "3.5.9", "obs2seq": "2.0"}))
    assert set(found.columns.values()) == {("code: not known, a run was made before versions were kept",)}


def test_a_manifest_keeps_its_lineage_as_text() -> None:
    written = a_run()

    assert Manifest.from_text(written.to_text(), "here") == written


def test_diff_of_two_published_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = put_parquet(tmp_path / "data" / "part-0.parquet", observations())
    for name, stride in (("a", 4), ("b", 2)):
        assert run(capsys, data, tmp_path / name, "--engine", "arrow", "--stride", stride).code == 0
    datasets = [tmp_path / name / "all_sequenced_4" for name in ("a", "b")]

    differing, same = (asked(capsys, "diff", datasets[0], other) for other in (datasets[1], datasets[0]))

    assert differing.code == 1
    lines = differing.out.splitlines()
    assert lines[0].startswith("all_sequenced_4 run ")
    assert lines[1] == "every column:"
    assert lines[2:] == ["  settings: stride 4 → 2"]
    assert (same.code, same.out) == (0, "nothing changed\n")
    folder = next(datasets[1].glob("run_id=*"))
    assert asked(capsys, "diff", datasets[1], folder).out == "nothing changed\n"


def test_diff_of_nothing_is_a_wrong_argument_and_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = asked(capsys, "diff", tmp_path / "a", tmp_path / "b")

    assert (answer.code, answer.out) == (2, "")
    assert "expected a published dataset" in answer.err
