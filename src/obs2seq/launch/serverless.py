"""EMR Serverless: a job run of an application that is there."""

from __future__ import annotations

from collections.abc import Iterator

from obs2seq.aws.refusals import refusals
from obs2seq.aws.states import Status, state_of
from obs2seq.errors import ConfigurationError
from obs2seq.launch.launch import Launch, require_s3
from obs2seq.launch.logs import LogFile, s3_logs
from obs2seq.launch.releases import emr_runtime, tell_of_newer
from obs2seq.launch.spark_settings import spark_conf
from obs2seq.launch.target import Request, Run, Target
from obs2seq.launch.values import LaunchValues, required

_SERVICE = "EMR Serverless"
_NEEDED = ("region", "code_location", "log_location", "application_id", "execution_role_arn")


class ServerlessTarget(Target):
    """EMR Serverless; a run's id is `<application>/<job run>`."""

    name = "serverless"
    roles = ("code", "dependencies", "job")
    when_logs_come = "they come when the driver has started, and none come without log_location; ask again"

    def check(self, launch: Launch) -> None:
        required(launch.values, _NEEDED, self.name)
        require_s3(launch.settings)
        emr_runtime(launch.values.release_label, launch.values.architecture)
        tell_of_newer(launch.values.release_label)

    def check_place(self, launch: Launch) -> None:
        application = str(launch.values.application_id)
        with refusals(application, _SERVICE, quoted=True):
            found = self.clients("emr-serverless").get_application(applicationId=application)["application"]
        _require_fit(found, launch.values)

    def requests(self, launch: Launch) -> list[Request]:
        return [_start_job_run(launch, attempt=1)]

    def runs(self, launch: Launch) -> Iterator[Run]:
        application = launch.values.application_id
        with refusals(str(application), _SERVICE, quoted=True):
            pages = self.clients("emr-serverless").get_paginator("list_job_runs").paginate(applicationId=application)
            runs = [run for page in pages for run in page["jobRuns"] if run.get("name") == launch.name]
        for run in sorted(runs, key=lambda run: run["createdAt"], reverse=True):
            yield Run(f"{application}/{run['id']}", _status(run["state"], run.get("stateDetails", "")))

    def submit(self, launch: Launch) -> str:
        # A token gives the same run for ever, a failed one too; who starts the next attempt at the same time gets it.
        request = _start_job_run(launch, attempt=1 + len(list(self.runs(launch))))
        application = request.parameters["applicationId"]
        with refusals(application, _SERVICE, quoted=True):
            answer = self.clients("emr-serverless").start_job_run(**request.parameters)
        return f"{application}/{answer['jobRunId']}"

    def status(self, run_id: str) -> Status:
        application, job_run = run_id.split("/")
        with refusals(run_id, _SERVICE, quoted=True):
            answer = self.clients("emr-serverless").get_job_run(applicationId=application, jobRunId=job_run)
        return _status(answer["jobRun"]["state"], answer["jobRun"].get("stateDetails", ""))

    def cancel(self, run_id: str) -> None:
        application, job_run = run_id.split("/")
        with refusals(run_id, _SERVICE, quoted=True):
            self.clients("emr-serverless").cancel_job_run(applicationId=application, jobRunId=job_run)

    def log_files(self, run_id: str) -> list[LogFile]:
        application, job_run = run_id.split("/")
        with refusals(run_id, _SERVICE, quoted=True):
            client = self.clients("emr-serverless")
            run = client.get_job_run(applicationId=application, jobRunId=job_run)["jobRun"]
        monitoring = run.get("configurationOverrides", {}).get("monitoringConfiguration", {})
        location = monitoring.get("s3MonitoringConfiguration", {}).get("logUri")
        if not location:
            return []
        folder = f"{location.rstrip('/')}/applications/{application}/jobs/{job_run}/SPARK_DRIVER"
        return s3_logs(self.clients("s3"), folder, r"stderr|stdout")


def _status(word: str, details: str) -> Status:
    """Details come with every state; only those of an end say what a person wants to know."""
    state = state_of(word)
    return Status(state, word, details if state.is_final else "")


def _start_job_run(launch: Launch, attempt: int) -> Request:
    conf = spark_conf("serverless", launch.locations)
    parameters = launch.filled(
        "serverless.json", client_token=f"{launch.token}-{attempt}", spark_submit_parameters=" ".join(conf)
    )
    return Request("emr-serverless", "StartJobRun", parameters)


def _require_fit(application: dict[str, str], values: LaunchValues) -> None:
    """Raise where the application is of another kind than the package was made for."""
    expected = {"releaseLabel": values.release_label, "architecture": values.architecture.upper(), "type": "SPARK"}
    found = {key: application.get(key, "X86_64").upper() for key in expected}
    wrong = [key for key, value in expected.items() if found[key] != value.upper()]
    if wrong:
        raise ConfigurationError(
            f"application {values.application_id}",
            f"expected {', '.join(f'{key} {expected[key]}' for key in wrong)}, "
            f"found {', '.join(application.get(key, 'X86_64') for key in wrong)}",
            "set release_label and architecture to the application's, or application_id to another one's",
        )
