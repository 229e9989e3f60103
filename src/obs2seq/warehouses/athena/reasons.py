"""Why Athena ended a query, in words that hold nothing of a row.

Its own words quote values: "Cannot cast 'abc' to INT", "Out of range for tinyint: 300". So they are told only where the
error is of a kind that arises before any row is read, or has no row in it; and even there, what stands in quotes is
told only if it stands in the statement too.
"""

import re
from typing import Any

from obs2seq.errors import DataError, Obs2SeqError, StorageError

_CODE = re.compile(r"^([A-Z][A-Z0-9_]{4,}):\s*(.*)", re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_LONGEST = 300

_TOLD = {
    "SYNTAX_ERROR",
    "COLUMN_NOT_FOUND",
    "TABLE_NOT_FOUND",
    "SCHEMA_NOT_FOUND",
    "CATALOG_NOT_FOUND",
    "FUNCTION_NOT_FOUND",
    "TYPE_MISMATCH",
    "NOT_SUPPORTED",
    "PERMISSION_DENIED",
    "ICEBERG_MISSING_METADATA",
    "HIVE_PATH_ALREADY_EXISTS",
    "HIVE_FILESYSTEM_ERROR",
    "HIVE_METASTORE_ERROR",
    "HIVE_PARTITION_SCHEMA_MISMATCH",
    "EXCEEDED_MEMORY_LIMIT",
    "EXCEEDED_LOCAL_MEMORY_LIMIT",
    "EXCEEDED_TIME_LIMIT",
    "QUERY_TEXT_TOO_LARGE",
}
"""Codes of errors that have no row in them."""

_WORDS_WITHOUT_ROWS = (
    "Query exhausted resources",
    "Query timeout",
    "Access denied",
    "Access Denied",
    "Insufficient permissions",
    "Insufficient Lake Formation",
    "Bytes scanned limit was exceeded",
    "Query cancelled",
    "Query was cancelled",
)
"""How the errors begin that have no code and no row."""

_ABOUT_ROWS = {
    "INVALID_CAST_ARGUMENT": "a value cannot be turned into the type that an expression names",
    "INVALID_FUNCTION_ARGUMENT": "a function was given a value that it does not take",
    "NUMERIC_VALUE_OUT_OF_RANGE": "a number does not fit its type",
    "DIVISION_BY_ZERO": "a division by zero",
    "HIVE_BAD_DATA": "a file of the table does not hold what its columns' types say",
    "HIVE_CURSOR_ERROR": "a file of the table cannot be read to its end",
    "HIVE_CANNOT_OPEN_SPLIT": "a file of the table cannot be opened",
    "HIVE_INVALID_METADATA": "what the catalogue says of the table does not fit its files",
}
_HINTS = (
    ("exhausted|MEMORY_LIMIT", "make these sequences with Spark, which writes to disk what does not fit into memory"),
    ("timeout|TIME_LIMIT", "raise Athena's DML query timeout and athena_deadline_minutes, or use Spark"),
    (
        "[Dd]enied|DENIED|[Pp]ermissions",
        "let the caller's role read the table, its catalogue and its files, and write below the output",
    ),
    ("Bytes scanned", "raise the workgroup's limit of bytes scanned, or name a view that reads less"),
    ("PATH_ALREADY_EXISTS", "run again: a new run gets a folder of its own"),
    (
        "NOT_FOUND|SYNTAX_ERROR|TYPE_MISMATCH",
        "check columns, row_filter and athena_table; 'obs2seq sql' prints the statement",
    ),
)


def failure(where: str, execution: Any, statement: str) -> Obs2SeqError:
    """Return the error for a query that failed.

    Args:
        where: What the query was to make.
        execution: As GetQueryExecution gives it.
        statement: What was asked; what it quotes may be told.

    Returns:
        A `DataError` where rows are at fault, else a `StorageError`.
    """
    status = execution.get("Status", {})
    words = str(status.get("StateChangeReason") or status.get("AthenaError", {}).get("ErrorMessage") or "")
    query = f"query {execution.get('QueryExecutionId', '')}"
    match = _CODE.match(words)
    code = match[1] if match else ""
    if code in _ABOUT_ROWS:
        hint = "correct columns and row_filter in the settings, or the table; the query's own page in Athena says more"
        return DataError(
            where, f"expected rows that can be computed with, found {_ABOUT_ROWS[code]} ({code}, {query})", hint
        )
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, words)), "see the query's own page in Athena")
    return StorageError(
        where, f"expected Athena to finish {query}, found that it failed: {_told(words, code, status, statement)}", hint
    )


def _told(words: str, code: str, status: Any, statement: str) -> str:
    if code in _TOLD or words.startswith(_WORDS_WITHOUT_ROWS):
        return masked(words, statement).strip().rstrip(".")[:_LONGEST]
    error = status.get("AthenaError", {})
    kind = f"category {error['ErrorCategory']}, type {error.get('ErrorType')}" if "ErrorCategory" in error else ""
    return ", ".join(filter(None, (code, kind))) or "no reason that can be told"


def masked(words: str, statement: str) -> str:
    """Return a message in one line, with `…` for what it quotes and the statement does not."""

    def told(match: re.Match[str]) -> str:
        inner = match[1] if match[1] is not None else match[2]
        is_ours = f'"{inner}"' in statement or f"'{inner}'" in statement
        return match[0] if is_ours else "'…'"

    return " ".join(_QUOTED.sub(told, words).split())
