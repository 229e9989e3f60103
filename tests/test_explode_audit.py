"""Exploded sequences under the audit: whole observations are compared, and the canary judges each answer once."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from obs2seq import SequenceSpec, sequence_table
from obs2seq.audit import canary as canary_module
from obs2seq.audit.auditing import audit
from obs2seq.audit.coin_flips import flipped
from obs2seq.audit.future import features_that_read_ahead
from obs2seq.bootstrap import run
from obs2seq.bootstrap.audits import canary, changed_future, prepared
from obs2seq.cli import main
from obs2seq.generator import generate
from obs2seq.loading.data import SequenceData
from obs2seq.loading.opening import load
from obs2seq.settings import Settings
from tests.test_audit import CORRECT, EXERCISE, history, leaks

SKILLS = {"name": "skill", "column": "skills", "pad": "-"}
ATTEMPT = {"name": "attempt", "derive": "attempt_number", "of": "skills", "pad": 0}
FEATURES = (SKILLS, CORRECT, ATTEMPT)
WORD_PROBLEMS = "CASE WHEN exercise_id % 2 = 0 THEN concat(skill, ', reading') ELSE skill END"
"""Every other exercise is of two skills."""


@pytest.fixture(scope="module")
def observations(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Generated observations."""
    folder = tmp_path_factory.mktemp("generated") / "observations"
    generate(folder, observations=20_000, files=2, force=True)
    return str(folder)


def told(observations: str, **changes: Any) -> Settings:
    values = {
        "s3_data_location": observations,
        "mode": "local",
        "engine": "arrow",
        "sequence_length": 50,
        "columns": {"skills": WORD_PROBLEMS},
        "explode": "skills",
        "features": FEATURES,
    }
    return Settings(**(values | changes))


@pytest.mark.parametrize("cuts", ["allow", "keep_together"])
def test_the_canary_lives_on_exploded_observations_and_judges_each_once(observations: str, cuts: str) -> None:
    outcome = canary(told(observations, explode_cuts=cuts), "correct")

    assert outcome.is_chance
    assert outcome.passes_over_repeats
    assert 5_000 < outcome.together.positions < 20_000


def test_the_canary_would_die_if_it_judged_repeats(observations: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_module, "_is_judged", lambda batch, _: batch["is_new_sequence"])

    outcome = canary(told(observations), "correct")

    assert outcome.together.auc > 0.6
    assert outcome.alone.by == "'correct' of the position before"


@pytest.mark.parametrize(
    ("planted", "columns"),
    [
        ({"name": "planted", "column": "correct", "pad": 0, "shift": 1}, {}),
        ({"name": "planted", "column": "score", "pad": 0}, {"score": "correct * 3 + 1"}),
    ],
    ids=["the answer to come", "the answer in other words"],
)
def test_the_canary_dies_of_a_planted_look_ahead_among_elements(
    observations: str, planted: dict[str, Any], columns: dict[str, str]
) -> None:
    features, made = (*FEATURES, planted), {"skills": WORD_PROBLEMS} | columns

    outcome = canary(told(observations, features=features, columns=made), "correct")

    assert not outcome.is_chance
    assert outcome.together.auc > 0.6


def test_the_future_changes_no_element_unless_a_feature_reads_it(observations: str) -> None:
    ahead = {"name": "next", "column": "correct", "pad": -1, "shift": 1}

    clean, planted = (
        changed_future(job, prepared(job))
        for job in (told(observations, features=features) for features in (FEATURES, (*FEATURES, ahead)))
    )

    assert clean == []
    assert [finding.where for finding in planted] == ["feature 'next'"]


