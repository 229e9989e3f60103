"""Spark SQL expressions, read by sqlglot as Spark reads them here."""

import re
from itertools import pairwise

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from obs2seq.errors import ConfigurationError

_MISSING = re.compile(r"Required keyword: '\w+' missing for <class '(?:\w+\.)*(\w+)'>")
_CLASS = re.compile(r"<class '(?:\w+\.)*(\w+)'>")


class _AnsiSpark(Spark):
    """Spark as it runs here: a cast that fails stops the run."""

    class Parser(Spark.Parser):  # type: ignore[misc,valid-type]  # sqlglot makes it at runtime
        STRICT_CAST = True


def parsed(setting: str, text: str) -> exp.Expr:
    """Return what an expression is made of.

    Args:
        setting: Where the expression stands, for messages.
        text: The expression.

    Raises:
        ConfigurationError: The text is no expression, or holds a doubled quote.
    """
    try:
        _refuse_doubled_quotes(setting, text)
        return sqlglot.parse_one(text, read=_AnsiSpark)
    except SqlglotError as error:
        raise ConfigurationError(
            setting, f"expected a column or a Spark SQL expression over the input, found: {_reason(error)}"
        ) from error


def _refuse_doubled_quotes(setting: str, text: str) -> None:
    """Raise for 'it''s': to Spark 3.5 it is two texts side by side, to Spark 4 one text with a quote in it."""
    tokens = sqlglot.tokenize(text, read=_AnsiSpark)
    for first, second in pairwise(tokens):
        if first.token_type == second.token_type == TokenType.STRING and second.start == first.end + 1:
            problem = "expected no doubled quote, which Spark 3.5 and 4 read differently, found one"
            raise ConfigurationError(
                setting, problem, "write \\' for a quote within a text, or put it into other quotes"
            )


def _reason(error: SqlglotError) -> str:
    """Return sqlglot's reason in words of the language, not of sqlglot's classes."""
    first = str(error).splitlines()[0].rstrip(".")
    told = _MISSING.sub(lambda match: f"{_written(match[1])} without all that belongs to it", first)
    return _CLASS.sub(lambda match: _written(match[1]), told)


def _written(name: str) -> str:
    """Name a kind of node as the writer of an expression knows it."""
    kind = getattr(exp, name, None)
    if isinstance(kind, type) and issubclass(kind, exp.Func) and not issubclass(kind, exp.Connector):
        return f"{kind.sql_name().lower()}()"
    return "an operation"
