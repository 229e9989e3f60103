"""Glue: a run of a job, which is made or brought up to date first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from obs2seq.aws.refusals import refusal, refusals
from obs2seq.aws.states import Status, state_of
from obs2seq.launch.arguments import as_glue_arguments
from obs2seq.launch.launch import Launch, require_s3
from obs2seq.launch.logs import LogFile, cloudwatch_log
from obs2seq.launch.spark_settings import DELTA
from obs2seq.launch.target import Request, Run, Target
from obs2seq.launch.values import required

_NEEDED = ("region", "code_location", "glue_role_arn")
_TOKEN = "--obs2seq_token"
_CONCURRENT_RUNS = 10
_STREAMS = (
    ("/aws-glue/jobs/error", "{}", "stderr"),
    ("/aws-glue/jobs/output", "{}", "stdout"),
    ("/aws-glue/jobs/logs-v2", "{}-driver", "driver"),
)
"""Log groups, the driver's stream there for a run, and what to call it."""


class GlueTarget(Target):
    """Glue; a run's id is `<job>/<job run>`."""

    name = "glue"
    roles = ("wheel", "requirements", "glue_job")
    when_logs_come = "CloudWatch has them when the run has started, where glue_role_arn may write them; ask again"

    def check(self, launch: Launch) -> None:
        required(launch.values, _NEEDED, self.name)
        require_s3(launch.settings)

    def requests(self, launch: Launch) -> list[Request]:
        when = "there is no job of this name; UpdateJob where it differs"
        return [Request("glue", "CreateJob", _job(launch), when), Request("glue", "StartJobRun", _job_run(launch))]

    def runs(self, launch: Launch) -> Iterator[Run]:
        job = launch.values.glue_job_name
        with refusals(job, "Glue", quoted=True):
            try:
                pages = list(self.clients("glue").get_paginator("get_job_runs").paginate(JobName=job))
            except ClientError as error:
                if _is_missing(error):
                    return
                raise
        for run in (run for page in pages for run in page["JobRuns"]):
            if run.get("Arguments", {}).get(_TOKEN) == launch.token:
                yield Run(f"{job}/{run['Id']}", _status(run))

    def submit(self, launch: Launch) -> str:
        glue, job = self.clients("glue"), _job(launch)
        with refusals(job["Name"], "Glue", quoted=True):
            _bring_up_to_date(glue, job)
            return f"{job['Name']}/{glue.start_job_run(**_job_run(launch))['JobRunId']}"

    def status(self, run_id: str) -> Status:
        job, run = run_id.split("/")
        with refusals(run_id, "Glue", quoted=True):
            return _status(self.clients("glue").get_job_run(JobName=job, RunId=run)["JobRun"])

    def cancel(self, run_id: str) -> None:
        job, run = run_id.split("/")
        with refusals(run_id, "Glue", quoted=True):
            answer = self.clients("glue").batch_stop_job_run(JobName=job, JobRunIds=[run])
        for error in answer.get("Errors", []):
            detail = error.get("ErrorDetail", {})
            code, said = detail.get("ErrorCode", "unknown"), detail.get("ErrorMessage", "")
            raise refusal(run_id, "BatchStopJobRun", code, service="Glue", said=said)

    def log_files(self, run_id: str) -> list[LogFile]:
        run = run_id.split("/")[1]
        logs = self.clients("logs")
        found = (cloudwatch_log(logs, name, group, stream.format(run)) for group, stream, name in _STREAMS)
        return [file for file in found if file is not None]


def _job(launch: Launch) -> dict[str, Any]:
    values = launch.values
    return {
        "Name": values.glue_job_name,
        "Description": "Makes sequences of observations.",
        "Role": values.glue_role_arn,
        "GlueVersion": values.glue_version,
        "Command": {"Name": "glueetl", "ScriptLocation": launch.locations["glue_job"], "PythonVersion": "3"},
        "DefaultArguments": {"--job-language": "python", "--job-bookmark-option": "job-bookmark-disable"},
        "ExecutionProperty": {"MaxConcurrentRuns": _CONCURRENT_RUNS},
        "MaxRetries": 0,
        "WorkerType": values.glue_worker_type,
        "NumberOfWorkers": values.glue_workers,
        **({"Tags": values.tags} if values.tags else {}),
    }


def _job_run(launch: Launch) -> dict[str, Any]:
    return {
        "JobName": launch.values.glue_job_name,
        "Timeout": launch.timeout_minutes,
        "WorkerType": launch.values.glue_worker_type,
        "NumberOfWorkers": launch.values.glue_workers,
        "Arguments": {
            "--extra-py-files": launch.locations["wheel"],
            "--additional-python-modules": launch.locations["requirements"],
            "--python-modules-installer-option": "-r",
            "--datalake-formats": "delta",
            # Glue takes one --conf, and hands it on as it is.
            "--conf": " --conf ".join(f"{name}={value}" for name, value in DELTA.items()),
            _TOKEN: launch.token,
            **as_glue_arguments(launch.options),
        },
    }


def _bring_up_to_date(glue: Any, job: dict[str, Any]) -> None:
    """Make the job, or change it where it differs; tags are left as they are."""
    definition = {name: value for name, value in job.items() if name not in ("Name", "Tags")}
    try:
        found = glue.get_job(JobName=job["Name"])["Job"]
    except ClientError as error:
        if not _is_missing(error):
            raise
        glue.create_job(**job)
        return
    if any(found.get(name) != value for name, value in definition.items()):
        glue.update_job(JobName=job["Name"], JobUpdate=definition)


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "EntityNotFoundException"


def _status(run: dict[str, Any]) -> Status:
    return Status(state_of(run["JobRunState"]), run["JobRunState"], run.get("ErrorMessage", ""))
