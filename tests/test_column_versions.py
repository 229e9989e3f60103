"""Which change of code gives which columns another version, by what a job takes of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from obs2seq.bootstrap.jobs import job
from obs2seq.bootstrap.lineage import graph
from obs2seq.lineage import code, engines, modules
from obs2seq.lineage import graph as lineage_graph
from obs2seq.lineage.changes import changes
from obs2seq.lineage.columns import output_columns
from obs2seq.lineage.graph import Graph
from obs2seq.settings import Settings
from tests.test_changes import a_run

Told = dict[str, Any]
Change = Callable[[str, str, str], None]

BOOKKEEPING = {
    "pupilid",
    "session_index",
    "sequence_index",
    "first_position",
    "n_observations",
    "is_pad_sequence",
    "is_new_sequence",
}
SKILL = {"name": "skill", "column": "skill", "pad": 0}
DERIVED: Told = {
    "features": [
        SKILL,
        {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": 0.0},
        {"name": "since", "derive": "seconds_since_same", "of": "skill", "pad": 0.0},
        {"name": "place", "derive": "position", "pad": 0},
    ]
}
SHARE, SINCE = {"share_sequence"}, {"since_sequence"}
ALL_DERIVED = {*SHARE, *SINCE, "place_sequence"}
FEATURES = {"skill_sequence", *ALL_DERIVED}
ALL = BOOKKEEPING | FEATURES
RULE: Told = {"rules": [{"name": "r", "kind": "not_null", "column": "skill", "severity": "warn"}]}
SESSIONS: Told = {"session_gap_seconds": 60.0}
EXPLODED: Told = {"explode": "skill"}
ENCODED: Told = {"features": [{"name": "skill", "column": "skill", "encode": "vocabulary"}, *DERIVED["features"][1:]]}
BY_TIME: Told = {"subset_method": "time", "split_times": {"validation": 5, "test": 6}, "split_context": True}
JOBS: dict[str, Told] = {
    "plain": {"features": [SKILL]},
    "derived": DERIVED,
    "rule": RULE,
    "rule over pupils": {"rules": [{"name": "r", "kind": "max_per_pupil", "most": 9, "severity": "warn"}]},
    "sessions": SESSIONS,
    "exploded": EXPLODED,
    "exploded in sessions": {**EXPLODED, **SESSIONS},
    "encoded": ENCODED,
    "by time": BY_TIME,
    "stratified": {"subset_method": "stratified"},
    "columns": {"columns": {"skill": "lower(skill)"}},
    "filter": {"row_filter": "skill > 1"},
    "overlapping": {"stride": 5},
    "folds": {"folds": 3},
    "sample": {"stage": "development", "development_share": 0.5},
    "duplicates": {"duplicates": "drop"},
    "observations": {"output": "observations"},
}
ENGINES: list[Told] = [{"engine": "arrow"}, {"engine": "spark"}, {"engine": "spark", "execution": "arrow"}]
WHICH = ["arrow", "spark", "tasks"]


def settings(told: Told) -> Settings:
    return Settings(**{"mode": "local", "sequence_length": 20, **told})


def versions(told: Told) -> dict[str, str]:
    chosen = settings(told)
    found = graph(chosen)
    return {each.name: found.version_of(each.name) for each in output_columns(job(chosen), chosen.output)}


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Iterator[Change]:
    """Changes the package's source, as it is read for versions."""
    get_data = modules.pkgutil.get_data
    edits: list[tuple[str, bytes, bytes]] = []

    def changed(package: str, path: str) -> bytes | None:
        content = get_data(package, path)
        for where, old, new in edits:
            if path == where and content is not None:
                assert old in content, f"{old!r} is not in {path}"
                content = content.replace(old, new)
        return content

    def edit(path: str, old: str, new: str) -> None:
        edits.append((path, old.encode(), new.encode()))
        forget()

    monkeypatch.setattr(lineage_graph, "remembered", lambda _, compute: compute())
    monkeypatch.setattr(modules.pkgutil, "get_data", changed)
    forget()
    yield edit
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Let everything be read anew."""
    for name in ("_text", "_attributes", "_references", "_annotated", "_neighbours", "_method_names"):
        getattr(code, name).cache_clear()
    modules.module.cache_clear()
    engines._arrow_graph.cache_clear()


def differing(change: Change, told: Told, path: str, old: str, new: str) -> set[str]:
    """Return the columns that have another version once the source is another."""
    before = versions(told)
    change(path, old, new)
    after = versions(told)
    return {name for name in before if before[name] != after[name]}


ARROW: Told = {"engine": "arrow"}
SPARK: Told = {"engine": "spark"}
SHARE_IN_KERNEL = ("kernel/derived.py", "(answers > 0)", "(answers > 1)")
SHARE_IN_FLOW = ("flow/derived.py", "else past.value > 0", "else past.value > 1")
GAP = ("kernel/sessions.py", "is_valid[1:] & is_valid[:-1]", "is_valid[1:]")
LISTS = ("kernel/lists.py", "np.maximum(_lengths(chunks), 1)", "np.maximum(_lengths(chunks), 2)")


@pytest.mark.parametrize(
    ("told", "edit", "expected"),
    [
        (ARROW | DERIVED, SHARE_IN_KERNEL, SHARE),
        (SPARK | DERIVED, SHARE_IN_FLOW, SHARE),
        (SPARK | DERIVED | {"execution": "arrow"}, SHARE_IN_KERNEL, SHARE),
        (ARROW | DERIVED | EXPLODED, SHARE_IN_KERNEL, SHARE),
        (SPARK | DERIVED | EXPLODED, SHARE_IN_FLOW, SHARE),
        (ARROW | DERIVED | {"layout": "indexed"}, SHARE_IN_KERNEL, SHARE),
        (ARROW | DERIVED, ("kernel/derived.py", "seconds / per_unit", "seconds * per_unit"), SINCE),
        (SPARK | DERIVED, ("flow/derived.py", "F.coalesce(exact, rounded)", "F.coalesce(rounded)"), SINCE),
        (ARROW | DERIVED, ("kernel/derived.py", "spread[history.rows] = values", "spread[:] = values"), ALL_DERIVED),
        (
            ARROW | DERIVED,
            ("kernel/derived.py", "function.__name__: function", "function.__doc__: function"),
            ALL_DERIVED,
        ),
        (ARROW | DERIVED, ("domain/derived.py", '        "share",\n', '        "parts",\n'), SHARE),
        (SPARK | DERIVED, ("domain/derived.py", '        "share",\n', '        "parts",\n'), SHARE),
        (ARROW | DERIVED, ("kernel/gathering.py", "position + shift", "position - shift"), FEATURES),
        (ARROW | DERIVED, ("kernel/pads.py", "days * 86_400_000", "days * 86_400"), FEATURES),
        (SPARK | DERIVED, ("flow/histories.py", "F.lead(key,", "F.lag(key,"), FEATURES),
    ],
)
def test_values_change_the_columns_that_hold_them(
    change: Change, told: Told, edit: tuple[str, str, str], expected: set[str]
) -> None:
    assert differing(change, told, *edit) == expected


@pytest.mark.parametrize(
    ("told", "edit"),
    [
        (ARROW, SHARE_IN_KERNEL),
        (SPARK, SHARE_IN_FLOW),
        (SPARK, ("flow/derived.py", "place_in_history", "place_in_the_history")),
        (ARROW, ("kernel/derived.py", "spread[history.rows] = values", "spread[:] = values")),
        (ARROW, GAP),
        (SPARK, ("flow/sessions.py", "_MOST_DIGITS = 38", "_MOST_DIGITS = 37")),
        (ARROW, ("kernel/lists.py", "_CODE_BYTES = 4", "_CODE_BYTES = 8")),
        (ARROW, ("kernel/exploding.py", "marks[self.starts[:-1]] = 0", "marks[self.starts[:-1]] = 2")),
        (ARROW, ("kernel/whole_windows.py", "np.", "numpy.")),
        (ARROW, ("kernel/windows.py", "np.maximum(kept - others, 0)", "np.maximum(kept - others, 1)")),
        (ARROW, ("warehouses/arrow/encoding.py", "UNKNOWN", "NULL")),
        (ARROW, ("warehouses/arrow/quality.py", "np.", "numpy.")),
        (ARROW, ("warehouses/arrow/expressions/casts.py", "_PLAIN_SCALE", "_SCALE")),
        (ARROW, ("warehouses/arrow/split_times.py", "self.", "this.")),
        (ARROW, ("warehouses/arrow/shares.py", "subsets.get(text, _UNKNOWN)", "subsets.get(text, _OTHER)")),
        (SPARK, ("flow/quality.py", "F.", "functions.")),
        (SPARK, ("flow/vocabularies.py", "F.", "functions.")),
        (SPARK, ("flow/exploding.py", "F.", "functions.")),
    ],
)
def test_what_a_job_does_not_take_counts_for_none_of_its_columns(
    change: Change, told: Told, edit: tuple[str, str, str]
) -> None:
    assert differing(change, told, *edit) == set()


@pytest.mark.parametrize(
    ("told", "edit"),
    [
        (ARROW | SESSIONS, GAP),
        (SPARK | SESSIONS, ("flow/sessions.py", "_MOST_DIGITS = 38", "_MOST_DIGITS = 37")),
        (ARROW | EXPLODED, ("kernel/lists.py", "_CODE_BYTES = 4", "_CODE_BYTES = 8")),
        (ARROW | EXPLODED, ("kernel/exploding.py", "self._sizes - 1", "self._sizes - 2")),
        (ARROW | BY_TIME, ("kernel/windows.py", "np.maximum(kept - others, 0)", "np.maximum(kept - others, 1)")),
        (
            ARROW | BY_TIME,
            ("warehouses/arrow/split_times.py", "    def is_before(self, ", "    def is_before(self, _, "),
        ),
        (ARROW | DERIVED, ("warehouses/arrow/membership.py", "    def of(self, ", "    def of(self, _, ")),
        (ARROW | RULE, ("warehouses/arrow/quality.py", "np.", "numpy.")),
        (ARROW | RULE, ("warehouses/arrow/expressions/casts.py", "_PLAIN_SCALE", "_SCALE")),
        (ARROW | JOBS["columns"], ("warehouses/arrow/expressions/casts.py", "_PLAIN_SCALE", "_SCALE")),
        (ARROW | JOBS["filter"], ("warehouses/arrow/expressions/casts.py", "_PLAIN_SCALE", "_SCALE")),
        (ARROW | ENCODED, ("warehouses/arrow/encoding.py", "UNKNOWN", "NULL")),
        (
            ARROW | JOBS["stratified"],
            ("warehouses/arrow/shares.py", "subsets.get(text, _UNKNOWN)", "subsets.get(text, _OTHER)"),
        ),
        (SPARK | RULE, ("flow/quality.py", "F.", "functions.")),
        (SPARK | ENCODED, ("flow/vocabularies.py", "F.", "functions.")),
        (SPARK | EXPLODED, ("flow/exploding.py", "F.posexplode", "F.posexplode_outer")),
        (SPARK | DERIVED, ("flow/derived.py", "place_in_history", "place_in_the_history")),
        (ARROW | DERIVED, ("kernel/ordering.py", "_BITS", "_NUMBER")),
        (ARROW | DERIVED, ("kernel/windows.py", "sessions.length <= length", "sessions.length < length")),
        (ARROW | DERIVED, ("kernel/sequencing.py", "windows.n_new.sum()", "windows.n_new.max()")),
        (ARROW | DERIVED, ("kernel/gathering.py", "step >= n - n_new", "step > n - n_new")),
        (SPARK | DERIVED, ("flow/sequences.py", "F.array_repeat(zero, n - n_new)", "F.array_repeat(one, n - n_new)")),
        (SPARK | DERIVED, ("flow/selection.py", "~F.coalesce(keep, F.lit(False))", "~keep")),
    ],
)
def test_what_shapes_rows_counts_for_every_column(change: Change, told: Told, edit: tuple[str, str, str]) -> None:
    before = set(versions(told))

    assert differing(change, told, *edit) == before


def test_a_derivation_that_calls_another_changes_with_it(change: Change) -> None:
    change("kernel/derived.py", '"""Read the hour off the zone\'s clock."""', "weekday(feature, history)")
    told = ARROW | {"features": [SKILL, {"name": "hour", "derive": "hour_of_day", "time_zone": "UTC", "pad": 0}]}

    assert differing(change, told, "kernel/derived.py", "(seconds // DAY_S + 3)", "(seconds // DAY_S)") == {
        "hour_sequence"
    }


