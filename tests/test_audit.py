"""Leaks that are planted are found, and clean data is let through."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from obs2seq.audit import auditing
from obs2seq.audit.auditing import audit
from obs2seq.audit.coin_flips import flipped, raw_columns
from obs2seq.audit.future import features_that_read_ahead
from obs2seq.audit.hashing import position_hashes, run_hashes
from obs2seq.audit.runs import WINNOWED, is_winnowed_in
from obs2seq.bootstrap import run
from obs2seq.bootstrap.audits import audit_published
from obs2seq.cli import main
from obs2seq.domain.audit import Audit, Finding
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.loading import data
from obs2seq.loading.data import SequenceData
from obs2seq.loading.opening import load
from obs2seq.settings import Settings
from tests.small_jobs import put_answers

CORRECT = {"name": "correct", "column": "correct", "pad": -1}
EXERCISE = {"name": "exercise_id", "column": "exercise_id", "pad": -1}
DURATION = {"name": "duration_s", "column": "duration_s", "pad": -1.0}
SKILL = {"name": "skill", "column": "skill", "pad": ""}
FEATURES = (CORRECT, EXERCISE, DURATION, SKILL)


def history(pupil: int, seed: int, n: int = 20, exercises: int = 5) -> list[dict[str, Any]]:
    """Answers of a pupil, all different from those of another seed."""
    chance = np.random.default_rng(seed)
    return [
        {
            "pupilid": pupil,
            "observation_id": i,
            "answered_at": 1_000_000 * i,
            "exercise_id": int(chance.integers(exercises)),
            "skill": "addition",
            "correct": int(chance.integers(2)),
            "duration_s": float(chance.random()),
        }
        for i in range(n)
    ]


def settings(tmp_path: Path, **changes: object) -> Settings:
    """A job on folders train and test, by the embedded engine."""
    values: dict[str, object] = {
        "s3_data_location": str(tmp_path / "in"),
        "output_s3_location": str(tmp_path / "out"),
        "mode": "local",
        "engine": "arrow",
        "sequence_length": 10,
        "features": FEATURES,
        "subsets": {"train": 0.5, "test": 0.5},
    }
    return Settings(**(values | changes))


def published(tmp_path: Path, train: list[Any], test: list[Any], **changes: object) -> dict[str, SequenceData]:
    """Publish histories by subset, whatever an audit would say, and load them."""
    for subset, histories in (("train", train), ("test", test)):
        put_answers(str(tmp_path / "in" / subset / "part-0.parquet"), *histories)
    run(settings(tmp_path, audit="warn", **changes))
    return {subset: load(tmp_path / "out", subset) for subset in ("train", "test")}


def leaks(found: Audit) -> list[tuple[str, str, str]]:
    return [(finding.check, finding.where, finding.found) for finding in found.leaks]


def test_clean_subsets_have_no_finding(tmp_path: Path) -> None:
    subsets = published(tmp_path, [history(i, i) for i in range(5)], [history(i, i) for i in range(5, 8)])
    found = audit(subsets)
    assert found.findings == ()
    assert found.skipped == {}
    assert set(found.checked) == {"pupils", "twins", "unseen", "look_ahead"}


def test_a_pupil_in_two_subsets_is_a_leak(tmp_path: Path) -> None:
    subsets = published(tmp_path, [history(1, 1), history(2, 2)], [history(2, 3), history(4, 4)])
    assert leaks(audit(subsets)) == [("pupils", "'train' and 'test'", "pupils that are in both: 1")]


def test_a_history_under_another_name_is_a_leak(tmp_path: Path) -> None:
    copied = [row | {"pupilid": 9} for row in history(1, 1)]
    subsets = published(tmp_path, [history(1, 1), history(2, 2)], [copied, history(4, 4)])
    expected = "11 of 22 runs of 10 observations in 'test' stand in 'train' too"
    assert leaks(audit(subsets)) == [("twins", "'train' and 'test'", expected)]


def test_sequences_that_are_read_in_parts_are_audited_as_those_that_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = [
        row | {"pupilid": 9, "exercise_id": row["exercise_id"] + 100 * (i > 9)} for i, row in enumerate(history(1, 1))
    ]
    subsets = published(tmp_path, [history(1, 1), history(2, 2)], [copied, history(2, 4, 5)])
    at_once = audit(subsets)

    monkeypatch.setattr(data, "PART", 10)  # one sequence

    assert {finding.check for finding in at_once.findings} == {"pupils", "twins", "unseen"}
    assert audit(subsets) == at_once


def test_what_many_pupils_have_alike_is_no_leak(tmp_path: Path) -> None:
    alike = [[row | {"pupilid": pupil} for row in history(0, 0)] for pupil in range(20)]
    subsets = published(tmp_path, alike[:10], alike[10:])
    assert audit(subsets).findings == ()


def test_answers_alone_are_alike_by_chance(tmp_path: Path) -> None:
    wrong = [[row | {"correct": 0} for row in history(pupil, pupil)] for pupil in (1, 2)]
    subsets = published(tmp_path, wrong[:1], wrong[1:], features=(CORRECT,))
    assert audit(subsets).findings == ()


def test_an_id_that_training_does_not_hold_is_told_and_is_no_leak(tmp_path: Path) -> None:
    unknown = [row | {"exercise_id": 77, "skill": "division"} for row in history(9, 9)]
    subsets = published(tmp_path, [history(i, i) for i in range(5)], [unknown])
    found = audit(subsets)
    assert found.leaks == []
    assert [(finding.where, finding.found) for finding in found.findings] == [
        ("'test', feature 'exercise_id'", "1 of 1 values are unknown to 'train'"),
        ("'test', feature 'skill'", "1 of 1 values are unknown to 'train'"),
    ]


def test_an_observation_from_after_the_split_is_a_leak(tmp_path: Path) -> None:
    time = {"name": "time", "column": "observation_id", "pad": -1}
    changes = {"features": (time, CORRECT), "order_by": ("observation_id",)}
    subsets = published(tmp_path, [history(1, 1, 15)], [history(1, 1, 20)[10:]], **changes)
    found = audit(subsets, periods={"train": (None, 10), "test": (10, None)})
    assert leaks(found) == [("times", "'train'", "new observations from 10 or later")]
    assert "pupils" not in found.checked


def test_times_that_no_feature_holds_are_not_checked(tmp_path: Path) -> None:
    subsets = published(tmp_path, [history(1, 1)], [history(2, 2)])
    found = audit(subsets, periods={"train": (None, 10), "test": (10, None)})
    assert found.skipped == {"times": "no feature holds the time 'answered_at'"}


def test_a_feature_that_looks_ahead_is_a_leak_unless_it_is_a_target(tmp_path: Path) -> None:
    ahead = {"name": "next", "column": "correct", "pad": -1, "shift": 2}
    subsets = published(tmp_path, [history(1, 1)], [history(2, 2)], features=(CORRECT, ahead))
    assert leaks(audit(subsets)) == [
        ("look_ahead", "feature 'next'", "it reads 2 positions ahead, and is none of the targets")
    ]
    assert audit(subsets, ["next"]).leaks == []


def test_short_sequences_and_single_subsets_say_what_was_not_checked(tmp_path: Path) -> None:
    short = published(tmp_path, [history(1, 1, 3)], [history(2, 2, 3)])
    assert audit(short).skipped == {"twins": "no pupil has 10 observations in a row"}
    alone = audit({"train": short["train"]})
    assert set(alone.skipped) == {"pupils", "twins", "unseen"}


def test_hashes_tell_apart_values_and_places_of_all_types() -> None:
    rows = {
        "equal": [[1.0, 2.5], [1.0, 2.5], [2.5, 1.0], [1.0, 2.25]],
        "text": [["a", "b"], ["a", "b"], ["b", "a"], ["a", "c"]],
        "whole": [[1, 2], [1, 2], [2, 1], [1, 3]],
        "flag": [[True, False], [True, False], [False, True], [True, True]],
    }
    for values in rows.values():
        positions = position_hashes([pa.chunked_array([pa.array(values)])], 2)
        hashes = np.concatenate([run_hashes(row, 2) for row in positions])
        assert hashes[0] == hashes[1]
        assert len(set(hashes.tolist())) == 3


def test_a_leak_keeps_a_run_from_being_published(tmp_path: Path) -> None:
    for subset in ("train", "test"):
        put_answers(str(tmp_path / "in" / subset / "part-0.parquet"), history(1, 1))
    with pytest.raises(
        DataError, match=r"audit: expected .* without leaks, found 'train' and 'test': pupils that are in both: 1"
    ):
        run(settings(tmp_path))
    with pytest.raises(DataNotFoundError):
        load(tmp_path / "out", "train")
    run(settings(tmp_path, audit="warn"))
    stored = json.loads(next((tmp_path / "out").glob("test_*/run_id=*/_AUDIT.json")).read_text())
    assert [finding["check"] for finding in stored["findings"]] == ["pupils", "twins"]
    run(settings(tmp_path, audit="off", force=True))


def test_a_look_ahead_stops_a_run_before_it_reads(tmp_path: Path) -> None:
    ahead = {"name": "next", "column": "correct", "pad": -1, "shift": 1}
    with pytest.raises(DataError, match="feature 'next': it reads 1 positions ahead"):
        run(settings(tmp_path, features=(CORRECT, ahead)))
    with pytest.raises(
        ConfigurationError, match=r"targets: expected names of features, found 'nxt'\. Hint: did you mean"
    ):
        run(settings(tmp_path, features=(CORRECT, ahead), targets=("nxt",)))


def test_a_finished_run_is_not_audited_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    published(tmp_path, [history(1, 1)], [history(2, 2)])
    stored = next((tmp_path / "out").glob("test_*/run_id=*/_AUDIT.json"))
    before = stored.stat().st_mtime_ns
    run(settings(tmp_path, audit="warn"))
    assert stored.stat().st_mtime_ns == before
    stored.write_text("{")
    run(settings(tmp_path, audit="warn"))
    assert Audit.model_validate_json(stored.read_text()).findings == ()


def test_the_command_prints_findings_and_no_pupil(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published(tmp_path, [history(123456, 1)], [history(123456, 1)])
    assert main(["audit", str(tmp_path / "out"), "--subsets", "train=0.5,test=0.5"]) == 1
    printed = capsys.readouterr().out
    assert "✗  no pupil is in two subsets" in printed
    assert "✓  no feature reads what comes after its position" in printed
    assert "123456" not in printed
    assert main(["audit"]) == 2
    assert main(["audit", str(tmp_path / "none")]) == 1


def test_the_outcome_of_what_is_published_is_the_same_as_of_the_run(tmp_path: Path) -> None:
    published(tmp_path, [history(1, 1)], [history(1, 1)])
    stored = next((tmp_path / "out").glob("test_*/run_id=*/_AUDIT.json"))
    assert audit_published(str(tmp_path / "out"), settings(tmp_path)) == Audit.model_validate_json(stored.read_text())


SPEC = {"order_by": ["answered_at"], "sequence_length": 4, "features": [CORRECT]}


def test_what_reads_ahead_changes_when_the_future_is_taken_away() -> None:
    rows = pa.Table.from_pylist([*history(1, 1, 9), *history(2, 2, 5)])
    ahead = {"name": "next", "column": "duration_s", "pad": -1.0, "shift": 1}
    behind = {"name": "last", "column": "duration_s", "pad": -1.0, "shift": -1}
    spec = SequenceSpec(**(SPEC | {"features": [CORRECT, ahead, behind], "align": "end", "stride": 2}))
    expected = "2 of 8 values change when the pupil's future does"
    assert list(features_that_read_ahead(rows, spec)) == [
        Finding(check="look_ahead", where="feature 'next'", found=expected)
    ]
    assert list(features_that_read_ahead(rows, spec, ["next"])) == []


def test_flips_are_fair_and_take_the_place_of_nulls() -> None:
    table = pa.table({"correct": pa.array([1, 0, None, 1] * 250), "other": range(1000)})
    made = flipped(table, ["correct"], 1)
    assert made.column("correct").null_count == 0
    assert 400 < sum(made.column("correct").to_pylist()) < 600
    assert made.column("other") == table.column("other")
    assert made != flipped(table, ["correct"], 2)


def test_scores_keep_their_values_in_another_order() -> None:
    table = pa.table({"score": range(1000), "out_of": range(0, 2000, 2)})
    made = flipped(table, ["score", "out_of"], 1)
    assert sorted(made.column("score").to_pylist()) == list(range(1000))
    assert made.column("out_of").to_pylist() == [2 * score for score in made.column("score").to_pylist()]
    assert made != table


def test_answers_are_traced_to_the_columns_of_the_input() -> None:
    raw = ["score", "Out_Of", "correct"]
    assert raw_columns("correct", {}, raw) == ["correct"]
    assert raw_columns("right", {"right": "score"}, raw) == ["score"]
    assert raw_columns("right", {"right": "score >= out_of / 2"}, raw) == ["score", "Out_Of"]
    with pytest.raises(DataError, match="right"):
        raw_columns("right", {}, raw)


def pupil_rows(pupil: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"pupilid": pupil} for row in rows]


@pytest.mark.parametrize(("length", "stride"), [(10, None), (30, None), (12, 1)])
def test_a_history_under_another_name_is_found_though_its_windows_are_shifted(
    tmp_path: Path, length: int, stride: int | None
) -> None:
    copied = pupil_rows(9, history(1, 1, 25)[3:])
    changes: dict[str, Any] = {"sequence_length": length, "stride": stride}
    subsets = published(tmp_path, [history(1, 1, 25), history(2, 2)], [copied, history(4, 4)], **changes)
    expected = "13 of 24 runs of 10 observations in 'test' stand in 'train' too"
    assert leaks(audit(subsets)) == [("twins", "'train' and 'test'", expected)]


def test_a_few_copied_observations_are_found_within_a_longer_window(tmp_path: Path) -> None:
    mixed = pupil_rows(9, history(9, 9, 31) + history(1, 1, 40)[12:27] + history(8, 8, 20))
    mixed = [row | {"answered_at": i, "observation_id": i} for i, row in enumerate(mixed)]
    subsets = published(tmp_path, [history(1, 1, 40), history(2, 2)], [mixed], sequence_length=100)
    expected = "6 of 57 runs of 10 observations in 'test' stand in 'train' too"
    assert leaks(audit(subsets)) == [("twins", "'train' and 'test'", expected)]


def test_what_pupils_answer_block_by_block_is_no_leak(tmp_path: Path) -> None:
    def blocks(pupil: int) -> list[dict[str, Any]]:
        chance = np.random.default_rng(pupil)
        skills = np.repeat(chance.integers(3, size=4), chance.integers(12, 30, 4))
        return [
            row | {"skill": str(skill)} for row, skill in zip(history(pupil, pupil, len(skills)), skills, strict=True)
        ]

    subsets = published(tmp_path, [blocks(i) for i in range(3)], [blocks(i) for i in range(3, 6)], features=(SKILL,))
    found = audit(subsets)
    assert "twins" in found.checked
    assert found.leaks == []


def test_of_many_runs_thirty_copied_observations_are_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = pupil_rows(9, history(1, 1, 100)[33:63])
    subsets = published(tmp_path, [history(i, i, 100) for i in range(1, 6)], [copied, history(10, 10, 100)])

    monkeypatch.setattr(auditing, "MANY", 1)

    found = leaks(audit(subsets))
    assert [check for check, _, _ in found] == ["twins"]
    assert " of 112 " not in found[0][2]


def test_equal_stretches_keep_an_equal_run_wherever_they_stand() -> None:
    chance = np.random.default_rng(0)
    stretch, first, second = (chance.integers(0, 1 << 63, n, np.uint64) for n in (WINNOWED, 40_000, 70_000))
    for at in (0, 5, 32_760, 40_000):
        whole, other = np.insert(first, at, stretch), np.insert(second, at, stretch)
        kept = whole[is_winnowed_in(whole)], other[is_winnowed_in(other)]
        assert np.isin(stretch, np.intersect1d(*kept)).any()
        assert len(kept[0]) < len(whole) / 9
