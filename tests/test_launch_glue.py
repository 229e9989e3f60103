"""Runs on Glue."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.moto_api import state_manager

from obs2seq.aws.refusals import refusal
from obs2seq.aws.states import RunState
from obs2seq.errors import StorageError
from obs2seq.launch.glue import GlueTarget
from obs2seq.launch.logs import cloudwatch_log
from obs2seq.packaging import Package
from tests.launches import ACCOUNT, REGION, Cloud, client, cloud, launch_of, small_package

DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3


@pytest.fixture(autouse=True)
def states_stay() -> Iterator[None]:
    """The stand-in advances a run whenever it is asked about it; here runs advance by hand."""
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 1_000_000})
    yield
    state_manager.unset_transition("glue::job_run")


@pytest.fixture
def aws(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return cloud(bucket, tmp_path, capsys, monkeypatch, glue_job_name=f"job-{bucket}")


def backend() -> Any:
    return get_backend("glue")[ACCOUNT][REGION]


def job_run(run_id: str) -> Any:
    job, name = run_id.split("/")
    return next(run for run in backend().jobs[job].job_runs if run.job_run_id == name)


def advance(run_id: str, state: str) -> None:
    job_run(run_id).status = state


def started(aws: Cloud, *options: object) -> str:
    answer = aws.submit("glue", "--no-wait", *options)
    assert answer.code == DONE, answer.err
    run_id = answer.out.strip()
    advance(run_id, "RUNNING")
    return run_id


def put_log(group: str, stream: str, *messages: str) -> None:
    logs = client("logs", REGION)
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now_ms = int(time.time() * 1000)  # the stand-in takes no events of long ago
    events = [{"timestamp": now_ms + i, "message": each} for i, each in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_a_run_is_deployed_started_and_followed_to_its_success(aws: Cloud) -> None:
    run_id = started(aws, "--max-hours", "1.5", "--force")
    aws.during_waits(lambda: advance(run_id, "SUCCEEDED"))

    answer = aws.submit("glue", "--max-hours", "1.5", "--force")

    assert (answer.code, answer.out) == (DONE, f"{run_id}\n")
    assert aws.clock.said == [f"{run_id}: RUNNING", f"{run_id}: SUCCEEDED"]
    locations = {key.rpartition("/")[2]: f"s3://{aws.bucket}/{key}" for key in aws.keys("code/")}
    job = client("glue", REGION).get_job(JobName=run_id.split("/")[0])["Job"]
    assert job["Command"]["ScriptLocation"] == locations["glue_sequence_observations.py"]
    assert (job["MaxRetries"], job["DefaultArguments"]["--job-bookmark-option"]) == (0, "job-bookmark-disable")
    told = job_run(run_id).arguments
    assert told.pop("--obs2seq_token")
    assert {name: told[name] for name in told if name not in job["DefaultArguments"]} == {
        "--extra-py-files": locations["obs2seq-0.1.0-py3-none-any.whl"],
        "--additional-python-modules": locations["cluster.txt"],
        "--python-modules-installer-option": "-r",
        "--datalake-formats": "delta",
        "--conf": "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension --conf "
        "spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "--s3_data_location": f"s3://{aws.bucket}/observations",
        "--output_s3_location": f"s3://{aws.bucket}/sequences",
        "--force": "true",
    }
    assert job_run(run_id).timeout == 90


def test_after_a_failed_run_a_new_one_is_started(aws: Cloud) -> None:
    first = started(aws)
    under_way = aws.submit("glue", "--no-wait").out.strip()
    advance(first, "FAILED")

    assert under_way == first
    assert started(aws) != first


def test_a_run_of_the_same_job_with_other_settings_is_another_run(aws: Cloud) -> None:
    first = started(aws)

    assert started(aws, "--sequence_length", 7) != first
    assert started(aws) == first


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("STOPPED", "expected it to succeed, found STOPPED; it was stopped from outside"),
        ("TIMEOUT", "expected it to end in time, found TIMEOUT. Hint: allow more with --max-hours"),
        ("EXPIRED", "expected it to end in time, found EXPIRED"),
        ("ERROR", "expected it to succeed, found ERROR. Hint: see 'obs2seq logs"),
    ],
)
def test_every_end_without_success_is_told(aws: Cloud, state: str, said: str) -> None:
    run_id = started(aws)
    aws.during_waits(lambda: advance(run_id, state))

    answer = aws("wait", run_id)

    assert answer.code == SERVICE
    assert said in answer.err


def test_a_failure_has_the_jobs_words_from_the_log(aws: Cloud) -> None:
    run_id = started(aws)
    stream = run_id.split("/")[1]
    put_log("/aws-glue/jobs/error", stream, "INFO a\nerror: s3://b/raw: expected files, found none.", "SystemExit: 1")
    put_log("/aws-glue/jobs/output", stream, "subset rows")
    advance(run_id, "FAILED")

    answer, logs = aws("wait", run_id), aws("logs", run_id)

    assert answer.code == DATA
    assert "found FAILED: s3://b/raw: expected files, found none. Hint: see" in answer.err
    assert logs.out.splitlines() == [
        f"==> stderr: /aws-glue/jobs/error/{stream}",
        "INFO a",
        "error: s3://b/raw: expected files, found none.",
        "SystemExit: 1",
        "",
        f"==> stdout: /aws-glue/jobs/output/{stream}",
        "subset rows",
        "",
        "==> error",
        "error: s3://b/raw: expected files, found none.",
    ]


@pytest.mark.parametrize(("target", "is_made"), [("glue", False), ("serverless", True), ("ec2", True)])
def test_dependencies_are_made_for_emr_alone(
    aws: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, is_made: bool
) -> None:
    asked_for = list[bool]()

    def make(_: object, output: Path, *, has_dependencies: bool = True) -> Package:
        asked_for.append(has_dependencies)
        return small_package(output)

    monkeypatch.setattr("obs2seq.packaging.make_package", make)

    answer = aws.submit(target, "--dry-run", "--dist", tmp_path / "dist")

    assert (answer.code, asked_for) == (DONE, [is_made])


@pytest.mark.parametrize("lines", ["0", "-5", "many"])
def test_a_number_of_lines_that_is_none_is_refused(aws: Cloud, lines: str) -> None:
    answer = aws("logs", "job/jr_1", f"--lines={lines}")

    assert (answer.code, answer.out) == (USAGE, "")
    assert "--lines" in answer.err


def test_logs_that_have_not_come_are_told_in_the_words_of_glue(aws: Cloud) -> None:
    answer = aws("logs", started(aws))

    assert answer.code == SERVICE
    assert "found none yet. Hint: CloudWatch has them when the run has started" in answer.err
    assert "EC2" not in answer.err


def test_a_run_that_is_not_there_is_not_said_to_go_on(aws: Cloud) -> None:
    answer = aws("wait", "no-job/jr_1")

    assert answer.code == SERVICE
    assert "found nothing of this name" in answer.err
    assert "goes on" not in answer.err


def test_too_many_requests_of_glue_say_nothing_of_a_bucket() -> None:
    said = str(refusal("job", "GetJobRun", "ThrottlingException", service="Glue"))

    assert "Hint: run again later, with fewer jobs at a time, or with AWS_MAX_ATTEMPTS=10." in said


class StubGlue:
    """Answers what the stand-in cannot: stopping, and why a run failed."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors, self.stopped = errors, list[Any]()

    def batch_stop_job_run(self, **parameters: Any) -> dict[str, Any]:
        self.stopped.append(parameters)
        return {"Errors": self.errors}

    def get_job_run(self, **_: str) -> dict[str, Any]:
        return {"JobRun": {"JobRunState": "FAILED", "ErrorMessage": "SystemExit: 1"}}

    def start_job_run(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "ConcurrentRunsExceededException", "Message": "10 runs"}}, "StartJobRun")

    def get_job(self, **_: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetJob")


class Pages:
    """Log events in pages; the last one gives its own token again."""

    exceptions = type("Exceptions", (), {"ResourceNotFoundException": KeyError})
    pages: ClassVar[dict[str | None, tuple[list[str], str]]] = {
        None: (["a", "b\nc"], "1"),
        "1": ([], "2"),
        "2": (["d"], "3"),
        "3": ([], "3"),
    }

    def get_log_events(self, nextToken: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        messages, token = self.pages[nextToken]
        return {"events": [{"message": each} for each in messages], "nextForwardToken": token}


def test_a_log_is_read_through_all_its_pages() -> None:
    log = cloudwatch_log(Pages(), "stderr", "group", "stream")

    assert log is not None
    assert log.tail(10) == ["a", "b", "c", "d"]


def test_a_run_is_stopped_and_what_the_service_says_is_told() -> None:
    refused = [{"ErrorDetail": {"ErrorCode": "InvalidInputException", "ErrorMessage": "It has ended."}}]
    glue = StubGlue([])

    GlueTarget(lambda _: glue).cancel("job/jr_1")

    assert glue.stopped == [{"JobName": "job", "JobRunIds": ["jr_1"]}]
    with pytest.raises(StorageError, match=r"expected Glue to answer BatchStopJobRun, .*It has ended"):
        GlueTarget(lambda _: StubGlue(refused)).cancel("job/jr_1")


def test_the_services_reason_is_part_of_the_status() -> None:
    status = GlueTarget(lambda _: StubGlue([])).status("job/jr_1")

    assert (status.state, status.reason) == (RunState.FAILED, "SystemExit: 1")


class KeptJob(StubGlue):
    """Keeps one job, which the stand-in cannot update."""

    def __init__(self) -> None:
        super().__init__([])
        self.jobs, self.calls = dict[str, Any](), list[str]()

    def get_job(self, JobName: str) -> dict[str, Any]:  # type: ignore[override]  # noqa: N803  # the API's name
        if JobName not in self.jobs:
            raise ClientError({"Error": {"Code": "EntityNotFoundException", "Message": "none"}}, "GetJob")
        return {"Job": {**self.jobs[JobName], "CreatedOn": "a day", "AllocatedCapacity": 4}}

    def create_job(self, Name: str, **definition: Any) -> None:  # noqa: N803
        self.calls.append("create")
        self.jobs[Name] = definition

    def update_job(self, JobName: str, JobUpdate: dict[str, Any]) -> None:  # noqa: N803
        self.calls.append(f"update {sorted(set(self.jobs[JobName]) - set(JobUpdate))}")
        self.jobs[JobName] |= JobUpdate

    def start_job_run(self, **_: Any) -> dict[str, str]:  # type: ignore[override]
        self.calls.append("start")
        return {"JobRunId": "jr_1"}


def test_a_job_is_made_once_and_brought_up_to_date_where_it_differs(tmp_path: Path) -> None:
    glue = KeptJob()
    target = GlueTarget(lambda _: glue)

    changes: list[dict[str, Any]] = [{}, {}, {"glue_version": "6.0", "glue_workers": 9}]
    for values in changes:
        assert target.submit(launch_of("glue", tmp_path, tags={"project": "obs2seq"}, **values)) == "obs2seq/jr_1"

    assert glue.calls == ["create", "start", "start", "update ['Tags']", "start"]
    assert (glue.jobs["obs2seq"]["GlueVersion"], glue.jobs["obs2seq"]["NumberOfWorkers"]) == ("6.0", 9)


def test_a_job_that_may_not_be_read_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected Glue to answer GetJob, found access denied"):
        GlueTarget(lambda _: StubGlue([])).submit(launch_of("glue", tmp_path))
