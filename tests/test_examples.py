"""The examples for schedulers: each is made of the requests of `obs2seq submit`."""

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

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


ONE_DEPLOY = {"serverless": DEPLOYED[:3], "glue": DEPLOYED[3:]}


def _in_a_clone(tmp_path: Path, script: str, lines: list[str] | None) -> Path:
    """Return the script in a clone where this was deployed."""
    copied = tmp_path / "examples" / script
    copied.parent.mkdir(parents=True)
    shutil.copytree(ROOT / "emr", tmp_path / "emr")
    shutil.copy(EXAMPLES / script, copied)
    if lines is not None:
        (tmp_path / "examples" / "deployed.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return copied


def _printed(tmp_path: Path, lines: list[str] | None) -> subprocess.CompletedProcess[str]:
    script = _in_a_clone(tmp_path, "step_functions/definition.py", lines)
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("target", "states"), [("serverless", {"ec2", "serverless"}), ("glue", {"glue"})])
def test_one_deploy_is_enough_for_a_state_machine(tmp_path: Path, target: str, states: set[str]) -> None:
    printed = _printed(tmp_path, ONE_DEPLOY[target])

    made = json.loads(printed.stdout)
    assert {name.removeprefix("Run on ") for name in made["States"] if name.startswith("Run on ")} == states
    assert {made["StartAt"], *_followers(made)} == set(made["States"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (None, "deployed.txt: expected what 'obs2seq deploy' prints, found no file. Hint: see README.md here.\n"),
        ([], "deployed.txt: expected what 'obs2seq deploy' prints, found none of its scripts.\n"),
        (DEPLOYED[2:3], "expected code, dependencies, found none. Hint: give all lines that 'obs2seq deploy"),
    ],
)
def test_without_a_deploy_one_line_says_so(tmp_path: Path, lines: list[str] | None, words: str) -> None:
    printed = _printed(tmp_path, lines)

    assert (printed.returncode, printed.stdout) == (1, "")
    assert printed.stderr.startswith("error: ")
    assert words in printed.stderr
    assert printed.stderr.count("\n") == 1


AIRFLOW = (
    "",
    ".sdk",
    *(f".providers.amazon.aws.{each}" for each in ("operators.emr", "operators.glue", "sensors.emr")),
)


@pytest.fixture
def dag(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Put a stand-in into Airflow's place, and return that for its DAG; `test_airflow.py` has the true one."""
    airflow = MagicMock()
    for name in AIRFLOW:
        monkeypatch.setitem(sys.modules, f"airflow{name}", airflow)
    made: MagicMock = airflow.DAG
    return made


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (DEPLOYED[:3], ["obs2seq_emr", "obs2seq_emr_serverless"]),
        (DEPLOYED[3:], ["obs2seq_glue"]),
        (DEPLOYED, ["obs2seq_emr", "obs2seq_emr_serverless", "obs2seq_glue"]),
    ],
)
def test_there_are_the_dags_of_what_was_deployed(
    tmp_path: Path, dag: MagicMock, lines: list[str], names: list[str]
) -> None:
    runpy.run_path(str(_in_a_clone(tmp_path, "airflow/obs2seq_dags.py", lines)))

    assert [call.args[0] for call in dag.call_args_list] == names


@pytest.mark.usefixtures("dag")
def test_dags_without_a_deploy_are_refused_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"deployed\.txt: expected what .* found no file"):
        runpy.run_path(str(_in_a_clone(tmp_path, "airflow/obs2seq_dags.py", None)))


def test_examples_name_the_bucket_that_the_stack_makes() -> None:
    found = [
        (path.name, bucket)
        for path in EXAMPLES.rglob("*.*")
        if path.suffix in {".py", ".json", ".md", ".txt"}
        for bucket in re.findall(r"s3://(obs2seq-[\w-]+)", path.read_text("utf-8"))
    ]

    assert len(found) > 10
    assert {bucket.rpartition("111122223333")[2] for _, bucket in found} == {"-eu-central-1"}


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
