"""EMR on EC2: a step of a cluster that is there, or a cluster for this one run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from obs2seq.aws.refusals import refusals
from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.errors import StorageError
from obs2seq.launch.cluster_notes import note_cluster, noted_cluster
from obs2seq.launch.launch import NAME_PREFIX, Launch, require_s3
from obs2seq.launch.logs import LogFile, s3_logs
from obs2seq.launch.releases import INSTANCE_TYPES, emr_runtime, require_architecture, tell_of_newer
from obs2seq.launch.spark_settings import spark_conf
from obs2seq.launch.target import Request, Run, Target
from obs2seq.launch.values import LaunchValues, required

_FOR_ANY = ("region", "code_location")
_FOR_OWN_CLUSTER = ("log_location", "service_role", "instance_profile", "subnet_ids")
_APPLICATION = re.compile(r"\bapplication_\d+_\d+\b")


class Ec2Target(Target):
    """EMR on EC2; a run's id is `<cluster>/<step>`."""

    name = "ec2"
    roles = ("code", "dependencies", "job")
    ends_late_runs = False
    when_logs_come = "they come minutes late, and none come to a cluster without log_location; ask again"

    def check(self, launch: Launch) -> None:
        values = launch.values
        required(values, _FOR_ANY if values.cluster_id else _FOR_ANY + _FOR_OWN_CLUSTER, self.name)
        require_s3(launch.settings)
        emr_runtime(values.release_label, values.architecture)
        tell_of_newer(values.release_label)
        if not values.cluster_id:
            require_architecture((*_primary_types(values), *_types(values)), values.architecture)

    def requests(self, launch: Launch) -> list[Request]:
        cluster = launch.values.cluster_id
        return [_add_steps(launch, cluster) if cluster else _run_job_flow(launch)]

    def runs(self, launch: Launch) -> Iterator[Run]:
        cluster = launch.values.cluster_id or noted_cluster(launch)
        if cluster is None:
            return
        with refusals(cluster, "EMR", quoted=True):
            pages = self.clients("emr").get_paginator("list_steps").paginate(ClusterId=cluster)
            steps = [step for page in pages for step in page["Steps"] if step["Name"] == launch.name]
        yield from (Run(f"{cluster}/{step['Id']}", _status(step)) for step in steps)

    def submit(self, launch: Launch) -> str:
        (request,) = self.requests(launch)
        emr, cluster = self.clients("emr"), launch.values.cluster_id
        with refusals(cluster or launch.name, "EMR", quoted=True):
            if cluster:
                return f"{cluster}/{emr.add_job_flow_steps(**request.parameters)['StepIds'][0]}"
            cluster = emr.run_job_flow(**request.parameters)["JobFlowId"]
            try:
                note_cluster(launch, cluster)
            except StorageError:
                # What nobody finds again nobody ends.
                emr.terminate_job_flows(JobFlowIds=[cluster])
                raise
            return f"{cluster}/{emr.list_steps(ClusterId=cluster)['Steps'][0]['Id']}"

    def status(self, run_id: str) -> Status:
        cluster, step_id = run_id.split("/")
        with refusals(run_id, "EMR", quoted=True):
            emr = self.clients("emr")
            status = _status(emr.describe_step(ClusterId=cluster, StepId=step_id)["Step"])
            if not status.state.is_final or status.state is RunState.SUCCEEDED or status.reason:
                return status
            # A step that never ran is silent: why its cluster ended says more.
            ended = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"].get("StateChangeReason", {})
            return Status(status.state, status.word, ended.get("Message", ""))

    def cancel(self, run_id: str) -> None:
        cluster, step_id = run_id.split("/")
        with refusals(run_id, "EMR", quoted=True):
            emr = self.clients("emr")
            if emr.describe_cluster(ClusterId=cluster)["Cluster"]["Name"].startswith(NAME_PREFIX):
                emr.terminate_job_flows(JobFlowIds=[cluster])
            else:
                emr.cancel_steps(ClusterId=cluster, StepIds=[step_id], StepCancellationOption="TERMINATE_PROCESS")

    def log_files(self, run_id: str) -> list[LogFile]:
        """Return the driver's logs, which lie with the containers, and then the step's, which are spark-submit's."""
        cluster, step_id = run_id.split("/")
        with refusals(run_id, "EMR", quoted=True):
            location = self.clients("emr").describe_cluster(ClusterId=cluster)["Cluster"].get("LogUri")
        if not location:
            return []
        s3, folder = self.clients("s3"), f"{location.rstrip('/')}/{cluster}"
        step = s3_logs(s3, f"{folder}/steps/{step_id}", r"stderr|stdout|controller")
        step.sort(key=lambda file: ["stderr", "stdout", "controller"].index(file.name))
        return [*_driver_logs(s3, folder, step), *step]


def _driver_logs(s3: Any, folder: str, step: Iterable[LogFile]) -> list[LogFile]:
    """Return the logs of the first container of the application that the step names."""
    said = (match for file in step for line in file.read() if (match := _APPLICATION.search(line)))
    application = next(said, None)
    if application is None:
        return []
    pattern = r"container_(e\d+_)?\d+_\d+_\d+_000001/(stderr|stdout)"
    found = s3_logs(s3, f"{folder}/containers/{application[0]}", pattern)
    return [LogFile(f"driver {file.name.rpartition('/')[2]}", file.location, file.read) for file in found]


def _status(step: dict[str, Any]) -> Status:
    status = step["Status"]
    failure = status.get("FailureDetails", {})
    said = [failure.get(key, "") for key in ("Reason", "Message")]
    reason = ": ".join(text for text in said if text) or status.get("StateChangeReason", {}).get("Message", "")
    return Status(state_of(status["State"]), status["State"], reason)


def _add_steps(launch: Launch, cluster: str) -> Request:
    role = launch.values.execution_role_arn
    parameters = {"JobFlowId": cluster, "Steps": _steps(launch, "CONTINUE")}
    return Request("emr", "AddJobFlowSteps", parameters | ({"ExecutionRoleArn": role} if role else {}))


def _run_job_flow(launch: Launch) -> Request:
    values = launch.values
    parameters = launch.filled(
        "cluster.json",
        configurations=launch.filled("configurations.json"),
        steps=_steps(launch, "TERMINATE_CLUSTER"),
        primary_instance_type_configs=[{"InstanceType": each} for each in _primary_types(values)],
        instance_type_configs=[{"InstanceType": each, "WeightedCapacity": 1} for each in _types(values)],
        max_units=values.max_units if values.spot_units else values.core_units,
        idle_seconds=values.idle_minutes * 60,
        emr_tags=[{"Key": key, "Value": value} for key, value in values.tags.items()],
    )
    # EMR takes no fleet that is to have no machine.
    fleets = [each for each in parameters["Instances"]["InstanceFleets"] if each.get("TargetSpotCapacity") != 0]
    parameters["Instances"]["InstanceFleets"] = fleets
    return Request("emr", "RunJobFlow", parameters)


def _steps(launch: Launch, action_on_failure: str) -> Any:
    conf = spark_conf("ec2", launch.locations)
    return launch.filled("steps.json", action_on_failure=action_on_failure, spark_conf=conf)


def _primary_types(values: LaunchValues) -> tuple[str, ...]:
    return values.primary_instance_types or INSTANCE_TYPES[values.architecture][0]


def _types(values: LaunchValues) -> tuple[str, ...]:
    return values.instance_types or INSTANCE_TYPES[values.architecture][1]