@pytest.mark.parametrize("engine", ENGINES, ids=WHICH)
def test_the_code_of_a_step_hangs_on_no_setting(engine: Told) -> None:
    seen: dict[tuple[object, ...], set[str]] = {}
    for told in JOBS.values():
        found = graph(settings(told | engine))
        for name, step in found.steps.items():
            seen.setdefault((name, step.roots), set()).add(found.code[name])

    assert {step: codes for step, codes in seen.items() if len(codes) > 1} == {}


@pytest.mark.parametrize("engine", ENGINES, ids=WHICH)
@pytest.mark.parametrize("name", JOBS)
def test_code_that_one_step_leaves_to_another_counts_for_its_columns(engine: Told, name: str) -> None:
    """What is passed over in one step is another's that the same columns rest on, or no job of the kind takes it."""
    chosen = settings(JOBS[name] | engine)
    found = graph(chosen)
    owners = {root: step for step in found.steps.values() for root in step.roots}

    for column in (each.name for each in output_columns(job(chosen), chosen.output)):
        path = found.path_to_column(column)
        for step in path.steps.values():
            passed = code.reached(step.roots, ()) & owners.keys()
            for root in passed - {*step.roots} - step.beside:
                assert owners[root].name in path.steps or column not in (owners[root].columns or ()), (step.name, root)


