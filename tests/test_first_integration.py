"""The job at its smallest: one answer by one pupil, from S3 to S3."""

import os

import pytest
from cloudpathlib import S3Path
from pyspark.sql import SparkSession

from obs2seq.bootstrap import warehouse
from obs2seq.settings import Settings, given_settings, load_settings, parse_args
from tests.small_jobs import answers, published_rows, put_answers

FEATURES = "[{name: pupilid, column: pupilid, pad: -1}, {name: correct, column: correct, pad: 0}]"
EXPECTED = {
    "pupilid": 1,
    "session_index": 0,
    "sequence_index": 0,
    "first_position": 0,
    "n_observations": 1,
    "is_pad_sequence": [0, 1, 1, 1, 1],
    "is_new_sequence": [1, 0, 0, 0, 0],
    "pupilid_sequence": [1, -1, -1, -1, -1],
    "correct_sequence": [1, 0, 0, 0, 0],
}


def settings_of_the_job(*argv: str) -> Settings:
    given, _ = parse_args(argv)
    return load_settings(given_settings(given), os.environ, given.config)


def test_one_answer_becomes_one_padded_sequence(
    spark: SparkSession, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, output = f"s3://{bucket}/observations", f"s3://{bucket}/sequences"
    put_answers(f"{data}/train/part-0.parquet", answers(1, [1]))
    monkeypatch.setenv("MODE", "local")
    locations = ("--s3_data_location", data, "--output_s3_location", output)
    settings = settings_of_the_job(*locations, "--sequence_length", "5", "--subsets", "train=1", "--features", FEATURES)

    location = warehouse(settings).sequence_dataset(
        settings.s3_data_location, settings.sequence_length, settings.output_s3_location, "train"
    )

    assert location == S3Path(f"{output}/train_sequenced_5")
    manifest, rows = published_rows(str(location))
    assert rows == [EXPECTED]
    as_plain_parquet = spark.read.parquet(str(location))
    assert as_plain_parquet.columns == [*EXPECTED, "run_id"]
    assert [row.asDict() for row in as_plain_parquet.drop("run_id").collect()] == [EXPECTED]
    assert (manifest.rows, manifest.ledger.rows_in, manifest.ledger.sequenced) == (1, 1, 1)
