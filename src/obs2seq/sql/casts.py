"""Casts: where Spark and Trino give the same, and where they have to be made to."""

from collections.abc import Callable

from sqlglot import exp

from obs2seq.sql.terms import Term, of_type

_TARGETS = {
    exp.DType.BOOLEAN: "boolean",
    exp.DType.TINYINT: "tinyint",
    exp.DType.SMALLINT: "smallint",
    exp.DType.INT: "integer",
    exp.DType.BIGINT: "bigint",
    exp.DType.FLOAT: "real",
    exp.DType.DOUBLE: "double",
    exp.DType.TEXT: "varchar",
    exp.DType.DATE: "date",
    # Athena's default, finer than which it reads no table. Spark's is an instant, and so are these, in UTC.
    exp.DType.TIMESTAMP: "timestamp(3)",
    exp.DType.TIMESTAMPTZ: "timestamp(3)",
    exp.DType.TIMESTAMPLTZ: "timestamp(3)",
    exp.DType.TIMESTAMPNTZ: "timestamp(3)",
}
_FROM = {
    "integer": {"integer", "decimal", "float", "text", "boolean"},
    "float": {"integer", "decimal", "float", "text", "boolean"},
    "decimal": {"integer", "decimal", "float", "text"},
    "text": {"text", "integer", "boolean", "date"},
    "boolean": {"boolean", "integer", "text"},
    "date": {"date", "timestamp", "text"},
    "timestamp": {"timestamp", "date", "text"},
}
"""For each kind, the kinds that both engines turn into it alike."""


class UntranslatableError(Exception):
    """Something has no counterpart in Athena, which the message names."""


def cast(node: exp.Cast, term: Callable[[exp.Expr], Term]) -> Term:
    """Cast as Spark does with ANSI on: a fraction is cut off, and what does not fit stops the run."""
    value, target = term(node.this), _target(node.args["to"])
    result = of_type(f"CAST({value.sql} AS {target})", target)
    if value.kind == "null":
        return result
    if value.kind is None:
        raise UntranslatableError(f"a cast to {target} of what is of no known type (name the types of the columns)")
    if result.kind is None or value.kind not in _FROM[result.kind]:
        raise UntranslatableError(f"a cast of a {value.kind} to {target}")
    if result.kind == "integer" and value.kind in ("decimal", "float"):
        whole = f"CASE WHEN {value.sql} < 0 THEN ceil({value.sql}) ELSE floor({value.sql}) END"
        return of_type(f"CAST({whole} AS {target})", target)
    return result


def require_same_text(value: Term) -> str:
    """Return a value as text; raise where Spark and Trino write it differently, or may."""
    if value.kind == "text":
        return value.sql
    if value.kind not in _FROM["text"]:
        raise UntranslatableError(f"a text made of {f'a {value.kind}' if value.kind else 'what is of no known type'}")
    return f"CAST({value.sql} AS varchar)"


def _target(type_: exp.DataType) -> str:
    if type_.this == exp.DType.DECIMAL:
        size = [parameter.name for parameter in type_.expressions]
        return f"decimal({','.join(size)})" if size else "decimal(10,0)"
    if type_.this not in _TARGETS:
        raise UntranslatableError(f"a cast to {type_.sql('spark').lower()}")
    return _TARGETS[type_.this]