def test_the_command_says_that_repeats_are_not_judged(
    tmp_path: Path, observations: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "job.yaml"
    config.write_text(yaml.safe_dump({"columns": {"skills": WORD_PROBLEMS}, "features": [SKILLS, CORRECT]}))
    words = ["audit", "--canary", "correct", "--s3_data_location", observations, "--engine", "arrow"]

    assert main([*words, "--config", str(config), "--explode", "skills"]) == 0

    printed = capsys.readouterr().out
    assert "✓  no feature foretells answers that are coin flips" in printed
    assert "elements after an observation's first are not judged: its answer stands before them" in printed


def test_one_flip_is_the_answer_of_all_elements() -> None:
    n = 400
    rows = {"pupilid": [1] * n, "answered_at": range(n), "correct": [0, 1] * (n // 2), "skills": ["a,b,c"] * n}
    spec = SequenceSpec.model_validate(
        {"order_by": ["answered_at"], "sequence_length": 3 * n, "explode": "skills", "features": [SKILLS, CORRECT]}
    )

    (flips,) = sequence_table(flipped(pa.table(rows), ["correct"], 1), spec)["correct_sequence"].to_pylist()

    assert flips[0::3] == flips[1::3] == flips[2::3]
    assert flips[0::3] != rows["correct"]


def test_arrays_that_stand_for_answers_are_dealt_to_other_rows() -> None:
    table = pa.table({"skills": [[i, i] for i in range(100)]})

    made = flipped(table, ["skills"], 1)

    assert made != table
    assert sorted(made["skills"].to_pylist()) == table["skills"].to_pylist()


def skilled(pupil: int, seed: int, n: int = 20, skills: str = "a, a, a") -> list[dict[str, Any]]:
    return [row | {"skill": skills} for row in history(pupil, seed, n)]


def published(tmp_path: Path, train: list[Any], test: list[Any], **changes: Any) -> dict[str, SequenceData]:
    """Publish histories by subset, whatever an audit would say, and load them."""
    for subset, histories in (("train", train), ("test", test)):
        file = tmp_path / "in" / subset / "part-0.parquet"
        file.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row for rows in histories for row in rows]), file)
    values = {
        "s3_data_location": str(tmp_path / "in"),
        "output_s3_location": str(tmp_path / "out"),
        "mode": "local",
        "engine": "arrow",
        "sequence_length": 30,
        "explode": "skill",
        "features": (SKILLS | {"column": "skill"}, CORRECT, EXERCISE),
        "subsets": {"train": 0.5, "test": 0.5},
        "audit": "warn",
    }
    run(Settings(**(values | changes)))
    return {subset: load(tmp_path / "out", subset) for subset in ("train", "test")}


def test_a_history_under_another_name_is_a_leak_though_it_is_exploded(tmp_path: Path) -> None:
    copied = [row | {"pupilid": 9} for row in skilled(1, 1)]

    found = audit(published(tmp_path, [skilled(1, 1), skilled(2, 2)], [copied, skilled(4, 4)]))

    expected = "11 of 22 runs of 10 observations in 'test' stand in 'train' too"
    assert leaks(found) == [("twins", "'train' and 'test'", expected)]


def test_a_few_observations_of_many_elements_are_too_few_to_tell(tmp_path: Path) -> None:
    alike = [[row | {"pupilid": pupil} for row in skilled(0, 0, n=4)] for pupil in (1, 2)]

    found = audit(published(tmp_path, alike[:1], alike[1:]))

    assert found.leaks == []
    assert found.skipped == {"twins": "no pupil has 10 observations in a row"}


def test_answers_of_exploded_observations_are_alike_by_chance(tmp_path: Path) -> None:
    wrong = [[row | {"correct": 0} for row in skilled(pupil, pupil, n=10)] for pupil in (1, 2)]

    found = audit(published(tmp_path, wrong[:1], wrong[1:], features=(SKILLS | {"column": "skill"}, CORRECT)))

    assert "twins" in found.checked
    assert found.leaks == []


def test_a_skill_that_training_does_not_hold_is_told(tmp_path: Path) -> None:
    found = audit(published(tmp_path, [skilled(1, 1)], [skilled(2, 2, skills="a, new")]))

    assert [str(each) for each in found.findings if "skill" in each.where] == [
        "'test', feature 'skill': 1 of 2 values are unknown to 'train'"
    ]


def test_pieces_of_the_future_of_one_observation_are_no_look_ahead() -> None:
    rows = pa.table({"pupilid": [1] * 4, "at": range(4), "skills": [["a"], ["b", "c", "d"], ["a"], ["e"]]})
    fields = {"order_by": ["at"], "sequence_length": 3, "explode": "skills", "features": [SKILLS, ATTEMPT]}
    following = SKILLS | {"name": "following", "shift": 1}

    clean = list(features_that_read_ahead(rows, SequenceSpec.model_validate(fields)))
    ahead = list(
        features_that_read_ahead(rows, SequenceSpec.model_validate(fields | {"features": [SKILLS, following]}))
    )

    assert clean == []
    assert [finding.found for finding in ahead] == ["1 of 4 values change when the pupil's future does"]
