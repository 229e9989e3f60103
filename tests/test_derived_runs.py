"""Whole runs with derived features: both engines publish the same, and what is published is served again."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import obs2seq
from obs2seq.bootstrap import compare, run
from obs2seq.errors import SpecificationError
from obs2seq.online import Sequencer
from tests.athena_fakes import FakeAthena
from tests.athena_jobs import athena_service
from tests.flow_inputs import Row, sorted_rows
from tests.small_jobs import CORRECT, answers, put_answers, settings_for

FEATURES = (
    CORRECT,
    {"name": "gap", "derive": "seconds_since_previous", "pad": -1.0},
    {"name": "since_same", "derive": "seconds_since_same", "of": "skill", "pad": -1.0},
    {"name": "attempt", "derive": "attempt_number", "of": "skill", "pad": 0},
    {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": 0.5},
    {"name": "position", "derive": "position", "pad": -1},
    {"name": "hour", "derive": "hour_of_day", "time_zone": "Europe/Berlin", "pad": -1},
    {"name": "weekday", "derive": "weekday", "time_zone": "Europe/Berlin", "pad": 0},
)


@pytest.fixture
def pupils(tmp_path: Path) -> list[list[Row]]:
    """A pupil with an answer that is there twice, and another, in one file."""
    first, second = answers(1, [1, 0, 1, 1]), answers(2, [0])
    put_answers(f"{tmp_path}/in/part-0.parquet", second, [first[2], *first])
    return [first, second]


def test_both_engines_publish_the_same_derived_features_and_drop_duplicates_before(
    spark: SparkSession, tmp_path: Path, pupils: list[list[Row]]
) -> None:
    made = {}
    for engine in ("arrow", "spark"):
        settings = settings_for(
            f"{tmp_path}/in", f"{tmp_path}/{engine}", features=FEATURES, engine=engine, duplicates="drop"
        )
        (made[engine],) = run(settings).values()

    (on_arrow, here), (on_spark, there) = made["arrow"], made["spark"]
    assert compare(str(here), str(there)) == []
    assert on_arrow.run_id == on_spark.run_id
    data = obs2seq.load(f"{tmp_path}/arrow", "train")
    assert data.table().column("attempt_sequence").to_pylist() == [[1, 2, 3], [4, 0, 0], [1, 0, 0]]
    assert data.table().column("share_sequence").to_pylist()[:2] == [[0.5, 1.0, 0.5], [2 / 3, 0.5, 0.5]]


def test_what_is_published_is_made_again_by_the_online_sequencer(tmp_path: Path, pupils: list[list[Row]]) -> None:
    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", features=FEATURES, engine="arrow", duplicates="drop"))

    data = obs2seq.load(f"{tmp_path}/out", "train")

    assert data.types == {"pupilid": "bigint", "correct": "int"}
    made = [row for pupil in pupils for row in Sequencer(data.spec, types=data.types).sequences(pupil)]
    assert sorted_rows(data.table().to_pylist()) == made
    assert data.arrays(["hour"])["hour"].tolist() == [[9, 9, 9], [9, -1, -1], [9, -1, -1]]


def test_whole_observations_are_published_as_they_are(tmp_path: Path, pupils: list[list[Row]]) -> None:
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", features=FEATURES, engine="arrow")

    ((manifest, _),) = run(settings.model_copy(update={"output": "observations"})).values()

    assert manifest.rows == 6
    assert "skill" in manifest.columns
    assert not [name for name in manifest.columns if "(" in name]


def test_athena_refuses_derived_features_before_it_asks_anything(s3_endpoint: str) -> None:
    athena = FakeAthena()

    with pytest.raises(
        SpecificationError, match="feature 'gap': expected columns alone, which is what Athena computes"
    ):
        athena_service(athena, "s3://bucket", "school", features=FEATURES)
