"""The steps of Athena's engine: the parts of a statement. Names only; nothing is imported."""

from __future__ import annotations

from functools import cache

from obs2seq.lineage.engines import Kind
from obs2seq.lineage.graph import Graph, Step, graph, step


@cache
def athena_graph(kind: Kind) -> Graph:
    """Return the steps of Athena's engine, each a part of the statement that it is asked."""
    steps = [
        _sql("mapped_columns", ("table",), "sql.mapping:MappedColumns"),
        _sql("row_rules", ("mapped_columns", "share"), "sql.row_rules:row_rules"),
        _sql("judged", ("mapped_columns", "row_rules"), "sql.selection:selected"),
    ]
    if kind == "observations":
        return graph("athena", [*steps, _sql("prepared_observations", ("judged",), "sql.runs:_Rows.observations")])
    return graph(
        "athena",
        [
            *steps,
            _sql("observations", ("judged",), "sql.runs:_Rows._observations"),
            _sql("histories", ("observations",), "sql.histories:histories"),
            _sql("sessions", ("histories",), "sql.histories:sessions"),
            _sql("positions", ("sessions",), "sql.histories:positions"),
            _sql("windows", ("positions",), "sql.windows:window_steps"),
            _sql("gathered", ("windows",), "sql.athena:_gathered"),
            _sql("sequences", ("gathered",), "sql.athena:sequences", "sql.athena:sequence_steps"),
        ],
    )


def _sql(name: str, upstream: tuple[str, ...], *roots: str) -> Step:
    return step(name, upstream, *roots, type_="str", owner="sql")
