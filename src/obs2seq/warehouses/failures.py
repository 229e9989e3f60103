"""Spark's failures in the project's words: Spark itself quotes rows, and prints a page of stack."""

import importlib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, ParseException, PySparkException

from obs2seq.errors import ConfigurationError, Obs2SeqError, StorageError
from obs2seq.warehouses.causes import CAUSES, FAILED_EXPRESSION
from obs2seq.warehouses.failing_expressions import NONE, Expressions, at_fault

_ENCODED_PATHS = (r"while reading file (\S+?)\.(?:\s|$)", r"CSV file: (\S+)")
_PLAIN_PATHS = (
    r"((?:\w+:)?/[^\n]*?) is not a Parquet file",
    r"FileStatus\{path=([^\n;]+);",
    r"AccessDeniedException: ([^\n:/]*(?:://|/)[^\n:]+):",
    r"FileNotFoundException: ([^\n]+) \(Permission denied\)",
)
_QUOTING_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
_LONGEST = 300
_NO_VALUE = "expected every row to have a value, found one for which the expression fails"


@contextmanager
def explained(where: str, output: str | None = None, expressions: Expressions = NONE) -> Iterator[None]:
    """Raise Spark's failures within the block as the project's own errors, which name the place and no row.

    Args:
        where: What is read, or the step that is taken.
        output: What is written in the block: what the storage refuses is refused there, unless Spark names a place.
        expressions: What the block computes for each row: the one that fails is named, where Spark tells.
    """
    try:
        with _without_quotations():
            yield
    except (Py4JError, PySparkException) as error:
        raise explanation(error, where, output, expressions) from error


def explanation(
    error: Exception, where: str, output: str | None = None, expressions: Expressions = NONE
) -> Obs2SeqError:
    """Return the error that Spark's words mean; the file at fault stands for the place where Spark names it."""
    words = str(error)
    for cause in CAUSES:
        if re.search(cause.pattern, words):
            setting = at_fault(words, expressions) if cause is FAILED_EXPRESSION else None
            if setting is not None:
                return cause.kind(setting, _NO_VALUE, cause.hint)
            place = output if output and issubclass(cause.kind, StorageError) else where
            return cause.kind(_file_at_fault(words) or place, cause.problem, cause.hint)
    if isinstance(error, AnalysisException | ParseException):
        # Raised before any row is looked at.
        return ConfigurationError(where, f"expected settings that fit the data, found: {first_line(words)}")
    return StorageError(where, f"expected Spark to finish, found that it stopped: {_name(words)}", "see --debug")


def first_line(words: str) -> str:
    """Return what an error says in its first line, without codes and full stops."""
    line = next((line for line in words.splitlines() if line.strip()), "no reason given")
    return re.sub(r"\s*SQLSTATE: \w+", "", line).strip().rstrip(".;")[:_LONGEST]


def _file_at_fault(words: str) -> str | None:
    for patterns, decode in ((_ENCODED_PATHS, unquote), (_PLAIN_PATHS, str)):
        for pattern in patterns:
            if match := re.search(pattern, words):
                return re.sub(r"^file:(//)?(?=/)", "", decode(match[1]))
    return None


def _name(words: str) -> str:
    """Return the code of the error, or the class of the exception that caused it."""
    codes = re.findall(r"\[([A-Z][A-Z_]+(?:\.[A-Z_]+)?)\]", words)
    classes = re.findall(r"(?:^|Caused by: |: )(?:[a-z]\w*\.)+([A-Z]\w*(?:Exception|Error))\b", words, re.MULTILINE)
    return next(iter([*codes, *reversed(classes)]), "no reason given")


@contextmanager
def _without_quotations() -> Iterator[None]:
    """Silence the loggers by which PySpark 4 prints what is wrong with a value, and the value."""
    if importlib.util.find_spec("pyspark.logger") is None:
        yield
        return
    get_logger = importlib.import_module("pyspark.logger").PySparkLogger.getLogger
    loggers = [get_logger(name) for name in _QUOTING_LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled
