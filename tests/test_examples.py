"""The examples for schedulers: each is made of the requests of `obs2seq submit`."""

import ast
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from obs2seq.commands import COMMANDS
from obs2seq.errors import ConfigurationError
from obs2seq.launch.arguments import job_arguments
from obs2seq.launch.scheduling import scheduled_requests
from obs2seq.launch.values import LaunchValues, load_values

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
DEPLOYED = (EXAMPLES / "deployed.txt").read_text("utf-8").splitlines()
LOCATIONS = {"s3_data_location": "s3://bucket/raw/{{ ds }}", "output_s3_location": "s3://bucket/out"}


@pytest.fixture
def values() -> LaunchValues:
    return load_values(ROOT / "emr" / "values.yaml", ["cluster_id=j-1ABCDEFGHIJKL"])


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    made: dict[str, Any] = runpy.run_path(str(EXAMPLES / "step_functions" / "definition.py"))["definition"]()
    return made


def _requests(target: str, values: LaunchValues) -> dict[str, dict[str, Any]]:
    return scheduled_requests(target, LOCATIONS, values, DEPLOYED, max_hours=2, templates=ROOT / "emr")


def test_a_step_has_the_arguments_of_the_one_builder(values: LaunchValues) -> None:
    (step,) = _requests("ec2", values)["AddJobFlowSteps"]["Steps"]
    words = step["HadoopJarStep"]["Args"]

    assert words[-3:] == job_arguments(LOCATIONS, environ={})
    assert words[-4] == DEPLOYED[2]
    assert f"spark.submit.pyFiles={DEPLOYED[0]}" in words


def test_a_serverless_run_has_the_arguments_of_the_one_builder(values: LaunchValues) -> None:
    request = _requests("serverless", values)["StartJobRun"]

    driver = request["jobDriver"]["sparkSubmit"]
    assert driver["entryPointArguments"] == job_arguments(LOCATIONS, environ={})
    assert driver["entryPoint"] == DEPLOYED[2]
    assert request["executionTimeoutMinutes"] == 120


def test_a_glue_run_has_the_same_settings(values: LaunchValues) -> None:
    requests = _requests("glue", values)

    assert requests["CreateJob"]["Command"]["ScriptLocation"] == DEPLOYED[5]
    assert requests["StartJobRun"]["Arguments"]["--s3_data_location"] == "s3://bucket/raw/{{ ds }}"
    assert requests["StartJobRun"]["Arguments"]["--extra-py-files"] == DEPLOYED[3]


def test_a_package_that_is_not_whole_is_refused(values: LaunchValues) -> None:
    with pytest.raises(ConfigurationError, match="package: expected code, found none"):
        scheduled_requests("serverless", LOCATIONS, values, DEPLOYED[1:], templates=ROOT / "emr")
    with pytest.raises(ConfigurationError, match="found s3://bucket/other"):
        scheduled_requests("serverless", LOCATIONS, values, ["s3://bucket/other"], templates=ROOT / "emr")


def test_the_state_machine_in_the_file_is_the_one_that_is_made(definition: dict[str, Any]) -> None:
    assert json.loads((EXAMPLES / "step_functions" / "definition.json").read_text("utf-8")) == definition


def test_every_state_is_reached_and_every_run_is_waited_for_and_may_fail(definition: dict[str, Any]) -> None:
    states = definition["States"]
    tasks = [state for state in states.values() if state["Type"] == "Task"]

    assert {definition["StartAt"], *_followers(definition)} == set(states)
    assert [task["Resource"].removeprefix("arn:aws:states:::") for task in tasks] == [
        "elasticmapreduce:addStep.sync",
        "emr-serverless:startJobRun.sync",
        "glue:startJobRun.sync",
    ]
    assert all(task["Retry"] and task["Catch"] and task["TimeoutSeconds"] == 4 * 3600 for task in tasks)


def _followers(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[name] for name in ("Next", "Default") if name in node)
        for inner in node.values():
            yield from _followers(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _followers(inner)


def test_no_serverless_attempt_is_bound_to_the_token_of_another(definition: dict[str, Any]) -> None:
    parameters = definition["States"]["Run on serverless"]["Parameters"]

    assert "ClientToken" not in parameters
    assert set(parameters["JobDriver"]["SparkSubmit"]) == {
        "EntryPoint",
        "EntryPointArguments",
        "SparkSubmitParameters",
    }
    assert parameters["Tags"]["project"] == "obs2seq"


def test_step_functions_takes_the_definition_and_no_broken_one(definition: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(definition).replace('"Type": "Choice"', '"Type": "Choise"'))
    role = "arn:aws:iam::111122223333:role/obs2seq-states"

    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        states = boto3.client("stepfunctions", "eu-central-1")
        made = states.create_state_machine(name="whole", definition=json.dumps(definition), roleArn=role)
        with pytest.raises(ClientError, match="Choise"):
            states.create_state_machine(name="broken", definition=json.dumps(broken), roleArn=role)

    assert made["stateMachineArn"].endswith(":stateMachine:whole")


def test_the_prefect_flow_uses_commands_that_there_are() -> None:
    tree = ast.parse((EXAMPLES / "prefect" / "obs2seq_flow.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "_obs2seq"]

    assert [ast.literal_eval(call.args[0]) for call in calls] == ["submit", "wait"]
    assert {ast.literal_eval(call.args[0]) for call in calls} <= set(COMMANDS)


def test_the_prefect_flow_is_a_flow() -> None:
    prefect = pytest.importorskip("prefect", reason="Prefect is not installed")

    found = runpy.run_path(str(EXAMPLES / "prefect" / "obs2seq_flow.py"))

    assert isinstance(found["sequence_observations"], prefect.Flow)
    assert [found[name].retries for name in ("submit", "wait")] == [3, 3]
