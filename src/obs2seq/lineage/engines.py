"""The steps of the embedded engine, and of its tasks on Spark: which functions stand for each. Nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from obs2seq.domain.job import Job
from obs2seq.domain.rule_sets import Scope, scope
from obs2seq.domain.splits import FOLD
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.lineage.graph import Graph, Step, graph, step
from obs2seq.lineage.modules import Symbol
from obs2seq.lineage.values import Derived, derivation_code, derivation_steps, derived_of, feature_columns

Kind = Literal["sequences", "observations"]

_ARROW, _KERNEL, _DERIVED = "warehouses.arrow", "kernel", "kernel.derived"
_READING = (
    *(f"{_KERNEL}.gathering:{each}" for each in ("PaddedFeature", "Gatherer._values", "Gatherer._source")),
    f"{_KERNEL}.pads:pad_for",
)
_ENCODERS = tuple(f"{_ARROW}.vocabularies:{each}" for each in ("EncodedMapping", "Encoder", "ElementEncoder"))
_TABLE, _ROWS = "pyarrow.Table", "numpy.ndarray"


@dataclass(frozen=True)
class _Chosen:
    """What of a job decides which steps there are."""

    kind: Kind
    scope: Scope = "pupils"
    has_expressions: bool = True
    is_sampled: bool = True
    is_assigned: bool = True
    is_by_time: bool = True
    has_context: bool = True
    has_folds: bool = True
    is_indexed: bool = True
    is_encoded: bool = True
    has_sessions: bool = True
    explodes: bool = True
    keeps_together: bool = False
    columns: frozenset[str] = frozenset()
    """Those of the output that features name."""
    derived: Derived = (("position", frozenset()),)

    @property
    def derived_columns(self) -> frozenset[str]:
        """Those of the output that hold something derived."""
        return frozenset().union(*(columns for _, columns in self.derived))


def arrow_graph(job: Job, kind: Kind) -> Graph:
    """Return the steps of the embedded engine: the settings' columns, the rules, then the kernel's arithmetic."""
    return _arrow_graph(_chosen(job, kind))


def task_graph(job: Job, kind: Kind, selected: Graph) -> Graph:
    """Return the steps of the arrow execution on Spark: those that select observations, and then the kernel's."""
    chosen = _chosen(job, kind)
    steps = [*selected.steps.values(), *_arrow_made(chosen)]
    return graph("spark", steps, _added(chosen), selected.others | _optional())


def _chosen(job: Job, kind: Kind) -> _Chosen:
    spec = job.spec
    return _Chosen(
        kind,
        scope(job.rules),
        has_expressions=bool(job.columns or job.row_filter),
        is_sampled=job.pupil_sample is not None,
        is_assigned=job.subset_method == "stratified",
        is_by_time=job.subset_method == "time",
        has_context=job.split_context,
        has_folds=job.folds is not None,
        is_indexed=kind == "sequences" and job.layout != "expanded",
        is_encoded=bool(encoded_columns(spec)),
        has_sessions=spec.session_gap_seconds is not None,
        explodes=spec.explode is not None,
        keeps_together=spec.keeps_together,
        columns=feature_columns(spec),
        derived=derived_of(spec),
    )


@cache
def _arrow_graph(chosen: _Chosen) -> Graph:
    return graph("arrow", [*_arrow_selected(chosen), *_arrow_made(chosen)], _added(chosen), _optional())


@cache
def _optional() -> frozenset[Symbol]:
    """Return the code of every step that some job takes: in a job that does not, it counts for nothing."""
    most = _Chosen("sequences")
    jobs = (most, replace(most, keeps_together=True), replace(most, kind="observations"))
    steps = (each for job in jobs for each in (*_arrow_selected(job), *_arrow_made(job)))
    return derivation_code(_DERIVED).union(*(each.roots for each in steps))


def _added(chosen: _Chosen) -> tuple[str, ...]:
    return (FOLD,) if chosen.has_folds else ()


def _arrow_selected(chosen: _Chosen) -> Iterator[Step]:
    has_rules = chosen.scope != "none"
    if chosen.has_expressions or has_rules:
        yield _arrow(
            "expressions", (), f"{_ARROW}.mapping:expression", _ROWS, f"{_ARROW}.expressions.expression:Expression"
        )
    mapped = ("raw_observations", *(("expressions",) if chosen.has_expressions else ()))
    yield _arrow("mapped_observations", mapped, f"{_ARROW}.mapping:Mapping", _TABLE)
    name = "mapped_observations"
    if chosen.is_encoded:
        yield _arrow("encoded_observations", (name,), f"{_ARROW}.vocabularies:with_ids", _TABLE, *_ENCODERS)
        name = "encoded_observations"
    if has_rules:
        checks = (f"{_ARROW}.quality:RowChecks", _ROWS, f"{_ARROW}.quality:Checked")
        yield _arrow("broken_rules", (name, "expressions"), *checks)
    yield from _arrow_judged(chosen, name, *(("broken_rules",) if has_rules else ()))


def _arrow_judged(chosen: _Chosen, *read: str) -> Iterator[Step]:
    """Yield the steps that tell which observations are the subset's, and keep these."""
    shares = list(_arrow_shares(chosen))
    yield from shares
    name = "row_checked_observations" if chosen.scope == "pupils" else "observations"
    judged = (read[0], "share", *(each.name for each in shares), *read[1:])
    always = (f"{_ARROW}.shares:Sample", f"{_ARROW}.shares:Shares")
    yield _arrow(name, judged, f"{_ARROW}.selection:Selection", _TABLE, *always)
    if chosen.scope == "pupils":
        checks = (f"{_ARROW}.quality:PupilChecks", _TABLE, f"{_ARROW}.quarantine:CheckedMaker")
        yield _arrow("observations", (name,), *checks)


