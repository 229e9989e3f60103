"""Runs on EMR on EC2, as a person starts, follows and stops them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from moto.backends import get_backend

from obs2seq.aws.states import RunState
from obs2seq.errors import StorageError
from obs2seq.launch.ec2 import Ec2Target
from tests.launches import ACCOUNT, REGION, Cloud, client, cloud

DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3
INTERRUPTED = 130
SPARK_SUBMIT = b"INFO Client: Submitted application application_1700000000000_0001\n"
DRIVER = b"""INFO SparkContext: Running Spark
error: observations: expected column 'answered_at', found ['answered_on']. Hint: map it under columns.
INFO ApplicationMaster: Final app status: FAILED, exitCode: 1, (reason: User application exited with status 1)
"""


@pytest.fixture
def aws(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return cloud(bucket, tmp_path, capsys, monkeypatch)


def backend_cluster(run_id: str) -> Any:
    return get_backend("emr")[ACCOUNT][REGION].clusters[run_id.split("/")[0]]


def advance(run_id: str, state: str) -> None:
    """Bring a run's step into a state; the stand-in never does so itself."""
    (step,) = [step for step in backend_cluster(run_id).steps if step.id == run_id.split("/")[1]]
    step.state = state


def newest_run() -> str:
    *_, cluster = get_backend("emr")[ACCOUNT][REGION].clusters.values()
    return f"{cluster.id}/{cluster.steps[-1].id}"


def put_logs(aws: Cloud, run_id: str) -> None:
    cluster, step = run_id.split("/")
    container = "container_1700000000000_0001_01_000001"
    aws.put(f"logs/{cluster}/steps/{step}/stderr.gz", gzip.compress(SPARK_SUBMIT))
    aws.put(f"logs/{cluster}/steps/{step}/controller.gz", gzip.compress(b"INFO total process run time: 42 seconds\n"))
    for name, text in (("stdout", b"subset rows\n"), ("stderr", DRIVER)):
        key = f"logs/{cluster}/containers/application_1700000000000_0001/{container}/{name}.gz"
        aws.put(key, gzip.compress(text))


def test_a_run_is_deployed_started_and_followed_to_its_success(aws: Cloud) -> None:
    aws.during_waits(lambda: None, lambda: advance(newest_run(), "COMPLETED"))

    answer = aws.submit("ec2", "--sequence_length", 50)

    run_id = newest_run()
    assert (answer.code, answer.out) == (DONE, f"{run_id}\n")
    assert aws.clock.said == [f"{run_id}: {word}" for word in ("RUNNING", "COMPLETED")]
    code, notes = aws.keys("code/"), aws.keys("code/clusters/")
    assert sorted(key.rpartition("/")[2] for key in code if key not in notes) == [
        "deps-0123.tar.gz",
        "obs2seq-0.1.0.zip",
        "sequence_observations.py",
    ]
    step = backend_cluster(run_id).steps[0]
    assert step.action_on_failure == "TERMINATE_CLUSTER"
    assert step.args[-4:] == [
        "--sequence_length=50",
        f"--s3_data_location=s3://{aws.bucket}/observations",
        f"--output_s3_location=s3://{aws.bucket}/sequences",
        "--mode=emr",
    ]


def test_the_same_run_is_found_and_another_one_only_started_where_asked_for(aws: Cloud) -> None:
    first = aws.submit("ec2", "--no-wait").out
    under_way = aws.submit("ec2", "--no-wait").out
    advance(first.strip(), "COMPLETED")
    succeeded = aws.submit("ec2").out
    again = aws.submit("ec2", "--no-wait", "--again").out
    other = aws.submit("ec2", "--no-wait", "--sequence_length", 7).out

    assert first == under_way == succeeded
    assert len({first, again, other}) == 3


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "INTERRUPTED"])
def test_after_a_run_without_success_a_new_one_is_started(aws: Cloud, state: str) -> None:
    first = aws.submit("ec2", "--no-wait").out.strip()
    advance(first, state)

    assert aws.submit("ec2", "--no-wait").out.strip() != first


