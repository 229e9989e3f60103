"""What changed between two runs: which columns, and whether settings, code or input are why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from obs2seq.domain.lineage import Lineage, StepVersion
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.splits import FOLD

_OF_FILES = ("output_format", "compression")
"""Settings that shape files, and no value in them."""
_APART = ("specification", "columns", "folds", "vocabularies", "max_quarantined_share", *_OF_FILES)
_ENGINES = ("spark", "arrow", "athena")
_ABSENT = "none"
_EMPTY: tuple[object, ...] = (None, [], {})


@dataclass(frozen=True)
class Changes:
    """What sets one run apart from another."""

    columns: Mapping[str, tuple[str, ...]]
    """Each column that may hold other values, with the reasons."""
    notes: tuple[str, ...]
    """What differs and is no column's alone."""

    def __bool__(self) -> bool:
        return bool(self.columns or self.notes)


def changes(first: Manifest, second: Manifest) -> Changes:
    """Return which columns changed from one run to another, and why; values are not looked at."""
    everywhere = (*_global_settings(first, second), *_input(first, second))
    found: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys((*first.columns, *second.columns)):
        if reasons := (*_shape(name, first, second), *_reasons(name, first, second, everywhere)):
            found[name] = reasons
    return Changes(found, tuple(_notes(first, second)))


def _reasons(name: str, first: Manifest, second: Manifest, everywhere: tuple[str, ...]) -> Iterator[str]:
    if name in first.columns and name in second.columns:
        yield from everywhere
        yield from _own_settings(name, first, second)
        yield from _code(name, first, second)


def _shape(name: str, first: Manifest, second: Manifest) -> Iterator[str]:
    before, after = first.columns.get(name), second.columns.get(name)
    if before is None or after is None:
        yield "new" if before is None else "gone"
    elif before != after:
        yield f"type: {before} → {after}"


def _global_settings(first: Manifest, second: Manifest) -> Iterator[str]:
    """Yield the settings that differ and shape every column."""
    for part, apart in ((lambda run: run.settings, _APART), (_specification, ("features",))):
        before, after = part(first), part(second)
        for key in sorted(before.keys() | after.keys()):
            if key not in apart and _differ(before.get(key), after.get(key)):
                yield _setting(key, before.get(key), after.get(key))
    for key in _differing_expressions(first, second):
        if any(_is_key(key, run) or _filters_by(key, run) for run in (first, second)):
            yield _expression(key, first, second)


def _own_settings(name: str, first: Manifest, second: Manifest) -> Iterator[str]:
    """Yield the settings that differ and shape one array."""
    if name == FOLD and first.settings.get("folds") != second.settings.get("folds"):
        yield _setting("folds", first.settings.get("folds"), second.settings.get("folds"))
    before, after = (_features(run).get(name, {}) for run in (first, second))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield _setting(f"features.{before.get('name', name)}.{key}", before.get(key), after.get(key))
    yield from _vocabulary(first, second, {_read(each) for each in (before, after) if each.get("encode")})
    read = {_read(feature) for feature in (before, after) if feature}
    for key in _differing_expressions(first, second):
        is_everywhere = any(_is_key(key, run) or _filters_by(key, run) for run in (first, second))
        if key in read and not is_everywhere:
            yield _expression(key, first, second)


def _vocabulary(first: Manifest, second: Manifest, encoded: set[str]) -> Iterator[str]:
    before, after = (run.settings.get("vocabularies") or {} for run in (first, second))
    for key in sorted(encoded):
        if before.get(key) != after.get(key):
            yield _setting(f"vocabularies.{key}", before.get(key), after.get(key))


def _code(name: str, first: Manifest, second: Manifest) -> Iterator[str]:
    before, after = first.lineage, second.lineage
    if _engine(first) != _engine(second):
        yield f"engine: {_engine(first)} → {_engine(second)}"
    elif before is None or after is None:
        if first.versions.get("obs2seq") != second.versions.get("obs2seq"):
            yield "code: not known, a run was made before versions were kept"
    elif _version(before, name) != _version(after, name):
        yield from _steps(before, after, name, has_chosen=_has_chosen(first, second))


