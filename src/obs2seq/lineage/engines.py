"""The steps of the engines that run no Hamilton: which functions stand for each. Names only; nothing is imported."""

from __future__ import annotations

from functools import cache
from typing import Literal

from obs2seq.lineage.graph import Graph, Step, graph, step

Kind = Literal["sequences", "observations"]

_TABLE, _ROWS, _TEXT = "pyarrow.Table", "numpy.ndarray", "str"


@cache
def arrow_graph(kind: Kind) -> Graph:
    """Return the steps of the embedded engine: the settings' columns, the row rules, then the kernel's arithmetic."""
    selected = [
        _arrow(
            "mapped_observations",
            ("raw_observations",),
            "warehouses.arrow.mapping:Mapping",
            _TABLE,
            "warehouses.arrow.vocabularies:with_ids",
        ),
        _arrow(
            "observations",
            ("mapped_observations", "share"),
            "warehouses.arrow.selection:Selection",
            _TABLE,
            "warehouses.arrow.shares:Sample",
            "warehouses.arrow.shares:Shares",
        ),
    ]
    made = _arrow_sequences() if kind == "sequences" else [_arrow_observations()]
    return graph("arrow", [*selected, *made])


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


def _arrow_sequences() -> list[Step]:
    return [
        _arrow("loaded_columns", ("observations",), "kernel.sequencing:LoadedColumns", _ROWS),
        _arrow(
            "ordering",
            ("loaded_columns",),
            "kernel.ordering:Ordering",
            _ROWS,
            "kernel.sequencing:_keys",
            "kernel.sequencing:_signs",
        ),
        _arrow("sessions", ("ordering",), "kernel.sessions:sessions_of", _ROWS),
        _arrow("cuts", ("sessions",), "kernel.windows:cuts_of", _ROWS),
        _arrow("windows", ("sessions", "cuts"), "kernel.windows:windows_of", _ROWS),
        _arrow("derived_columns", ("ordering", "loaded_columns"), "kernel.derived:derived_columns", _ROWS),
        _arrow("arrays", ("windows", "loaded_columns", "derived_columns"), "kernel.gathering:Gatherer", _TABLE),
        _arrow(
            "sequences",
            ("arrays",),
            "kernel.sequencing:plan_sequences",
            _TABLE,
            "kernel.sequencing:Plan",
        ),
    ]


def _arrow_observations() -> Step:
    ordered = ("warehouses.arrow.making:ObservationMaker", _TABLE, "kernel.whole_rows:order_rows")
    return _arrow("prepared_observations", ("observations",), *ordered)


def _arrow(name: str, upstream: tuple[str, ...], root: str, type_: str, *others: str) -> Step:
    owner = "kernel" if root.startswith("kernel.") else "selection"
    return step(name, upstream, root, *others, type_=type_, owner=owner)


def _sql(name: str, upstream: tuple[str, ...], *roots: str) -> Step:
    return step(name, upstream, *roots, type_=_TEXT, owner="sql")
