"""The DAGs, in an environment that has Airflow and no Spark: `make test-airflow`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.sdk import DAG

EXAMPLES = Path(__file__).parents[1] / "examples" / "airflow"
ARGUMENTS = [
    "--s3_data_location=s3://obs2seq-data-111122223333-eu-central-1/observations/2026-01-05",
    "--output_s3_location=s3://obs2seq-data-111122223333-eu-central-1/sequences/2026-01-05",
    "--mode=emr",
]


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, DAG]":
    os.environ["AIRFLOW_HOME"] = str(tmp_path_factory.mktemp("airflow"))
    pytest.importorskip("airflow", reason="Airflow is not installed: see make test-airflow")
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(EXAMPLES))
    assert bag.import_errors == {}
    return dict(bag.dags)


def _task(dag: "DAG", name: str) -> Any:
    """Return a task of the day 2026-01-05, whose step was added before."""

    class Instance:
        def xcom_pull(self, task_ids: str) -> list[str]:
            return ["s-1ABCDEFGHIJKL"]

    task = dag.get_task(name)
    task.render_template_fields({"ds": "2026-01-05", "ti": Instance()})
    return task


def test_there_is_a_dag_for_each_service_and_a_second_try_in_each(dags: "dict[str, DAG]") -> None:
    assert sorted(dags) == ["obs2seq_emr", "obs2seq_emr_serverless", "obs2seq_glue"]
    assert {task.retries for dag in dags.values() for task in dag.tasks} == {1}
    assert {dag.max_active_runs for dag in dags.values()} == {1}


def test_a_step_is_added_and_waited_for(dags: "dict[str, DAG]") -> None:
    added, ended = (_task(dags["obs2seq_emr"], name) for name in ("add_step", "wait_for_step"))
    (step,) = added.steps
    words = step["HadoopJarStep"]["Args"]

    assert words[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert words[-4].endswith("/sequence_observations.py")
    assert words[-3:] == ARGUMENTS
    assert added.execution_role_arn == "arn:aws:iam::111122223333:role/obs2seq-emr-step"
    assert (ended.job_flow_id, ended.step_id) == (added.job_flow_id, "s-1ABCDEFGHIJKL")
    assert added.downstream_task_ids == {"wait_for_step"}


def test_a_job_runs_on_emr_serverless(dags: "dict[str, DAG]") -> None:
    task = _task(dags["obs2seq_emr_serverless"], "run_job")

    assert task.job_driver["sparkSubmit"]["entryPointArguments"] == ARGUMENTS
    assert task.config["executionTimeoutMinutes"] == 240
    assert (task.waiter_max_attempts, task.waiter_delay) == (240, 60)


def test_a_job_runs_on_glue(dags: "dict[str, DAG]") -> None:
    task = _task(dags["obs2seq_glue"], "run_job")

    given = {name: task.script_args[name] for name in ("--s3_data_location", "--output_s3_location")}
    assert [f"{name}={text}" for name, text in given.items()] == ARGUMENTS[:2]
    assert "--mode" not in task.script_args
    assert task.create_job_kwargs["Command"]["ScriptLocation"].endswith("/glue_sequence_observations.py")
    assert task.run_job_kwargs == {"Timeout": 240}
    assert (task.waiter_max_attempts, task.waiter_delay) == (240, 60)
