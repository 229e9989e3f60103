"""Runs on Athena, and queries by their ids."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.backends import get_backend
from moto.moto_api import state_manager

from obs2seq.aws.states import RunState
from obs2seq.errors import StorageError
from obs2seq.launch.athena import AthenaRuns
from obs2seq.launch.following import follow
from tests.athena_fakes import FakeAthena
from tests.launches import ACCOUNT, REGION, TEMPLATES, Clock, Cloud, client, cloud
from tests.small_jobs import answers, put_answers

DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3
QUERY = "11111111-2222-3333-4444-555555555555"
SMALL = (
    *("--sequence_length", 3, "--subsets", "all=1", "--subset_method", "hash"),
    *("--features", "[{name: correct, column: correct, pad: -1}]"),
)


@pytest.fixture(autouse=True)
def states_stay() -> Iterator[None]:
    """The stand-in advances a query whenever it is asked about it; here queries advance by hand."""
    state_manager.set_transition("athena::execution", {"progression": "manual", "times": 1_000_000})
    yield
    state_manager.unset_transition("athena::execution")


@pytest.fixture
def aws(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return cloud(bucket, tmp_path, capsys, monkeypatch)


@pytest.fixture
def athena(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeAthena:
    """Athena itself: it computes what it is asked."""
    fake = FakeAthena("RUNNING")

    def made(service: str, region: str | None = None) -> Any:
        return fake if service == "athena" else client(service, region)

    monkeypatch.setattr("obs2seq.aws.clients.aws_client", made)
    monkeypatch.setattr("obs2seq.aws.waiting.time.sleep", lambda _: None)
    return fake


def submitted(aws: Cloud, *options: object) -> Any:
    """Submit a small run over observations of three pupils."""
    database = f"school_{uuid.uuid4().hex}"
    client("glue", REGION).create_database(DatabaseInput={"Name": database})
    put_answers(f"s3://{aws.bucket}/observations/part-0.parquet", *(answers(n, [1, 0, 1, 1]) for n in (1, 2, 3)))
    place = ("--athena_database", database, "--athena_query_location", f"s3://{aws.bucket}/queries")
    return aws.submit("athena", *SMALL, *place, *options)


def query() -> str:
    """Start a query that is under way; return its id."""
    started = client("athena", REGION).start_query_execution(
        QueryString="SELECT 1", WorkGroup="primary", ResultConfiguration={"OutputLocation": "s3://b/q"}
    )
    advance(started["QueryExecutionId"], "RUNNING")
    return str(started["QueryExecutionId"])


def advance(run_id: str, state: str) -> None:
    get_backend("athena")[ACCOUNT][REGION].executions[run_id].status = state


def test_a_run_is_computed_and_published_from_here(aws: Cloud, athena: FakeAthena) -> None:
    answer = submitted(aws)

    assert (answer.code, answer.err) == (DONE, "")
    assert re.search(r"^all: s3://\S+/sequences/all_sequenced_3 \(run \w+\)$", answer.out, re.MULTILINE)
    published = aws.keys("sequences/all_sequenced_3/")
    assert any(key.endswith("/_MANIFEST.json") for key in published)
    assert "sequences/all_sequenced_3/_CURRENT.json" in published
    assert not aws.keys("code/")


def test_a_run_of_the_same_data_is_computed_again_only_where_asked_for(aws: Cloud, athena: FakeAthena) -> None:
    database = f"school_{uuid.uuid4().hex}"
    client("glue", REGION).create_database(DatabaseInput={"Name": database})
    put_answers(f"s3://{aws.bucket}/observations/part-0.parquet", answers(1, [1, 0, 1, 1]))
    place = ("--athena_database", database, "--athena_query_location", f"s3://{aws.bucket}/queries")

    queries = []
    for options in ((), (), ("--again",)):
        assert aws.submit("athena", *SMALL, *place, *options).code == DONE
        queries.append(len(athena.queries))

    assert queries[0] == queries[1] < queries[2]


def test_a_query_that_fails_has_its_reason_and_nothing_is_published(aws: Cloud, athena: FakeAthena) -> None:
    athena.ends = [("FAILED", "COLUMN_NOT_FOUND: line 3:5: Column 'correct' cannot be resolved", {})]

    answer = submitted(aws)

    assert answer.code == SERVICE
    assert "COLUMN_NOT_FOUND" in answer.err
    assert "sequences/all_sequenced_3/_CURRENT.json" not in aws.keys("sequences/")


def test_a_query_that_somebody_else_cancels_says_so(aws: Cloud, athena: FakeAthena) -> None:
    athena.ends = [("CANCELLED", "", {})]

    answer = submitted(aws)

    assert answer.code == SERVICE
    assert "found that somebody cancelled it" in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--output_format", "delta"), "output_format: expected parquet on Athena, found delta"),
        (("--no-wait",), "option --no-wait: expected a target that runs by itself, found athena"),
        (("--s3_data_location", "/data"), "s3_data_location: expected s3://<bucket>/<folder>, found a local path"),
        (("--mode", "local"), "option --mode: expected --target alone to say where to run"),
    ],
)
def test_what_athena_cannot_run_is_refused_before_anything_starts(
    aws: Cloud, athena: FakeAthena, options: tuple[str, ...], said: str
) -> None:
    answer = aws.submit("athena", *SMALL, *options)

    assert (answer.code, answer.out) == (USAGE, "")
    assert said in answer.err
    assert athena.queries == {}


def test_a_query_has_no_more_time_than_the_hours(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = list[int]()
    monkeypatch.setattr(
        "obs2seq.commands.launching.run", lambda settings: minutes.append(settings.athena_deadline_minutes)
    )

    aws.submit("athena", *SMALL)
    aws.submit("athena", *SMALL, "--max-hours", "0.5")
    aws.submit("athena", *SMALL, "--max-hours", "9", "--athena_deadline_minutes", 90)

    assert minutes == [60, 30, 90]


def test_the_region_is_that_of_the_values_unless_a_setting_says_another(
    aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions = list[str]()
    monkeypatch.setattr("obs2seq.commands.launching.run", lambda settings: regions.append(settings.s3_region))

    aws.submit("athena", *SMALL)
    aws.submit("athena", *SMALL, "--s3_region", "eu-west-3")

    assert regions == [REGION, "eu-west-3"]


def test_a_dry_run_shows_the_table_the_count_and_the_unload(aws: Cloud) -> None:
    answer = aws.submit("athena", *SMALL, "--dry-run", "--athena_workgroup", "school")

    table, count, unload = json.loads(answer.out)
    assert (table["service"], table["operation"]) == ("glue", "CreateTable")
    described = table["parameters"]["TableInput"]
    assert described["StorageDescriptor"]["Location"] == f"s3://{aws.bucket}/observations"
    assert {(each["service"], each["operation"]) for each in (count, unload)} == {("athena", "StartQueryExecution")}
    assert {each["parameters"]["WorkGroup"] for each in (count, unload)} == {"school"}
    assert "rows_in" in count["parameters"]["QueryString"]
    statement = unload["parameters"]["QueryString"]
    assert statement.startswith("UNLOAD (\n")
    assert f'"{described["Name"]}"' in statement
    assert f"TO 's3://{aws.bucket}/sequences/all_sequenced_3/run_id=<fingerprint>/'" in statement


def test_the_accounts_names_count_below_every_setting(
    aws: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.values |= {"athena_workgroup": "limited", "athena_database": "school"}
    config = tmp_path / "settings.yaml"
    config.write_text("athena_workgroup: of_the_file\n")

    def asked_of(*options: object) -> tuple[str, str, str]:
        table, count, _ = json.loads(aws.submit("athena", *SMALL, "--dry-run", *options).out)
        context = count["parameters"]["QueryExecutionContext"]["Database"]
        return count["parameters"]["WorkGroup"], context, table["parameters"]["DatabaseName"]

    assert asked_of() == ("limited", "school", "school")
    assert asked_of("--set", "athena_workgroup=above") == ("above", "school", "school")
    assert asked_of("--config", TEMPLATES.parent / "conf" / "athena.yaml") == ("limited", "school", "school")
    assert asked_of("--config", config) == ("of_the_file", "school", "school")
    assert asked_of("--athena_workgroup", "mine", "--athena_database", "own") == ("mine", "own", "own")
    assert asked_of("--athena_workgroup", "primary") == ("primary", "school", "school")
    monkeypatch.setenv("OBS2SEQ_ATHENA_WORKGROUP", "of_the_environment")
    assert asked_of() == ("of_the_environment", "school", "school")


def test_a_dry_run_shows_what_tells_a_subsets_pupils_from_the_others(aws: Cloud) -> None:
    options = ("--subsets", "train=0.5,test=0.5", "--athena_table", "school.answers", "--dry-run")

    train_count, train, test_count, test = json.loads(aws.submit("athena", *SMALL, *options).out)

    assert all("md5" in each["parameters"]["QueryString"] for each in (train_count, train, test_count, test))
    assert train["parameters"]["QueryString"] != test["parameters"]["QueryString"].replace("/test_", "/train_")


def test_a_query_is_waited_for_by_its_id(aws: Cloud) -> None:
    run_id = query()
    aws.during_waits(lambda: advance(run_id, "SUCCEEDED"))

    answer = aws("wait", run_id)

    assert answer.code == DONE
    assert aws.clock.said == [f"{run_id}: RUNNING", f"{run_id}: SUCCEEDED"]


def test_a_query_that_failed_says_so_once() -> None:
    class Failed:
        def get_query_execution(self, **_: str) -> dict[str, Any]:
            words = "SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"
            status = {"State": "FAILED", "StateChangeReason": words}
            return {"QueryExecution": {"Status": status, "Query": "SELECT 'x'"}}

    with pytest.raises(StorageError) as raised:
        follow(AthenaRuns(lambda _: Failed()), QUERY, 1, Clock().pace)

    assert "found FAILED: SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved. Hint:" in str(raised.value)


def test_a_query_past_its_hours_is_stopped(aws: Cloud) -> None:
    run_id = query()

    answer = aws("wait", run_id, "--max-hours", 1)

    assert answer.code == SERVICE
    assert "expected it to end within 1 h, found RUNNING" in answer.err
    assert aws("cancel", run_id).out == f"{run_id}: CANCELLED already\n"


def test_the_logs_of_a_query_are_what_athena_says_of_it(aws: Cloud) -> None:
    run_id = query()
    advance(run_id, "SUCCEEDED")

    answer = aws("logs", run_id)

    assert answer.code == DONE
    assert answer.out.splitlines()[:3] == ["==> query: workgroup primary", "SUCCEEDED", "0 bytes read"]


def test_the_reason_of_a_failed_query_holds_nothing_of_a_row() -> None:
    class Failed:
        def get_query_execution(self, **_: str) -> dict[str, Any]:
            words = "INVALID_CAST_ARGUMENT: Cannot cast 'Robin' to INT"
            return {"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": words}, "Query": "SELECT 1"}}

    runs = AthenaRuns(lambda _: Failed())

    status = runs.status(QUERY)

    assert status.state is RunState.FAILED
    assert "INVALID_CAST_ARGUMENT" in status.reason
    assert "Robin" not in status.reason + "".join(runs.log_files("x")[0].read())