def _has_chosen(first: Manifest, second: Manifest) -> bool:
    """Whether it is settings that lead through other steps, or other ways to take them: what they shape is told."""
    is_same = first.versions.get("obs2seq") == second.versions.get("obs2seq")
    return is_same and first.settings != second.settings


def _steps(before: Lineage, after: Lineage, name: str, *, has_chosen: bool) -> Iterator[str]:
    old, new = (_upstream(each, name) for each in (before, after))
    changed = sorted(step for step in old & new if _has_changed(before.steps[step], after.steps[step], has_chosen))
    if changed:
        yield f"code: {', '.join(changed)}"
    if has_chosen:
        return
    for steps, words in ((new - old, "steps taken now"), (old - new, "steps taken no longer")):
        if steps:
            yield f"{words}: {', '.join(sorted(steps))}"
    if not changed and old == new:
        yield "code: the same steps read each other otherwise"


def _upstream(lineage: Lineage, name: str) -> set[str]:
    column = lineage.columns[name]
    return set(lineage.upstream_of(column.step, column.without))


def _has_changed(before: StepVersion, after: StepVersion, has_chosen: bool) -> bool:
    is_same_way = before.functions == after.functions or not has_chosen
    return is_same_way and before.code != after.code


def _input(first: Manifest, second: Manifest) -> Iterator[str]:
    if first.input != second.input:
        before, after = (f"{run.input.files} files, {run.input.bytes:,} bytes" for run in (first, second))
        is_told = before != after
        where = "" if first.input.location == second.input.location else f" at {second.input.location}"
        yield f"input: {before} → {after}{where}" if is_told else f"input: other files of the same size{where}"


def _notes(first: Manifest, second: Manifest) -> Iterator[str]:
    for key in _OF_FILES:
        before, after = first.settings.get(key), second.settings.get(key)
        if before != after:
            yield f"files only: {_setting(key, before, after)}"
    ties = sorted(_ties(first) ^ _ties(second) | (_ties(first) & set(_differing_expressions(first, second))))
    if ties:
        yield f"observations that tie on order_by may stand in another order: features read {', '.join(ties)} otherwise"


def _specification(run: Manifest) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.settings.get("specification", {})
    return found


def _features(run: Manifest) -> dict[str, Mapping[str, Any]]:
    return {f"{feature['name']}_sequence": feature for feature in _specification(run).get("features", [])}


def _read(feature: Mapping[str, Any]) -> str:
    """Return the column that a feature reads; of what is derived from the order alone, none."""
    is_made = feature.get("derive") or feature.get("encode")
    return str((feature.get("of") or "") if is_made else feature["column"])


def _ties(run: Manifest) -> set[str]:
    read = set(filter(None, map(_read, _features(run).values())))
    return read - set(_specification(run).get("order_by", [])) - {str(_specification(run).get("pupil"))}


def _differing_expressions(first: Manifest, second: Manifest) -> list[str]:
    before, after = (run.settings.get("columns", {}) for run in (first, second))
    return [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]


def _is_key(column: str, run: Manifest) -> bool:
    spec = _specification(run)
    return run.kind == "observations" or column in (spec.get("pupil"), *spec.get("order_by", []))


def _filters_by(column: str, run: Manifest) -> bool:
    words = rf"(?<!\w){re.escape(column.lower())}(?!\w)"
    told = [run.settings.get("row_filter") or "", *run.settings.get("rules", ())]
    return any(re.search(words, str(each).lower()) for each in told)


def _expression(key: str, first: Manifest, second: Manifest) -> str:
    before, after = (run.settings.get("columns", {}).get(key) for run in (first, second))
    return _setting(f"columns.{key}", before, after)


def _differ(before: object, after: object) -> bool:
    """Whether two values of a setting differ; one that is empty is none."""
    return before != after and not (before in _EMPTY and after in _EMPTY)


def _setting(key: str, before: object, after: object) -> str:
    told = [_ABSENT if value in _EMPTY else str(value) for value in (before, after)]
    return f"settings: {key} {told[0]} → {told[1]}"


def _engine(run: Manifest) -> str:
    return next((name for name in _ENGINES if name in run.versions), "unknown")


def _version(lineage: Lineage, column: str) -> str | None:
    return lineage.columns[column].version if column in lineage.columns else None