def with_graph(found: Graph, told: Told) -> Any:
    columns = {each.name: each.type for each in output_columns(job(settings(told)), "sequences")}
    run = a_run(lineage=found.lineage(columns), columns=columns)
    run.settings.clear()
    run.settings.update(job(settings(told)).shape())
    return run


@pytest.mark.parametrize("engine", ENGINES, ids=WHICH)
@pytest.mark.parametrize("name", [name for name in JOBS if name not in ("plain", "observations")])
def test_settings_alone_are_never_told_to_be_code(engine: Told, name: str) -> None:
    runs = [
        with_graph(graph(settings(told)), told)
        for told in (JOBS["plain"] | engine, JOBS["plain"] | JOBS[name] | engine)
    ]

    reasons = {reason for column in changes(*runs).columns.values() for reason in column}

    assert reasons
    assert not [reason for reason in reasons if not reason.startswith(("settings:", "new", "type:"))]
    assert not [reason for reason in reasons if "none → {}" in reason or "none → []" in reason]


def test_code_is_told_beside_settings_where_it_differs(change: Change) -> None:
    told = ARROW | JOBS["plain"]
    first = with_graph(graph(settings(told)), told)
    change("kernel/windows.py", "sessions.length <= length", "sessions.length < length")

    second = with_graph(graph(settings(told | RULE)), told | RULE)

    rule, cuts = changes(first, second).columns["pupilid"]
    assert rule.startswith("settings: rules none → ")
    assert cuts == "code: cuts"
