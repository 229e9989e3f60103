import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from cloudpathlib import S3Path

from obs2seq.errors import ConflictError, DataError
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.settings import Settings
from tests.fakes import InMemoryWarehouseService

DATA, OUTPUT = "s3://bucket/in", "s3://bucket/out"
ROWS = {"train": 8, "validation": 1, "test": 1}


def a_service(failures: Mapping[str, Exception] | None = None) -> InMemoryWarehouseService:
    return InMemoryWarehouseService({DATA: ROWS}, failures)


def arguments(**others: object) -> argparse.Namespace:
    return argparse.Namespace(s3_data_location=DATA, sequence_length=5, output_s3_location=OUTPUT, **others)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="obs2seq")
    return caplog


def test_three_arguments_are_enough() -> None:
    service = a_service()

    locations = DataSequencingOrchestrator(service).orchestrate(arguments())

    assert service.calls == [
        ("sequence_dataset", DATA, 5, OUTPUT, "train"),
        ("sequence_dataset", DATA, 5, OUTPUT, "validation"),
        ("sequence_dataset", DATA, 5, OUTPUT, "test"),
    ]
    assert locations == {
        "train": S3Path(f"{OUTPUT}/train_sequenced_5"),
        "validation": S3Path(f"{OUTPUT}/validation_sequenced_5"),
        "test": S3Path(f"{OUTPUT}/test_sequenced_5"),
    }
    assert service.published == {
        f"{OUTPUT}/train_sequenced_5": 8,
        f"{OUTPUT}/validation_sequenced_5": 1,
        f"{OUTPUT}/test_sequenced_5": 1,
    }


def test_settings_are_arguments_too() -> None:
    settings = Settings(
        s3_data_location=DATA, output_s3_location=OUTPUT, sequence_length=7, subsets={"test": 0.5, "train": 0.5}
    )
    service = a_service()

    DataSequencingOrchestrator(service).orchestrate(settings)

    assert [call[2:] for call in service.calls] == [(7, OUTPUT, "test"), (7, OUTPUT, "train")]


def test_observations_are_prepared_where_they_are_asked_for() -> None:
    service = InMemoryWarehouseService({"in": ROWS})
    told = argparse.Namespace(
        s3_data_location="in", sequence_length=5, output_s3_location="out", subsets=["train"], output="observations"
    )

    locations = DataSequencingOrchestrator(service).orchestrate(told)

    assert service.calls == [("prepare_dataset", "in", "out", "train")]
    assert locations == {"train": Path("out/train_prepared")}


@pytest.mark.parametrize("absent", [{"subsets": None, "output": None, "mode": None}, {}])
def test_an_argument_that_is_none_counts_as_not_given(absent: dict[str, None], log: pytest.LogCaptureFixture) -> None:
    service = a_service()

    DataSequencingOrchestrator(service).orchestrate(arguments(**absent))

    assert [call[0] for call in service.calls] == ["sequence_dataset"] * 3
    assert log.messages[0].startswith("mode emr, arguments: ")


def test_all_arguments_are_logged_and_secrets_masked(log: pytest.LogCaptureFixture) -> None:
    told = arguments(mode="local", spark={"spark.hadoop.fs.s3a.secret.key": "abc123"}, note="https://me:pw@host/x")

    DataSequencingOrchestrator(a_service()).orchestrate(told)

    assert log.messages[0] == (
        "mode local, arguments: s3_data_location='s3://bucket/in', sequence_length=5, "
        "output_s3_location='s3://bucket/out', mode='local', spark={'spark.hadoop.fs.s3a.secret.key': '***'}, "
        "note='https://***@host/x', subsets={'train': 0.8, 'validation': 0.1, 'test': 0.1}, output='sequences'"
    )


def test_of_settings_only_what_differs_from_the_defaults_is_logged(log: pytest.LogCaptureFixture) -> None:
    settings = Settings(s3_data_location=DATA, output_s3_location=OUTPUT, sequence_length=5, keep_runs=3)

    DataSequencingOrchestrator(a_service()).orchestrate(settings)

    assert log.messages[0] == (
        f"mode emr, arguments: s3_data_location='{DATA}', output_s3_location='{OUTPUT}', sequence_length=5, "
        "mode='emr', keep_runs=3, subsets={'train': 0.8, 'validation': 0.1, 'test': 0.1}, output='sequences'; "
        "the others as by default"
    )


def test_success_is_logged_with_each_location(log: pytest.LogCaptureFixture) -> None:
    DataSequencingOrchestrator(a_service()).orchestrate(arguments(subsets=["train", "test"]))

    assert log.messages[1:] == [
        "train is ready at s3://bucket/out/train_sequenced_5",
        "test is ready at s3://bucket/out/test_sequenced_5",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("observations", "expected a, found b", "do c"), "observations: expected a, found b. Hint: do c."),
        (RuntimeError("pupil 17 answered 'secret'"), "RuntimeError"),
    ],
)
def test_a_failure_is_logged_and_raised_as_it_was_and_nothing_is_published(
    error: Exception, said: str, log: pytest.LogCaptureFixture
) -> None:
    service = a_service({"validation": error})

    with pytest.raises(type(error)) as raised:
        DataSequencingOrchestrator(service).orchestrate(arguments())

    assert raised.value is error
    assert service.published == {}
    assert [call[-1] for call in service.calls] == ["train", "validation"]
    assert [(record.levelname, record.getMessage()) for record in log.records[1:]] == [
        ("ERROR", f"validation failed: {said}")
    ]


def test_nothing_is_said_to_be_ready_before_it_is_published(log: pytest.LogCaptureFixture) -> None:
    error = ConflictError("somewhere", "expected one run, found two")

    class Refusing(InMemoryWarehouseService):
        def publish_all(self, _: Mapping[str, int]) -> None:
            raise error

    with pytest.raises(ConflictError) as raised:
        DataSequencingOrchestrator(Refusing({DATA: ROWS})).orchestrate(arguments())

    assert raised.value is error
    assert log.messages[1:] == ["publishing failed: somewhere: expected one run, found two."]
