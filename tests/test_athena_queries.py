"""What is asked of Athena: by boto3 of moto, and of a stand-in where moto has no say."""

import json
import sys
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from obs2seq.aws.access import S3Access
from obs2seq.bootstrap import job, warehouse
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.sql.counts import ROW_RULES
from obs2seq.storage.s3 import S3Storage
from obs2seq.warehouses.athena.catalogue import GlueCatalogue
from obs2seq.warehouses.athena.files import ParquetFooters
from obs2seq.warehouses.athena.queries import AthenaQueries, Finished, QueryPlace
from obs2seq.warehouses.athena.reasons import masked
from obs2seq.warehouses.athena.service import AthenaWarehouseService
from tests.athena_fakes import client, client_error
from tests.athena_jobs import Clock, new_database
from tests.small_jobs import answers, put_answers, settings_for

PLACE = QueryPlace("primary", "school")
MOTO_ACCOUNT = "123456789012"


class _SeededAthena:
    """Moto's Athena, which runs nothing: what an UNLOAD leaves is put there when it is asked for."""

    def __init__(self, unloaded: Any) -> None:
        self._client, self._unloaded = client("athena"), unloaded

    def start_query_execution(self, **request: Any) -> Any:
        if request["QueryString"].startswith("UNLOAD"):
            self._unloaded(request["QueryString"])
        return self._client.start_query_execution(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_run_by_boto3_starts_waits_and_reads_what_was_counted(s3_endpoint: str, bucket: str) -> None:
    root, database, statements = f"s3://{bucket}/deep", new_database(), list[str]()
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]))
    counts = {"rows_in": 2, **dict.fromkeys(ROW_RULES, 0), "duplicate": 0, "min_length": 0}
    counts |= {"max_sequences_per_pupil": 0, "sequenced": 2, "rows_out": 2}
    _seed(s3_endpoint, counts)

    def unloaded(statement: str) -> None:
        statements.append(statement)
        folder = statement.partition("TO '")[2].partition("'")[0]
        put_answers(f"{folder}20260105_abcde", answers(1, [1, 0]))

    queries = AthenaQueries(
        QueryPlace("primary", database, f"{root}/queries"), lambda: _SeededAthena(unloaded), sleep=Clock().sleep
    )
    service = AthenaWarehouseService(
        job(settings_for(f"{root}/in", f"{root}/out", mode="athena")),
        S3Storage(lambda: client("s3")),
        queries,
        GlueCatalogue(database, lambda: client("glue")),
        ParquetFooters(lambda: client("s3")),
    )

    location = service.sequence_dataset(f"{root}/in", 3, f"{root}/out", "train")

    manifest = service.published(str(location))
    assert len(statements) == 1
    assert (manifest.rows, manifest.ledger.sequenced) == (2, 2)
    assert [file.path for file in manifest.files] == ["20260105_abcde"]


def _seed(endpoint: str, counts: dict[str, int]) -> None:
    """Say what moto's next query gives."""
    rows = [{"Data": [{"VarCharValue": str(cell)} for cell in row]} for row in (counts, counts.values())]
    results = {"account_id": MOTO_ACCOUNT, "region": "us-east-1", "results": [{"rows": rows, "column_info": []}]}
    request = urllib.request.Request(
        f"{endpoint}/moto-api/static/athena/query-results",
        json.dumps(results).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


def _stubbed() -> tuple[Any, Stubber]:
    athena = boto3.Session(region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").client("athena")
    return athena, Stubber(athena)


def test_what_is_sent_names_workgroup_database_results_key_and_owner() -> None:
    athena, stub = _stubbed()
    access = S3Access(kms_key="arn:aws:kms:us-east-1:111122223333:key/k", expected_owner="111122223333")
    place = QueryPlace("children", "school", "s3://bucket/queries", access=access)
    sent = {
        "QueryString": "SELECT 1",
        "ClientRequestToken": ANY,
        "QueryExecutionContext": {"Database": "school"},
        "WorkGroup": "children",
        "ResultConfiguration": {
            "OutputLocation": "s3://bucket/queries",
            "ExpectedBucketOwner": "111122223333",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": access.kms_key},
        },
    }
    execution = {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}
    stub.add_response("start_query_execution", {"QueryExecutionId": "q"}, sent)
    stub.add_response("get_query_execution", {"QueryExecution": execution}, {"QueryExecutionId": "q"})

    with stub:
        finished = AthenaQueries(place, lambda: athena).run("SELECT 1", "0011", "here")

    assert finished.id == "q"
    stub.assert_no_pending_responses()


def test_a_start_is_tried_again_with_the_same_token_and_another_query_has_another() -> None:
    tokens: list[str] = []

    class Athena:
        def start_query_execution(self, ClientRequestToken: str, **_: Any) -> Any:  # noqa: N803
            tokens.append(ClientRequestToken)
            if len(tokens) < 3:
                raise client_error("TooManyRequestsException", "")
            return {"QueryExecutionId": "q"}

        def get_query_execution(self, **_: Any) -> Any:
            return {"QueryExecution": {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}}

    clock = Clock()
    queries = AthenaQueries(PLACE, Athena, clock=clock, sleep=clock.sleep)
    for _ in range(2):
        queries.run("SELECT 1", "0011223344556677", "here")

    assert len(set(tokens[:3])) == 1
    assert len(set(tokens)) == 2
    assert all(32 <= len(token) <= 128 and "0011223344556677" in token for token in tokens)


def test_room_that_never_comes_is_said_at_the_deadline() -> None:
    class Athena:
        def start_query_execution(self, **_: Any) -> Any:
            raise client_error("TooManyRequestsException", "")

    clock = Clock()
    queries = AthenaQueries(QueryPlace("primary", "school", deadline_s=60), Athena, clock=clock, sleep=clock.sleep)

    with pytest.raises(StorageError, match="a query that waits for room within 1 minutes, found it THROTTLED"):
        queries.run("SELECT 1", "run", "here")


@pytest.mark.parametrize("rows", [[], [["a"]], [["a"], ["1"], ["2"]], [["a"], ["x"]], [["a"], []]])
def test_anything_but_one_row_of_counts_is_refused(rows: list[list[str]]) -> None:
    class Athena:
        def get_query_results(self, **_: Any) -> Any:
            return {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": cell} for cell in row]} for row in rows]}}

    queries = AthenaQueries(PLACE, Athena)

    with pytest.raises(StorageError, match=r"^here: expected one row of counts from query q"):
        queries.one_row(Finished("q", ""), "here")


def test_what_a_message_quotes_is_told_where_the_statement_says_it_too() -> None:
    words = "Column 'correct' of \"school\" is 'Anna',\n not 'it''s' or \"Bob\""

    assert masked(words, 'SELECT "correct" FROM "school"."answers"') == (
        "Column 'correct' of \"school\" is '…', not '…''…' or '…'"
    )


def test_a_gone_module_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "obs2seq.warehouses.athena.queries", raising=False)
    monkeypatch.setitem(sys.modules, "obs2seq.aws.clients", None)

    with pytest.raises(ConfigurationError, match=r"Hint: pip install 'obs2seq\[athena\]'"):
        warehouse(settings_for("s3://bucket/in", "s3://bucket/out", mode="athena"))
