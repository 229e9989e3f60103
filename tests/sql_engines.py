"""Engines on which the statement for Athena runs in tests, behind one face.

DuckDB takes the statement in sqlglot's translation. A real Trino takes it as it is, and counts for more: Athena's
engine is one. It is asked only where the environment names one, as TRINO_URL=http://127.0.0.1:8080, with a catalogue
`memory` (connector.name=memory).
"""

import datetime
import math
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import duckdb
import sqlglot

Columns = list[tuple[str, str]]
Rows = list[dict[str, Any]]


class Engine(Protocol):
    """Runs the statement for Athena; types bear Trino's names."""

    def table(self, types: dict[str, str], rows: list[list[Any]], name: str | None = None) -> str:
        """Make a table, under a name of its own where none is given; return its name as a statement writes it."""

    def run(self, statement: str) -> tuple[Columns, Rows]:
        """Return names and types of the columns, and the rows."""

    def as_type(self, type_: str) -> str:
        """Return the name that this engine has for a type of Trino's."""


class DuckDb:
    """DuckDB, in memory."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'; SET threads = 1")

    def table(self, types: dict[str, str], rows: list[list[Any]], name: str | None = None) -> str:
        table = name or f"observations_{uuid.uuid4().hex}"
        columns = ", ".join(f"{_quoted(column)} {self.as_type(type_)}" for column, type_ in types.items())
        self._connection.execute(f"CREATE OR REPLACE TABLE {_quoted(table)} ({columns})")
        if rows:
            places = ", ".join(f"({', '.join('?' * len(types))})" for _ in rows)
            values = [value for row in rows for value in row]
            self._connection.execute(f"INSERT INTO {_quoted(table)} VALUES {places}", values)
        return _quoted(table)

    def run(self, statement: str) -> tuple[Columns, Rows]:
        (translated,) = sqlglot.transpile(statement, read="athena", write="duckdb")
        relation = self._connection.sql(translated)
        columns = list(zip(relation.columns, map(str, relation.types), strict=True))
        return columns, [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]

    def as_type(self, type_: str) -> str:
        if element := re.fullmatch(r"array\((.*)\)", type_):
            return f"{self.as_type(element[1])}[]"
        if type_.endswith("with time zone"):
            return "TIMESTAMP WITH TIME ZONE"
        plain = re.sub(r"^(varchar|char|timestamp)\(\d+\)", r"\1", type_).replace("real", "float")
        return re.sub(r"^char$", "varchar", plain).upper()


class Trino:
    """A Trino that runs already."""

    def __init__(self, url: str) -> None:
        import trino.dbapi

        address, connect = urlsplit(url), cast(Any, trino.dbapi.connect)
        self._connection = connect(
            host=address.hostname, port=address.port, user="tests", catalog="memory", schema="default", timezone="UTC"
        )

    def table(self, types: dict[str, str], rows: list[list[Any]], name: str | None = None) -> str:
        table = name or f"observations_{uuid.uuid4().hex}"
        columns = ", ".join(f"{_quoted(column)} {type_}" for column, type_ in types.items())
        self._execute(f"DROP TABLE IF EXISTS {_quoted(table)}")
        self._execute(f"CREATE TABLE {_quoted(table)} ({columns})")
        if rows:
            values = ", ".join(f"({', '.join(map(_literal, row, types.values()))})" for row in rows)
            self._execute(f"INSERT INTO {_quoted(table)} VALUES {values}")
        return _quoted(table)

    def run(self, statement: str) -> tuple[Columns, Rows]:
        columns, rows = self._execute(statement)
        return columns, [dict(zip((name for name, _ in columns), row, strict=True)) for row in rows]

    def as_type(self, type_: str) -> str:
        return type_.replace(",", ", ")

    def _execute(self, statement: str) -> tuple[Columns, list[list[Any]]]:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        rows = cursor.fetchall()
        return [(column[0], column[1]) for column in cursor.description or []], rows


@contextmanager
def engine_named(name: str) -> Iterator[Engine | None]:
    """Give the engine, or nothing where there is no Trino."""
    if name == "duckdb":
        yield DuckDb()
    else:
        url = os.environ.get("TRINO_URL")
        yield Trino(url) if url else None


def comparable(rows: Rows, keys: tuple[str, ...]) -> list[str]:
    """Return each row as a text, in the order of `keys`: so a NaN equals itself and -0.0 no 0.0."""
    in_order = sorted(rows, key=lambda row: [(row[key] is not None, row[key]) for key in keys])
    return [repr({name: _plain(value) for name, value in sorted(row.items())}) for row in in_order]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.UTC).isoformat()
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any, type_: str) -> str:
    if value is None:
        return f"CAST(NULL AS {type_})"
    if isinstance(value, list):
        return f"CAST(ARRAY[{', '.join(map(_spelled, value))}] AS {type_})"
    text = _spelled(value).replace("'", "''")
    return f"CAST('{text}' AS {type_})"


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    return value.isoformat(sep=" ").replace("+00:00", " UTC") if isinstance(value, datetime.datetime) else str(value)
