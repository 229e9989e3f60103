"""The sample of stage development: the same pupils everywhere, and everybody else counted."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from obs2seq import bootstrap
from obs2seq.domain.splits import sample_range
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.settings import Settings
from tests.commands import asked
from tests.small_jobs import answers, published_sequences, put_answers, settings_for

PUPILS = range(1, 61)
SHARE = 0.3
DEVELOPMENT = {"stage": "development", "development_share": SHARE}


def sampled(share: float = SHARE) -> list[int]:
    """Who is in the sample, by the rule that the documentation states."""
    digits = {pupil: hashlib.md5(f"sample of stage development:{pupil}".encode()).hexdigest()[:8] for pupil in PUPILS}
    return [pupil for pupil in PUPILS if int(digits[pupil], 16) < share * 16**8]


@pytest.fixture
def data(tmp_path: Path) -> str:
    put_answers(f"{tmp_path}/in/part-0.parquet", *(answers(pupil, [0, 1]) for pupil in PUPILS))
    return f"{tmp_path}/in"


@pytest.fixture(params=["arrow", "spark"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "spark":
        request.getfixturevalue("spark")
    return str(request.param)


def test_development_takes_the_same_sample_in_every_engine(engine: str, data: str, tmp_path: Path) -> None:
    outcome = bootstrap.run(settings_for(data, f"{tmp_path}/out", engine=engine, **DEVELOPMENT))

    assert [pupil for pupil, _ in published_sequences(f"{tmp_path}/out/train_sequenced_3")] == sampled()
    ledger = outcome["train"][0].ledger
    left_out = 2 * (len(PUPILS) - len(sampled()))
    assert (ledger.rows_in, dict(ledger.left_out)) == (120, {"not_sampled": left_out})
    assert 0 < left_out < 120


def test_subsets_share_the_sample_as_they_share_all(engine: str, data: str, tmp_path: Path) -> None:
    halves = {"subsets": {"train": 0.5, "test": 0.5}}

    whole, sample = f"{tmp_path}/whole", f"{tmp_path}/sample"
    bootstrap.run(settings_for(data, whole, engine=engine, **halves))
    bootstrap.run(settings_for(data, sample, engine=engine, **halves, **DEVELOPMENT))

    for subset in ("train", "test"):
        everybody = [pupil for pupil, _ in published_sequences(f"{whole}/{subset}_sequenced_3")]
        drawn = [pupil for pupil, _ in published_sequences(f"{sample}/{subset}_sequenced_3")]
        assert drawn == [pupil for pupil in everybody if pupil in sampled()]
        assert drawn


def test_a_row_of_a_pupil_outside_the_sample_breaks_no_other_rule(engine: str, data: str, tmp_path: Path) -> None:
    outsider = next(pupil for pupil in PUPILS if pupil not in sampled())
    (broken,) = answers(outsider, [1])
    put_answers(f"{tmp_path}/in/part-1.parquet", [broken | {"answered_at": None}])

    settings = settings_for(data, f"{tmp_path}/out", engine=engine, **DEVELOPMENT)
    ledger = bootstrap.check(settings)["train"]

    assert dict(ledger.left_out) == {"not_sampled": 2 * (len(PUPILS) - len(sampled())) + 1}
    with pytest.raises(DataError, match="the time is null"):
        bootstrap.check(settings_for(data, f"{tmp_path}/out", engine=engine))


def test_null_pupils_are_left_to_their_own_rule(engine: str, data: str, tmp_path: Path) -> None:
    (nobody,) = answers(1, [1])
    put_answers(f"{tmp_path}/in/part-1.parquet", [nobody | {"pupilid": None}])

    ledger = bootstrap.check(
        settings_for(data, f"{tmp_path}/out", engine=engine, null_pupil="leave_out", **DEVELOPMENT)
    )

    assert ledger["train"].left_out["null_pupil"] == 1


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_a_larger_sample_holds_the_smaller(share: float) -> None:
    holds: Callable[[str], bool] = sample_range(share).holds

    inside = {number for number in range(2000) if holds(str(number))}

    assert abs(len(inside) / 2000 - share) < 0.04
    assert {number for number in range(2000) if sample_range(share / 2).holds(str(number))} <= inside


def test_the_stage_is_part_of_what_a_run_is_named_after(data: str, tmp_path: Path) -> None:
    runs = [
        bootstrap.run(settings_for(data, f"{tmp_path}/out", engine="arrow", **changes))["train"][0].run_id
        for changes in ({}, DEVELOPMENT, {"development_share": 0.5})
    ]

    assert runs[0] != runs[1]
    assert runs[0] == runs[2], "the share says nothing in production"


def test_wrong_modes_are_refused_with_the_right_ones(capsys: pytest.CaptureFixture[str], data: str) -> None:
    words = {"stage": "develop", "mode": "cloud", "output": "sequence", "engine": "duck"}
    right = {
        "stage": "'production' or 'development'",
        "mode": "'local', 'emr' or 'athena'",
        "output": "'sequences' or 'observations'",
        "engine": "'spark', 'arrow' or 'auto'",
    }

    for key, wrong in words.items():
        answer = asked(capsys, "check", "--s3_data_location", data, f"--{key}", wrong)
        assert answer.code == 2
        assert f"option --{key}: expected {right[key]}, found '{wrong}'" in answer.err


@pytest.mark.parametrize("share", [0.0, 1.5, -0.1])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ConfigurationError, match="development_share: expected"):
        Settings(development_share=share)


def test_development_on_athena_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, "sql", "--athena_table", "school.answers", "--stage", "development")

    assert answer.code == 2
    assert "stage: expected production where Athena computes, found development." in answer.err


def test_the_dataflow_takes_another_way(spark: SparkSession) -> None:
    from obs2seq.bootstrap.lineage import graph

    found = {stage: graph(settings_for("", "", stage=stage)) for stage in ("production", "development")}

    assert {stage: each.steps["stage_rules"].roots[0].name for stage, each in found.items()} == {
        "production": "stage_rules__production",
        "development": "stage_rules__development",
    }
