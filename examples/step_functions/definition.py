"""Prints a Step Functions definition that runs the job on EMR, EMR Serverless or Glue: on what there is a package for.

python examples/step_functions/definition.py > definition.json
"""

import json
import sys
from pathlib import Path
from typing import Any

from obs2seq.errors import ConfigurationError, Obs2SeqError
from obs2seq.launch.scheduling import scheduled_requests
from obs2seq.launch.values import load_values

CLONE = Path(__file__).resolve().parents[2]
DEPLOYED = CLONE / "examples" / "deployed.txt"  # what `obs2seq deploy` printed
CLUSTER, STEP_ROLE = "j-1ABCDEFGHIJKL", "arn:aws:iam::111122223333:role/obs2seq-emr-step"
SCRIPTS = {
    "ec2": "/sequence_observations.py",
    "serverless": "/sequence_observations.py",
    "glue": "/glue_sequence_observations.py",
}
MAX_HOURS = 4
SETTINGS = {
    "s3_data_location": "s3://obs2seq-data-111122223333-eu-central-1/observations",
    "output_s3_location": "s3://obs2seq-data-111122223333-eu-central-1/sequences",
    "sequence_length": 100,
}
# Another attempt is safe: what is published already is found, and nothing is done twice.
RETRY = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 1}
BUSY = {"ErrorEquals": ["Glue.ConcurrentRunsExceededException"], "IntervalSeconds": 300, "MaxAttempts": 10}


def definition() -> dict[str, Any]:
    """Return a state machine whose input names the target: `{"target": "serverless"}`."""
    makers = {"ec2": _emr_step, "serverless": _serverless_run, "glue": _glue_run}
    tasks = {target: makers[target]() for target in _targets()}
    return {
        "Comment": "Makes sequences of observations.",
        "StartAt": "Target",
        "States": {
            "Target": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.target", "StringEquals": each, "Next": f"Run on {each}"} for each in tasks],
                "Default": "No such target",
            },
            **{f"Run on {target}": task for target, task in tasks.items()},
            "Published": {"Type": "Succeed"},
            "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
            "No such target": {
                "Type": "Fail",
                "Error": "NoSuchTarget",
                "Cause": f"Expected one of {', '.join(tasks)}.",
            },
        },
    }


def _targets() -> list[str]:
    """Return the targets whose script is on S3."""
    deployed = _deployed()
    targets = [target for target, script in SCRIPTS.items() if any(line.endswith(script) for line in deployed)]
    if not targets:
        raise ConfigurationError(str(DEPLOYED), "expected what 'obs2seq deploy' prints, found none of its scripts")
    return targets


def _deployed() -> list[str]:
    try:
        return DEPLOYED.read_text("utf-8").split()
    except FileNotFoundError as error:
        hint = "see README.md here"
        raise ConfigurationError(str(DEPLOYED), "expected what 'obs2seq deploy' prints, found no file", hint) from error


def _requests(target: str, **names: str) -> dict[str, dict[str, Any]]:
    values = load_values(CLONE / "emr" / "values.yaml").model_copy(update=names)
    return scheduled_requests(target, SETTINGS, values, _deployed(), max_hours=MAX_HOURS, templates=CLONE / "emr")


def _task(resource: str, parameters: dict[str, Any], *retries: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}.sync",
        "Parameters": parameters,
        "TimeoutSeconds": MAX_HOURS * 3600,
        "Retry": [*retries, RETRY],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Failed"}],
        "Next": "Published",
    }


def _emr_step() -> dict[str, Any]:
    request = _requests("ec2", cluster_id=CLUSTER, execution_role_arn=STEP_ROLE)["AddJobFlowSteps"]
    (step,) = request["Steps"]
    parameters = {"ClusterId": request["JobFlowId"], "ExecutionRoleArn": request["ExecutionRoleArn"], "Step": step}
    return _task("elasticmapreduce:addStep", parameters)


def _serverless_run() -> dict[str, Any]:
    request = _requests("serverless")["StartJobRun"]
    del request["clientToken"]  # one token is one run for ever; Step Functions makes one for each attempt
    tags = request.pop("tags")
    return _task("emr-serverless:startJobRun", {**_capitalised(request), "Tags": tags})


def _glue_run() -> dict[str, Any]:
    return _task("glue:startJobRun", _requests("glue")["StartJobRun"], BUSY)


def _capitalised(node: Any) -> Any:
    """Write names as Step Functions does, the same for every service."""
    if isinstance(node, dict):
        return {name[0].upper() + name[1:]: _capitalised(value) for name, value in node.items()}
    return node


if __name__ == "__main__":
    try:
        print(json.dumps(definition(), indent=2))
    except Obs2SeqError as error:
        sys.exit(f"error: {error}")
