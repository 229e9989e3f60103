"""Sequences every day's observations on EMR, on EMR Serverless or on Glue: on what there is a package for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrServerlessStartJobOperator
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor
from airflow.sdk import DAG

from obs2seq.errors import ConfigurationError
from obs2seq.launch.scheduling import scheduled_requests
from obs2seq.launch.values import load_values

CLONE = Path(__file__).resolve().parents[2]
DEPLOYED = CLONE / "examples" / "deployed.txt"  # what `obs2seq deploy` printed
CLUSTER, STEP_ROLE = "j-1ABCDEFGHIJKL", "arn:aws:iam::111122223333:role/obs2seq-emr-step"
MAX_HOURS = 4
SETTINGS = {
    "s3_data_location": "s3://obs2seq-data-111122223333-eu-central-1/observations/{{ ds }}",
    "output_s3_location": "s3://obs2seq-data-111122223333-eu-central-1/sequences/{{ ds }}",
    "sequence_length": 100,
}
VALUES = load_values(CLONE / "emr" / "values.yaml")
AWS = {"region_name": VALUES.region}
# Airflow asks once a minute, and would give up sooner than the run.
WAIT = {"waiter_delay": 60, "waiter_max_attempts": MAX_HOURS * 60}
# Another attempt is safe: what is published already is found, and nothing is done twice.
DAILY: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "schedule": "@daily",
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {"retries": 1},
    "tags": ["obs2seq"],
}


def deployed() -> list[str]:
    """Return where the files of the package lie."""
    try:
        return DEPLOYED.read_text("utf-8").split()
    except FileNotFoundError as error:
        hint = "see README.md here"
        raise ConfigurationError(str(DEPLOYED), "expected what 'obs2seq deploy' prints, found no file", hint) from error


def is_deployed(script: str) -> bool:
    """Whether a target's script is on S3."""
    return any(line.endswith(f"/{script}") for line in deployed())


def requests(target: str, **values: str) -> dict[str, dict[str, Any]]:
    """Return the requests that start a run, as `obs2seq submit` makes them."""
    names = VALUES.model_copy(update=values)
    return scheduled_requests(target, SETTINGS, names, deployed(), max_hours=MAX_HOURS, templates=CLONE / "emr")


if is_deployed("sequence_observations.py"):
    with DAG("obs2seq_emr", **DAILY):
        step = requests("ec2", cluster_id=CLUSTER, execution_role_arn=STEP_ROLE)["AddJobFlowSteps"]
        added = EmrAddStepsOperator(
            task_id="add_step",
            job_flow_id=step["JobFlowId"],
            steps=step["Steps"],
            execution_role_arn=step["ExecutionRoleArn"],
            **AWS,
        )
        ended = EmrStepSensor(
            task_id="wait_for_step",
            job_flow_id=step["JobFlowId"],
            step_id="{{ ti.xcom_pull(task_ids='add_step')[0] }}",
            timeout=MAX_HOURS * 3600,
            **AWS,
        )
        added >> ended

    with DAG("obs2seq_emr_serverless", **DAILY):
        run = requests("serverless")["StartJobRun"]
        EmrServerlessStartJobOperator(
            task_id="run_job",
            name=run["name"],
            application_id=run["applicationId"],
            execution_role_arn=run["executionRoleArn"],
            job_driver=run["jobDriver"],
            configuration_overrides=run["configurationOverrides"],
            config={"executionTimeoutMinutes": run["executionTimeoutMinutes"], "tags": run["tags"]},
            **WAIT,
            **AWS,
        )

if is_deployed("glue_sequence_observations.py"):
    with DAG("obs2seq_glue", **DAILY):
        glue = requests("glue")
        job, job_run = glue["CreateJob"], glue["StartJobRun"]
        GlueJobOperator(
            task_id="run_job",
            job_name=job["Name"],
            job_desc=job["Description"],
            iam_role_arn=job["Role"],
            create_job_kwargs={name: job[name] for name in ("GlueVersion", "Command", "DefaultArguments", "WorkerType")}
            | {"NumberOfWorkers": job["NumberOfWorkers"]},
            update_config=True,
            script_args=job_run["Arguments"],
            run_job_kwargs={"Timeout": job_run["Timeout"]},
            stop_job_run_on_kill=True,
            **WAIT,
            **AWS,
        )
