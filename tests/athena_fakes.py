"""A stand-in for Athena: it runs what it is asked in DuckDB, over the files of the table that Glue names.

DuckDB takes the SELECT in sqlglot's translation, which knows no UNLOAD: that is taken off, and its folder written here.
As the service does, it refuses a folder that is not empty, lower-cases the names of columns, gives files no ending,
and leaves what it wrote where a query fails half-way.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from botocore.exceptions import ClientError

from obs2seq.domain.locations import bucket_and_key

_UNLOAD = re.compile(r"UNLOAD \(\n(.*)\)\nTO '([^']*)'\nWITH \((.*)\)\n", re.DOTALL)
_SOURCE = re.compile(r'FROM "([^"]+)"\."([^"]+)"')
V3 = "Athena engine version 3"


@dataclass
class Query:
    """One query, and what it is yet to be: each state for as many looks as it stands there."""

    request: dict[str, Any]
    states: list[str]
    reason: str = ""
    error: Mapping[str, Any] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)


class FakeAthena:
    """Answers as boto3's client does.

    Args:
        states: Those that a query goes through before it has succeeded.
    """

    def __init__(self, *states: str) -> None:
        self.queries: dict[str, Query] = {}
        self.stopped: list[str] = []
        self.before = states or ("QUEUED", "RUNNING")
        self.engine = V3
        self.refusals: list[ClientError] = []
        """What the next starts are answered with."""
        self.on_poll: Callable[[Query], None] = lambda _: None
        self.ends: list[tuple[str, str, Mapping[str, Any]]] = []
        """How the next queries end, instead of being run: state, reason and error."""

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        if self.refusals:
            raise self.refusals.pop(0)
        for name, query in self.queries.items():
            if query.request["ClientRequestToken"] == request["ClientRequestToken"]:
                return {"QueryExecutionId": name}
        name = f"query-{len(self.queries) + 1}"
        self.queries[name] = Query(request, [*self.before])
        return {"QueryExecutionId": name}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803  # boto3's name
        query = self.queries[QueryExecutionId]
        self.on_poll(query)
        if len(query.states) > 1 or query.states == ["RUNNING"]:
            state = query.states.pop(0)
        else:
            state = query.states[0] if query.states else self._end(query)
        query.states = query.states or ([state] if state in ("SUCCEEDED", "FAILED", "CANCELLED") else [])
        status = {"State": state, "StateChangeReason": query.reason, "AthenaError": dict(query.error)}
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Status": status,
                "EngineVersion": {"EffectiveEngineVersion": self.engine},
            }
        }

    def stop_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        self.stopped.append(QueryExecutionId)
        self.queries[QueryExecutionId].states = ["CANCELLED"]
        return {}

    def get_query_results(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        rows = [{"Data": [{"VarCharValue": cell} for cell in row]} for row in self.queries[QueryExecutionId].rows]
        return {"ResultSet": {"Rows": rows}}

    @property
    def statements(self) -> list[str]:
        return [query.request["QueryString"] for query in self.queries.values()]

    def _end(self, query: Query) -> str:
        if self.ends:
            state, query.reason, query.error = self.ends.pop(0)
            if state != "RUN" and (unload := _UNLOAD.fullmatch(query.request["QueryString"])):
                put_object(f"{unload[2]}orphan", b"half a file")
            if state != "RUN":
                return state
        statement = query.request["QueryString"]
        if unload := _UNLOAD.fullmatch(statement):
            return self._unload(query, *unload.groups())
        table = _run(statement)
        query.rows = [table.column_names, *([str(cell) for cell in row.values()] for row in table.to_pylist())]
        return "SUCCEEDED"

    def _unload(self, query: Query, select: str, folder: str, options: str) -> str:
        if _keys(folder):
            query.reason = f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {folder}"
            return "FAILED"
        table = _run(select)
        table = table.rename_columns([name.lower() for name in table.column_names])
        codec = re.findall(r"compression = '(\w+)'", options)[0]
        half = (table.num_rows + 1) // 2
        for i, piece in enumerate((table.slice(0, half), table.slice(half)) if table.num_rows > 1 else (table,)):
            buffer = io.BytesIO()
            pq.write_table(piece, buffer, compression=codec)
            put_object(f"{folder}20260105_080000_{i:05}_abcde_{codec.lower()}", buffer.getvalue())
        return "SUCCEEDED"


@cache
def client(service: str) -> Any:
    """Make a client once; each takes a fifth of a second."""
    return boto3.client(service)  # type: ignore[call-overload]


def client_error(code: str, message: str, operation: str = "StartQueryExecution") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, operation)


def _run(select: str) -> pa.Table:
    """Run a SELECT over the files that the catalogue names, one timestamp as Athena has it: without a zone, in UTC."""
    (source,) = set(_SOURCE.findall(select))
    (translated,) = sqlglot.transpile(select, read="athena", write="duckdb")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
    connection.execute(f'CREATE SCHEMA "{source[0]}"')
    connection.register("given", _files_of(*source))
    connection.execute(f'CREATE TABLE "{source[0]}"."{source[1]}" AS SELECT * FROM given')
    return connection.sql(translated).to_arrow_table()


def _files_of(database: str, table: str) -> pa.Table:
    found = client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    names = [column["Name"] for column in found["StorageDescriptor"]["Columns"]]
    pages = client("glue").get_partitions(DatabaseName=database, TableName=table)["Partitions"]
    keys = found.get("PartitionKeys", [])
    places = [(page["StorageDescriptor"]["Location"], page["Values"]) for page in pages] if keys else []
    tables = []
    for location, values in places or [(found["StorageDescriptor"]["Location"], [])]:
        for key in _keys(location.rstrip("/") + "/"):
            rows = pq.read_table(io.BytesIO(_get(location, key))).select(names)
            for column, value in zip(keys, values, strict=True):
                typed = int(value) if column["Type"] in ("int", "bigint") else value
                rows = rows.append_column(column["Name"], pa.array([typed] * rows.num_rows))
            tables.append(rows)
    return _without_zones(pa.concat_tables(tables))


def _without_zones(table: pa.Table) -> pa.Table:
    for i, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            table = table.set_column(i, column.name, table[i].cast(pa.timestamp("ms"), safe=False))
    return table


def _keys(folder: str) -> list[str]:
    bucket, _ = bucket_and_key(folder)
    prefix = folder.removeprefix(f"s3://{bucket}/")
    entries = client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [entry["Key"] for entry in entries if not entry["Key"].rpartition("/")[2].startswith(("_", "."))]


def _get(location: str, key: str) -> bytes:
    return client("s3").get_object(Bucket=bucket_and_key(location)[0], Key=key)["Body"].read()


def put_object(location: str, content: bytes) -> None:
    bucket, key = bucket_and_key(location)
    client("s3").put_object(Bucket=bucket, Key=key, Body=content)
