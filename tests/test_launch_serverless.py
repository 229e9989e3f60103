"""Runs on EMR Serverless."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend

from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.launch.serverless import ServerlessTarget
from tests.launches import ACCOUNT, REGION, Cloud, client, cloud, launch_of

DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3


@pytest.fixture
def aws(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    label = {"releaseLabel": "emr-7.14.0", "type": "SPARK", "name": "obs2seq"}
    application = client("emr-serverless", REGION).create_application(**label)["applicationId"]
    backend().job_runs[application] = []
    # The stand-in's applications are all x86_64.
    return cloud(bucket, tmp_path, capsys, monkeypatch, application_id=application, architecture="x86_64")


def backend() -> Any:
    return get_backend("emr-serverless")[ACCOUNT][REGION]


def job_run(run_id: str) -> Any:
    application, name = run_id.split("/")
    return next(run for run in backend().job_runs[application] if run.id == name)


def advance(run_id: str, state: str, details: str = "") -> None:
    job_run(run_id).state, job_run(run_id).state_details = state, details


def started(aws: Cloud, *options: object) -> str:
    """Start a run that is under way."""
    run_id = aws.submit("serverless", "--no-wait", *options).out.strip()
    advance(run_id, "RUNNING")
    return run_id


def test_a_run_is_started_with_its_hours_and_followed_to_its_success(aws: Cloud) -> None:
    answer = aws.submit("serverless", "--max-hours", "1.5")

    run_id = answer.out.strip()
    assert answer.code == DONE
    assert aws.clock.said == [f"{run_id}: SUCCESS"]
    assert job_run(run_id).execution_timeout_minutes == 90
    assert job_run(run_id).job_driver["sparkSubmit"]["entryPointArguments"] == [
        f"--s3_data_location=s3://{aws.bucket}/observations",
        f"--output_s3_location=s3://{aws.bucket}/sequences",
        "--mode=emr",
    ]


def test_a_run_under_way_is_followed_instead_of_a_second_one(aws: Cloud) -> None:
    first = started(aws)
    aws.during_waits(lambda: advance(first, "SUCCESS"))

    second = aws.submit("serverless")

    assert (second.code, second.out) == (DONE, f"{first}\n")
    assert aws.clock.said == [f"{first}: RUNNING", f"{first}: SUCCESS"]


def test_the_attempt_after_a_failed_run_has_a_token_of_its_own(aws: Cloud) -> None:
    first = started(aws)
    advance(first, "FAILED")
    second = started(aws)

    tokens = [job_run(run_id).client_token for run_id in (first, second)]
    assert first != second
    assert [token[-2:] for token in tokens] == ["-1", "-2"]
    assert tokens[0][:-2] == tokens[1][:-2]


def test_a_failure_has_the_jobs_words_where_the_driver_left_them(aws: Cloud) -> None:
    run_id = started(aws)
    folder = f"logs/applications/{run_id.split('/')[0]}/jobs/{run_id.split('/')[1]}/SPARK_DRIVER"
    aws.put(f"{folder}/stdout.gz", gzip.compress(b"Running\n"))
    aws.put(f"{folder}/stderr.gz", gzip.compress(b"INFO x\nerror: settings: expected a, found b.\nINFO bye\n"))
    aws.during_waits(lambda: advance(run_id, "FAILED", "Job failed, please check complete logs. ExitCode: 2."))

    answer = aws("wait", run_id)
    logs = aws("logs", run_id)

    assert answer.code == USAGE
    assert f"run {run_id}: expected it to succeed, found FAILED: settings: expected a, found b. Hint: see" in answer.err
    assert logs.out.splitlines() == [
        f"==> stderr: s3://{aws.bucket}/{folder}/stderr.gz",
        "INFO x",
        "error: settings: expected a, found b.",
        "INFO bye",
        "",
        f"==> stdout: s3://{aws.bucket}/{folder}/stdout.gz",
        "Running",
        "",
        "==> error",
        "error: settings: expected a, found b.",
    ]


def test_a_failure_without_words_of_the_job_has_those_of_the_service(aws: Cloud) -> None:
    run_id = started(aws)
    advance(run_id, "FAILED", "Could not assume the role. ExitCode: 1.")

    answer = aws("wait", run_id)

    assert answer.code == SERVICE
    assert "found FAILED: Could not assume the role. ExitCode: 1. Hint: see" in answer.err


def test_a_run_past_its_hours_is_cancelled(aws: Cloud) -> None:
    run_id = started(aws)

    answer = aws("wait", run_id, "--max-hours", 2)

    assert answer.code == SERVICE
    assert "expected it to end within 2 h, found RUNNING. Hint: it is being cancelled" in answer.err
    assert job_run(run_id).state == "CANCELLED"


def test_a_run_that_somebody_else_cancels_says_so(aws: Cloud) -> None:
    run_id = started(aws)
    aws.during_waits(lambda: aws("cancel", run_id))

    answer = aws("wait", run_id)

    assert answer.code == SERVICE
    assert "found CANCELLED; it was stopped from outside" in answer.err


def test_an_application_of_another_kind_is_refused(aws: Cloud) -> None:
    aws.values |= {"release_label": "emr-7.1.0", "architecture": "arm64"}

    answer = aws.submit("serverless")

    assert answer.code == USAGE
    assert "expected releaseLabel emr-7.1.0, architecture ARM64, found emr-7.14.0, X86_64. Hint: set" in answer.err
    assert backend().job_runs[str(aws.values["application_id"])] == []


def test_an_application_is_looked_at_before_anything_is_packaged(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[Path]()
    monkeypatch.setattr("obs2seq.packaging.make_package", lambda target, output, **_: made.append(output))
    aws.values |= {"release_label": "emr-7.1.0"}

    answer = aws.submit("serverless")

    assert answer.code == USAGE
    assert "expected releaseLabel emr-7.1.0, found emr-7.14.0" in answer.err
    assert (made, aws.keys("code/")) == ([], [])


def test_an_application_that_is_not_there_is_told(aws: Cloud) -> None:
    aws.values |= {"application_id": "00fnone"}

    answer = aws.submit("serverless")

    assert answer.code == SERVICE
    assert "00fnone: expected EMR Serverless to answer GetApplication, found nothing of this name" in answer.err


class SameRun:
    """Does as the service with a token that it knows: the same run, whatever became of it."""

    def __init__(self) -> None:
        self.runs = dict[str, str]()

    def get_paginator(self, _: str) -> "SameRun":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"jobRuns": []}]

    def start_job_run(self, clientToken: str, **_: Any) -> dict[str, str]:  # noqa: N803  # the API's name
        return {"jobRunId": self.runs.setdefault(clientToken, f"run{len(self.runs)}")}


def test_two_who_start_the_same_run_at_once_get_one(tmp_path: Path) -> None:
    service, launch = SameRun(), launch_of("serverless", tmp_path)

    ids = [ServerlessTarget(lambda _: service).submit(launch) for _ in range(2)]

    assert ids == ["00f1example/run0"] * 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "access denied"),
        ("ExpiredTokenException", "expired credentials"),
        ("ThrottlingException", "too many requests"),
        ("ValidationException", "a request that it does not accept (ValidationException): No such role"),
        ("ServiceQuotaExceededException", "more than the account may run at a time"),
    ],
)
def test_what_the_service_refuses_is_one_message(tmp_path: Path, code: str, said: str) -> None:
    class Refusing(SameRun):
        def start_job_run(self, clientToken: str, **_: Any) -> dict[str, str]:  # noqa: N803
            raise ClientError({"Error": {"Code": code, "Message": "No such role."}}, "StartJobRun")

    with pytest.raises(StorageError) as raised:
        ServerlessTarget(lambda _: Refusing()).submit(launch_of("serverless", tmp_path))

    assert f"00f1example: expected EMR Serverless to answer StartJobRun, found {said}" in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("label", ["emr-6.15.0", "emr-7.0.0", "emr-5.36.1", "emr-spark-9.0.0", "7.1.0", "latest"])
def test_a_release_that_the_package_is_not_made_for_is_refused(tmp_path: Path, label: str) -> None:
    launch = launch_of("serverless", tmp_path, release_label=label)

    with pytest.raises(ConfigurationError, match=f"found {label}. Hint: use emr-7.1.0 or newer"):
        ServerlessTarget(lambda _: None).check(launch)


def test_other_observations_are_another_run(aws: Cloud) -> None:
    first = started(aws)
    same = started(aws)
    aws.put("observations/part-1.parquet", b"-")

    assert same == first
    assert started(aws) != first


def test_without_observations_nothing_is_started(aws: Cloud) -> None:
    aws.put("observations/part-0.parquet", b"-")

    answer = aws.submit("serverless", "--s3_data_location", f"s3://{aws.bucket}/nowhere")

    assert (answer.code, answer.out) == (1, "")
    assert f"s3://{aws.bucket}/nowhere: expected files with observations, found nothing there" in answer.err
    assert backend().job_runs[str(aws.values["application_id"])] == []
