"""The steps of the engines that run no Hamilton: which functions stand for each. Names only; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from obs2seq.domain.job import Job
from obs2seq.domain.rule_sets import Scope, scope
from obs2seq.domain.splits import FOLD
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.lineage.graph import Graph, Step, graph, step

Kind = Literal["sequences", "observations"]

_TABLE, _ROWS, _TEXT = "pyarrow.Table", "numpy.ndarray", "str"


@dataclass(frozen=True)
class _Chosen:
    """What of a job decides which steps there are."""

    kind: Kind
    scope: Scope
    is_by_time: bool
    has_context: bool
    has_folds: bool
    is_indexed: bool
    is_encoded: bool
    explodes: bool
    keeps_together: bool


def arrow_graph(job: Job, kind: Kind) -> Graph:
    """Return the steps of the embedded engine: the settings' columns, the rules, then the kernel's arithmetic."""
    return _arrow_graph(_chosen(job, kind))


def task_graph(job: Job, kind: Kind, selected: Graph) -> Graph:
    """Return the steps of the arrow execution on Spark: those that select observations, and then the kernel's."""
    chosen = _chosen(job, kind)
    return graph("spark", [*selected.steps.values(), *_arrow_made(chosen)], _added(chosen))


def _chosen(job: Job, kind: Kind) -> _Chosen:
    is_indexed = kind == "sequences" and job.layout != "expanded"
    is_by_time, has_folds = job.subset_method == "time", job.folds is not None
    is_encoded = bool(encoded_columns(job.spec))
    apart = (job.spec.explode is not None, job.spec.keeps_together)
    return _Chosen(kind, scope(job.rules), is_by_time, job.split_context, has_folds, is_indexed, is_encoded, *apart)


@cache
def _arrow_graph(chosen: _Chosen) -> Graph:
    return graph("arrow", [*_arrow_selected(chosen), *_arrow_made(chosen)], _added(chosen))


def _added(chosen: _Chosen) -> tuple[str, ...]:
    return (FOLD,) if chosen.has_folds else ()


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


def _arrow_selected(chosen: _Chosen) -> Iterator[Step]:
    ids = ("warehouses.arrow.vocabularies:with_ids",) if chosen.is_encoded else ()
    yield _arrow("mapped_observations", ("raw_observations",), "warehouses.arrow.mapping:Mapping", _TABLE, *ids)
    judged = ["mapped_observations", "share"]
    if chosen.is_by_time:
        yield _times()
        judged.append("times")
    if chosen.scope != "none":
        yield _arrow("broken_rules", ("mapped_observations",), "warehouses.arrow.quality:RowChecks", _ROWS)
        judged.append("broken_rules")
    name = "row_checked_observations" if chosen.scope == "pupils" else "observations"
    shares = ("warehouses.arrow.shares:Sample", "warehouses.arrow.shares:Shares")
    yield _arrow(name, tuple(judged), "warehouses.arrow.selection:Selection", _TABLE, *shares)
    if chosen.scope == "pupils":
        checks = ("warehouses.arrow.quality:PupilChecks", _TABLE, "warehouses.arrow.quarantine:CheckedMaker")
        yield _arrow("observations", (name,), *checks)


def _arrow_made(chosen: _Chosen) -> Iterator[Step]:
    """Yield the steps from observations on, be they selected by Arrow or by Spark."""
    if chosen.kind == "observations":
        ordered = ("warehouses.arrow.making:ObservationMaker", _TABLE, "kernel.whole_rows:order_rows")
        yield _arrow("prepared_observations", ("observations",), *ordered)
    else:
        yield from _arrow_sequences(chosen)
    if chosen.has_folds:
        name = "folded_observations" if chosen.kind == "observations" else "folded_sequences"
        unfolded = "prepared_observations" if chosen.kind == "observations" else "sequences"
        yield _arrow(name, (unfolded,), "warehouses.arrow.folds:FoldMaker", _TABLE)


def _arrow_sequences(chosen: _Chosen) -> Iterator[Step]:
    yield _arrow("loaded_columns", ("observations",), "kernel.loaded:LoadedColumns", _ROWS)
    signs = ("kernel.sequencing:_keys", "kernel.sequencing:_signs")
    yield _arrow("ordering", ("loaded_columns",), "kernel.ordering:Ordering", _ROWS, *signs)
    if chosen.has_context:
        yield _times()
    context = ("times",) if chosen.has_context else ()
    yield _arrow("sessions", ("ordering", *context), "kernel.sessions:sessions_of", _ROWS)
    apart = ("elements",) if chosen.explodes else ()
    if chosen.explodes:
        yield _arrow(
            "elements", ("sessions", "loaded_columns"), "kernel.exploding:Elements", _ROWS, "kernel.lists:load_lists"
        )
    yield from _arrow_windows(chosen, *(apart or ("sessions",)))
    yield _arrow("derived_columns", ("ordering", "loaded_columns"), "kernel.derived:derived_columns", _ROWS)
    arrays = ("windows", "loaded_columns", "derived_columns", *apart)
    yield _arrow("arrays", arrays, "kernel.gathering:Gatherer", _TABLE)
    plans = ["kernel.sequencing:Plan", *(["kernel.indexed:IndexedPlan"] if chosen.is_indexed else [])]
    yield _arrow("sequences", ("arrays",), "kernel.sequencing:plan_sequences", _TABLE, *plans)


def _arrow_windows(chosen: _Chosen, sessions: str) -> Iterator[Step]:
    if chosen.keeps_together:
        yield _arrow("windows", (sessions,), "kernel.whole_windows:whole_windows", _ROWS)
        return
    yield _arrow("cuts", (sessions,), "kernel.windows:cuts_of", _ROWS)
    yield _arrow("windows", (sessions, "cuts"), "kernel.windows:windows_of", _ROWS)


def _times() -> Step:
    """What tells subsets apart, and context: taken for both, and once."""
    return _arrow("times", ("share",), "warehouses.arrow.shares:Times", _ROWS)


def _arrow(name: str, upstream: tuple[str, ...], root: str, type_: str, *others: str) -> Step:
    owner = "kernel" if root.startswith("kernel.") else "selection"
    return step(name, upstream, root, *others, type_=type_, owner=owner)


def _sql(name: str, upstream: tuple[str, ...], *roots: str) -> Step:
    return step(name, upstream, *roots, type_=_TEXT, owner="sql")
