"""The canary finds features that know the answer, among many others too, and lives where there are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from obs2seq import SequenceSpec
from obs2seq.audit.alone import Answers, auc, aucs_alone, sample
from obs2seq.audit.coin_flips import answer_column, readers
from obs2seq.bootstrap.audits import canary, changed_future, in_other_words, prepared
from obs2seq.cli import main
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.generator import generate
from obs2seq.settings import Settings
from tests.small_jobs import put
from tests.test_audit import CORRECT, DURATION, EXERCISE, FEATURES, SKILL, history, settings

GAP = {"name": "gap", "derive": "seconds_since_previous", "pad": -1.0}
SHARE = {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": 0.5}
MANY = (CORRECT, EXERCISE, DURATION, SKILL, GAP, SHARE)


@pytest.fixture(scope="module")
def observations(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Generated observations."""
    folder = tmp_path_factory.mktemp("generated") / "observations"
    generate(folder, observations=20_000, files=2, force=True)
    return str(folder)


def mine(observations: str, **changes: Any) -> Settings:
    values = {"s3_data_location": observations, "mode": "local", "engine": "arrow", "sequence_length": 50}
    return Settings(**(values | changes))


def test_the_canary_lives_on_clean_features(observations: str) -> None:
    clean = mine(observations, features=MANY)
    outcome = canary(clean, "correct")
    assert outcome.is_chance
    assert outcome.together.positions == outcome.alone.positions > 5_000
    assert outcome.features == len(MANY)
    assert outcome.readers == ()
    assert changed_future(clean, prepared(clean)) == []
    assert in_other_words(clean, prepared(clean), "correct") == []


@pytest.mark.parametrize(
    ("planted", "columns"),
    [
        ({"column": "correct", "pad": 0, "shift": 1}, {}),
        ({"column": "score", "pad": 0}, {"score": "correct * 3 + 1"}),
        ({"column": "score", "pad": 0}, {"score": "correct * 5 + duration_s"}),
        ({"column": "score", "pad": ""}, {"score": "concat(skill, cast(correct as string))"}),
        ({"derive": "attempt_number", "of": "correct", "pad": 0}, {}),
        ({"derive": "seconds_since_same", "of": "correct", "pad": -1.0}, {}),
    ],
    ids=["to come", "other words", "noisy copy", "in a text", "counted by the answer", "time since the same"],
)
def test_the_canary_dies_of_a_feature_that_knows_the_answer_among_many(
    observations: str, planted: dict[str, Any], columns: dict[str, str]
) -> None:
    features = (*MANY, {"name": "planted"} | planted)
    outcome = canary(mine(observations, features=features, columns=columns), "correct")
    assert not outcome.alone.is_chance
    assert outcome.alone.by == "'planted'"
    assert outcome.readers == [f"columns.{name}" for name in columns]


def test_the_bounds_widen_with_the_number_of_tests(observations: str) -> None:
    few, many = (
        canary(mine(observations, features=features), "correct").together for features in ((CORRECT, SKILL), MANY)
    )
    assert few.positions == many.positions
    # 99 % of a normal distribution, shared by 3 and by 7 tests, lie within 2.935 and 3.189 deviations.
    assert many.margin / few.margin == pytest.approx(3.189 / 2.935, abs=0.001)


def coins(n: int) -> Answers:
    """Flips in a row, of which the second half is predicted."""
    flips = np.random.default_rng(7).integers(0, 2, n)
    return Answers(flips, np.append(False, flips[:-1] == 1), np.arange(n) >= n // 2)


def test_a_count_by_answer_tells_only_together_with_the_answer_before() -> None:
    answers = coins(4_000)
    ones = np.cumsum(answers.now)
    count = np.where(answers.now == 1, ones, np.arange(1, 4_001) - ones).astype(float)
    before = np.append(np.nan, count[:-1])
    found = aucs_alone({"count": count, "count of the position before": before}, answers)
    blind = auc(
        np.column_stack([count, before, count - before]), Answers(answers.now, answers.now < 0, answers.is_held)
    )
    assert found.keys() == {"count"}
    assert found["count"] > 0.95
    assert blind < 0.8


def test_answers_of_one_kind_after_another_are_no_error() -> None:
    answers = coins(400)
    was_high = (answers.now == 1) & ~answers.is_held | (np.arange(400) >= 390)
    assert 0.4 < auc(np.ones((400, 1)), Answers(answers.now, was_high, answers.is_held)) < 0.6


def test_the_sample_takes_no_more_than_fifty_thousand_positions() -> None:
    assert sample(3).tolist() == [0, 1, 2]
    assert len(np.unique(sample(200_000))) == 50_000


def scored(tmp_path: Path, scores: dict[int, list[Any]]) -> str:
    """Observations with a score that was stored beside the answer: by answer, one of several."""
    rows = [
        row | {"score": scores[row["correct"]][row["observation_id"] % 2]}
        for pupil in range(40)
        for row in history(pupil, pupil)
    ]
    folder = tmp_path / "scored"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "part-0.parquet")
    return str(folder)