def _arrow_shares(chosen: _Chosen) -> Iterator[Step]:
    if chosen.is_sampled:
        yield _arrow("sample", (), "domain.splits:sample_range", _ROWS)
    if chosen.is_assigned:
        yield _arrow("assigned", (), f"{_ARROW}.shares:_numbered", _ROWS, f"{_ARROW}.shares:_by_assignment")
    if chosen.is_by_time:
        yield _times()


def _arrow_made(chosen: _Chosen) -> Iterator[Step]:
    """Yield the steps from observations on, be they selected by Arrow or by Spark."""
    if chosen.kind == "observations":
        ordered = (f"{_ARROW}.making:ObservationMaker", _TABLE, f"{_KERNEL}.whole_rows:order_rows")
        yield _arrow("prepared_observations", ("observations",), *ordered)
    else:
        yield from _arrow_sequences(chosen)
    if chosen.has_folds:
        name = "folded_observations" if chosen.kind == "observations" else "folded_sequences"
        unfolded = "prepared_observations" if chosen.kind == "observations" else "sequences"
        yield _arrow(name, (unfolded,), f"{_ARROW}.folds:FoldMaker", _TABLE)


def _arrow_sequences(chosen: _Chosen) -> Iterator[Step]:
    lists = ("lists",) if chosen.explodes else ()
    if chosen.explodes:
        kinds = (f"{_KERNEL}.lists:Lists", f"{_KERNEL}.lists:Arrays")
        yield _arrow("lists", ("observations",), f"{_KERNEL}.lists:load_lists", _ROWS, *kinds)
    yield _arrow("loaded_columns", ("observations", *lists), f"{_KERNEL}.loaded:LoadedColumns", _ROWS)
    signs = (f"{_KERNEL}.sequencing:_keys", f"{_KERNEL}.sequencing:_signs")
    yield _arrow("ordering", ("loaded_columns",), f"{_KERNEL}.ordering:Ordering", _ROWS, *signs)
    yield from _arrow_sessions(chosen)
    placed = "elements" if chosen.explodes else "sessions"
    if chosen.explodes:
        parts = (f"{_KERNEL}.exploding:Elements", _ROWS, f"{_KERNEL}.exploding:Ordered")
        yield _arrow("elements", ("sessions", "lists"), *parts)
    yield from _arrow_windows(chosen, placed)
    yield from _arrow_values(chosen, *(("elements",) if chosen.explodes else ()))
    arrays = ("windows", "loaded_columns", "feature_values", *(("elements",) if chosen.explodes else ()))
    yield _arrow("arrays", arrays, f"{_KERNEL}.gathering:Gatherer", _TABLE)
    plans = [f"{_KERNEL}.sequencing:Plan", *([f"{_KERNEL}.indexed:IndexedPlan"] if chosen.is_indexed else [])]
    yield _arrow("sequences", ("arrays",), f"{_KERNEL}.sequencing:plan_sequences", _TABLE, *plans)


def _arrow_sessions(chosen: _Chosen) -> Iterator[Step]:
    gaps = ("gaps",) if chosen.has_sessions else ()
    if gaps:
        yield _arrow("gaps", ("ordering",), f"{_KERNEL}.sessions:_follows_gap", _ROWS)
    context = ("times",) if chosen.has_context else ()
    if context:
        yield _times()
    yield _arrow("sessions", ("ordering", *gaps, *context), f"{_KERNEL}.sessions:sessions_of", _ROWS)


def _arrow_windows(chosen: _Chosen, placed: str) -> Iterator[Step]:
    if chosen.keeps_together:
        yield _arrow("windows", (placed,), f"{_KERNEL}.whole_windows:whole_windows", _ROWS)
        return
    context = ("windows_of_context",) if chosen.has_context else ()
    if context:
        yield _arrow(*context, (placed,), f"{_KERNEL}.windows:_of_context", _ROWS)
    yield _arrow("cuts", (placed, *context), f"{_KERNEL}.windows:cuts_of", _ROWS)
    yield _arrow("windows", (placed, "cuts"), f"{_KERNEL}.windows:windows_of", _ROWS)


def _arrow_values(chosen: _Chosen, *placed: str) -> Iterator[Step]:
    """Yield the steps that give features their values, and shape nothing else."""
    read = ("ordering", "loaded_columns", *placed)
    kinds = derivation_steps(chosen.derived, _DERIVED, read, "kernel")
    yield from kinds
    derived = ("derived_columns",) if kinds else ()
    if derived:
        names = (*read, *(kind.name for kind in kinds))
        parts = ("derived_columns", "column_of", "Histories", "Same")
        adding = (f"{_DERIVED}:{part}" for part in parts)
        yield step(*derived, names, *adding, type_=_ROWS, owner="kernel", columns=chosen.derived_columns)
    upstream = ("windows", *read[1:], *derived)
    yield step("feature_values", upstream, *_READING, type_=_TABLE, owner="kernel", columns=chosen.columns)


def _times() -> Step:
    """What tells subsets apart, and context: taken for both, and once."""
    return _arrow("times", ("share",), f"{_ARROW}.shares:Times", _ROWS)


def _arrow(name: str, upstream: tuple[str, ...], root: str, type_: str, *others: str) -> Step:
    owner = "kernel" if root.startswith("kernel.") else "selection"
    return step(name, upstream, root, *others, type_=type_, owner=owner)