def test_steps_of_a_cluster_that_is_there_have_a_name_and_a_role(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    emr = client("emr", REGION)
    instances = {"InstanceCount": 1, "MasterInstanceType": "m6g.xlarge", "KeepJobFlowAliveWhenNoSteps": True}
    cluster = emr.run_job_flow(Name="shared", Instances=instances, JobFlowRole="x", ServiceRole="y")["JobFlowId"]
    aws.values |= {"cluster_id": cluster}

    first = aws.submit("ec2", "--no-wait").out.strip()
    second = aws.submit("ec2", "--no-wait").out.strip()
    advance(first, "FAILED")
    third = aws.submit("ec2", "--no-wait").out.strip()

    assert first.startswith(f"{cluster}/s-")
    assert (second == first, third == first) == (True, False)
    names = {step.name for step in backend_cluster(first).steps}
    assert len(names) == 1
    assert names.pop().startswith("obs2seq-")
    assert backend_cluster(first).steps[0].action_on_failure == "CONTINUE"


def test_a_job_that_failed_for_its_data_says_so_with_the_jobs_own_exit_code(aws: Cloud) -> None:
    aws.during_waits(lambda: put_logs(aws, newest_run()), lambda: advance(newest_run(), "FAILED"))

    answer = aws.submit("ec2")

    run_id = newest_run()
    assert answer.code == DATA
    assert answer.err == (
        f"error: run {run_id}: expected it to succeed, found FAILED: observations: expected column 'answered_at', "
        f"found ['answered_on']. Hint: map it under columns. Hint: see 'obs2seq logs {run_id}'.\n"
    )


def test_a_failure_without_logs_says_that_they_may_come(aws: Cloud) -> None:
    aws.during_waits(lambda: advance(newest_run(), "FAILED"))

    answer = aws.submit("ec2")

    assert answer.code == SERVICE
    assert answer.err.endswith(f"found FAILED. Hint: see 'obs2seq logs {newest_run()}'; they may come minutes late.\n")


def test_a_run_that_somebody_else_cancels_says_so(aws: Cloud) -> None:
    aws.during_waits(lambda: advance(newest_run(), "RUNNING"), lambda: advance(newest_run(), "CANCELLED"))

    answer = aws.submit("ec2")

    assert answer.code == SERVICE
    assert "expected it to succeed, found CANCELLED; it was stopped from outside. Hint: submit it again." in answer.err


def test_a_run_past_its_hours_is_cancelled_and_its_cluster_with_it(aws: Cloud) -> None:
    answer = aws.submit("ec2", "--max-hours", "0.5")

    assert answer.code == SERVICE
    assert "expected it to end within 0.5 h, found RUNNING. Hint: it is being cancelled; allow more" in answer.err
    assert aws.clock.now == 1800
    assert backend_cluster(newest_run()).state == "TERMINATED"


def test_ctrl_c_leaves_the_run_alone(aws: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    aws.during_waits(interrupt)
    answer = aws.submit("ec2")

    run_id = newest_run()
    assert (answer.code, answer.out) == (INTERRUPTED, f"{run_id}\n")
    assert f"interrupted; {run_id} goes on: 'obs2seq wait {run_id}' waits for it again" in caplog.text
    assert backend_cluster(run_id).state != "TERMINATED"


def test_ctrl_c_cancels_the_run_where_that_is_asked_for(aws: Cloud) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    aws.during_waits(interrupt)
    answer = aws.submit("ec2", "--cancel-on-interrupt")

    assert answer.code == INTERRUPTED
    assert backend_cluster(newest_run()).state == "TERMINATED"


def test_wait_and_cancel_take_a_run_by_its_id(aws: Cloud) -> None:
    run_id = aws.submit("ec2", "--no-wait").out.strip()

    cancelled = aws("cancel", run_id)
    advance(run_id, "CANCELLED")
    again, waited = aws("cancel", run_id), aws("wait", run_id)

    assert (cancelled.code, cancelled.err) == (DONE, "")
    assert cancelled.out.startswith(f"{run_id}: is being cancelled")
    assert (again.code, again.out) == (DONE, f"{run_id}: CANCELLED already\n")
    assert waited.code == SERVICE


def test_logs_are_those_of_the_driver_and_of_the_step_and_the_error_in_them(aws: Cloud) -> None:
    run_id = aws.submit("ec2", "--no-wait").out.strip()
    early = aws("logs", run_id)
    put_logs(aws, run_id)
    late = aws("logs", run_id, "--lines", 1)

    assert early.code == SERVICE
    assert "expected logs of the driver, found none yet. Hint: they come minutes late" in early.err
    assert late.code == DONE
    titles = [line.split(": ")[0] for line in late.out.splitlines() if line.startswith("==> ")]
    assert titles == ["==> driver stderr", "==> driver stdout", "==> stderr", "==> controller", "==> error"]
    assert "INFO SparkContext" not in late.out
    assert late.out.endswith(
        "==> error\nerror: observations: expected column 'answered_at', found ['answered_on']. "
        "Hint: map it under columns.\n"
    )


class StubEmr:
    """Answers what the stand-in cannot: why a step failed, and that a step is cancelled."""

    def __init__(self, step: dict[str, Any], cluster: dict[str, Any]) -> None:
        self.step, self.cluster, self.cancelled = step, cluster, list[dict[str, Any]]()

    def describe_step(self, **_: str) -> dict[str, Any]:
        return {"Step": self.step}

    def describe_cluster(self, **_: str) -> dict[str, Any]:
        return {"Cluster": self.cluster}

    def cancel_steps(self, **parameters: Any) -> None:
        self.cancelled.append(parameters)


def test_a_failed_step_has_the_services_reason() -> None:
    details = {"Reason": "Runtime error", "Message": "Exception in thread main", "LogFile": "s3://bucket/stderr.gz"}
    emr = StubEmr({"Status": {"State": "FAILED", "FailureDetails": details}}, {})

    status = Ec2Target(lambda _: emr).status("j-1/s-1")

    assert (status.state, status.reason) == (RunState.FAILED, "Runtime error: Exception in thread main")


def test_a_step_that_never_ran_has_its_clusters_reason() -> None:
    ended = {"Status": {"State": "TERMINATED_WITH_ERRORS", "StateChangeReason": {"Message": "No capacity in the zone"}}}
    emr = StubEmr({"Status": {"State": "CANCELLED"}}, ended)

    assert Ec2Target(lambda _: emr).status("j-1/s-1").reason == "No capacity in the zone"


def test_on_a_shared_cluster_the_step_alone_is_cancelled() -> None:
    emr = StubEmr({}, {"Name": "shared"})

    Ec2Target(lambda _: emr).cancel("j-1/s-1")

    assert emr.cancelled == [{"ClusterId": "j-1", "StepIds": ["s-1"], "StepCancellationOption": "TERMINATE_PROCESS"}]


def test_a_cluster_that_could_not_be_found_again_is_ended(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("s3://bucket/code/clusters", "access denied")

    monkeypatch.setattr("obs2seq.launch.ec2.note_cluster", refuse)
    answer = aws.submit("ec2")

    assert (answer.code, answer.out) == (SERVICE, "")
    assert backend_cluster(newest_run()).state == "TERMINATED"


def test_a_run_that_nobody_waits_for_is_not_ended_by_emr(aws: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    run_id = aws.submit("ec2", "--no-wait").out.strip()

    assert f"nobody ends it after 4 h; 'obs2seq wait {run_id}' does" in caplog.text


def test_the_requests_of_a_dry_run_need_no_account(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    answer = aws.submit("ec2", "--dry-run")

    assert (answer.code, answer.err) == (DONE, "")
    requests = json.loads(answer.out)
    assert [f"{each['service']} {each['operation']}" for each in requests] == [*["s3 PutObject"] * 3, "emr RunJobFlow"]