@pytest.mark.parametrize(
    ("scores", "pad", "expected"),
    [
        ({0: [0, 0], 1: [2, 2]}, 0, ["score"]),
        ({0: [1, 3], 1: [2, 4]}, 0, ["score"]),
        ({0: ["wrong", "slip"], 1: ["right", "well done"]}, "", ["score"]),
        ({0: [1, 3], 1: [1, 4]}, 0, []),
    ],
    ids=["doubled", "odd and even", "texts", "tells half of them"],
)
def test_a_stored_column_that_is_the_answer_in_other_words_is_named(
    tmp_path: Path, scores: dict[int, list[Any]], pad: object, expected: list[str]
) -> None:
    score = {"name": "score", "column": "score", "pad": pad}
    job = settings(tmp_path, s3_data_location=scored(tmp_path, scores), features=(*FEATURES, score))
    assert canary(job, "correct").is_chance
    assert in_other_words(job, prepared(job), "correct") == expected
    target = settings(tmp_path, **(job.model_dump() | {"targets": ("score",)}))
    assert in_other_words(target, prepared(target), "correct") == []


def test_the_command_names_what_is_the_answer_in_other_words_and_lets_it_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.yaml"
    features = [*FEATURES, {"name": "score", "column": "score", "pad": 0}]
    config.write_text(yaml.safe_dump({"features": features, "engine": "arrow", "sequence_length": 10}))
    location = scored(tmp_path, {0: [0, 0], 1: [2, 2]})
    assert main(["audit", "--canary", "correct", "--config", str(config), "--s3_data_location", location]) == 0
    printed = capsys.readouterr().out
    assert "✓  no feature foretells answers that are coin flips" in printed
    assert "!  'score' alone foretells the answers as they are: is it the answer in other words?" in printed


def test_rules_that_choose_rows_by_the_answer_are_named_where_the_canary_dies(
    observations: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [
        {"name": "quick", "kind": "predicate", "predicate": "Correct = 1 OR duration_s > 20", "severity": "quarantine"},
        {"name": "told", "kind": "not_null", "column": "correct", "severity": "quarantine"},
        {"name": "noted", "kind": "range", "column": "correct", "least": 0, "severity": "warn"},
        {"name": "long", "kind": "range", "column": "duration_s", "least": 0, "severity": "quarantine"},
    ]
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump({"features": list(FEATURES), "engine": "arrow", "rules": rules}))
    assert main(["audit", "--canary", "correct", "--config", str(config), "--s3_data_location", observations]) == 1
    printed = capsys.readouterr().out
    assert "read the answer: rules.quick\n" in printed
    assert "rows that are chosen by the answer tell it, on clean features too: try without" in printed


def test_what_reads_the_answer_is_found_under_other_names_too() -> None:
    made = {"points": "`raw score` * 2", "correctness": "1"}
    conditions = {"row_filter": "points > 3", "rules.a": "correctness = 1"}
    assert readers(["raw score"], made, conditions) == ["columns.points", "row_filter"]
    assert readers(["correct"], made, conditions) == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("gap", "expected a feature that reads a column, found 'gap', which is derived. Hint: known are correct[.]$"),
        (
            "group",
            "expected a feature that reads a column, found 'group', which is derived. Hint: known are correct[.]$",
        ),
        (
            "is_repeat",
            "expected a feature that reads a column, found 'is_repeat', which is derived. Hint: known are correct[.]$",
        ),
        ("nosuch", "expected the name of a feature, found 'nosuch'. Hint: known are correct[.]$"),
    ],
)
def test_features_that_read_a_column_alone_can_be_the_answer(answer: str, message: str) -> None:
    tag = {"name": "tag", "column": "tags", "pad": "-"}
    spec = SequenceSpec(
        pupil="pupilid", order_by=("at",), sequence_length=9, features=(CORRECT, tag, GAP), explode="tags"
    )
    with pytest.raises(ConfigurationError, match=f"^answer: {message}"):
        answer_column(spec, answer)


@pytest.mark.parametrize("reads", [{"column": "tags", "pad": "-"}, {"column": "tags", "encode": "vocabulary"}])
def test_the_exploded_column_cannot_be_the_answer(reads: dict[str, Any]) -> None:
    tag = {"name": "tag"} | reads
    spec = SequenceSpec(pupil="pupilid", order_by=("at",), sequence_length=9, features=(CORRECT, tag), explode="tags")
    with pytest.raises(
        ConfigurationError, match=r"^answer: expected an answer of whole observations, found the exploded column 'tags'"
    ):
        answer_column(spec, "tag")
    assert answer_column(spec, "correct") == "correct"


def test_the_canary_says_what_it_misses(tmp_path: Path, observations: str) -> None:
    job = Settings(s3_data_location=observations, mode="local", engine="arrow")
    with pytest.raises(
        ConfigurationError, match=r"answer: expected the name of a feature, found 'corect'\. Hint: did you mean"
    ):
        canary(job, "corect")
    blind = Settings(
        s3_data_location=observations, mode="local", engine="arrow", features=(CORRECT,), targets=("correct",)
    )
    with pytest.raises(ConfigurationError, match="canary: expected features that a model sees, found none"):
        canary(blind, "correct")
    few = tmp_path / "few" / "part-0.parquet"
    few.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(history(1, 1)), few)
    with pytest.raises(DataError, match="canary: expected 50 answers of each kind in each half of the pupils"):
        canary(settings(tmp_path, s3_data_location=str(few.parent)), "correct")
    put(str(tmp_path / "none" / "part-0.csv"), b"pupilid\n")
    with pytest.raises(DataNotFoundError):
        canary(settings(tmp_path, s3_data_location=str(tmp_path / "none")), "correct")
