"""The computation as a graph of steps, and the version of each."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.lineage import ColumnVersion, Lineage, StepVersion
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError
from obs2seq.lineage.code import code_version
from obs2seq.lineage.modules import Symbol, module
from obs2seq.lineage.remembering import remembered


@dataclass(frozen=True)
class Step:
    """One step of a computation."""

    name: str
    meaning: str
    upstream: tuple[str, ...]
    """The steps and inputs that it reads, in its own order."""
    roots: tuple[Symbol, ...]
    """The functions and classes that carry it out."""
    type: str = ""
    unit: str = ""
    owner: str = ""
    columns: frozenset[str] | None = None
    """The columns of the output that it gives values to, where it does nothing else; None: it counts for all."""
    beside: frozenset[Symbol] = frozenset()
    """What stands for other steps, and counts here too where it is called: no step upstream has it."""
    entries: tuple[tuple[Symbol, str], ...] = ()
    """What counts of tables, by key."""


@dataclass(frozen=True)
class Graph:
    """All steps from the input to one output.

    Args:
        engine: What carries them out, for people.
        steps: Each after those that it reads.
        output: The step that makes the output's columns.
        others: What stands for steps that are not among these: those that the job does not take, and, in a part of
            a graph, those of the whole. It counts for none of these, so no step's code hangs on which others there are.
        added: The columns that the output's step adds to those of the first step that it reads; none: it makes all.
    """

    engine: str
    steps: Mapping[str, Step]
    output: str
    others: frozenset[Symbol] = frozenset()
    added: frozenset[str] = frozenset()

    def maker_of(self, column: str) -> str:
        """Return the step that makes a column of the output."""
        is_made_here = not self.added or column in self.added
        return self.output if is_made_here else self.steps[self.output].upstream[0]

    @property
    def inputs(self) -> list[str]:
        """What is read and is no step, in the order in which it is read."""
        read = (name for step in self.steps.values() for name in step.upstream)
        return [name for name in dict.fromkeys(read) if name not in self.steps]

    @cached_property
    def code(self) -> Mapping[str, str]:
        """For each step, what stands for its own code: what it calls, but for what another step stands for."""
        told = {
            name: [sorted(map(_said, part)) for part in (step.roots, step.beside)]
            + [[*_said(table), key] for table, key in step.entries]
            for name, step in self.steps.items()
        }
        return remembered([told, sorted(map(_said, self._roots))], self._code)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """For each step, what stands for its code and for that of all steps upstream of it."""
        return self._versions(())

    def version_of(self, column: str) -> str:
        """Return what stands for the code of a column of the output, and of all upstream of it."""
        return self._versions(self.without(column))[self.maker_of(column)]

    def without(self, column: str) -> tuple[str, ...]:
        """Return the steps that give values to other columns alone."""
        steps = self.steps.items()
        return tuple(name for name, step in steps if step.columns is not None and column not in step.columns)

    def path_to(self, name: str) -> Graph:
        """Return a step with all that it rests on; raise `ConfigurationError` where there is none of the name."""
        if name not in self.steps:
            raise ConfigurationError("option --to", f"expected a step, found '{name}'", nearest(name, self.steps))
        wanted = set(self.lineage(()).upstream_of(name))
        steps = {each: step for each, step in self.steps.items() if each in wanted}
        return Graph(self.engine, steps, name, self._roots)

    def path_to_column(self, column: str) -> Graph:
        """Return what a column of the output rests on, without what gives values to others alone."""
        without, maker = self.without(column), self.maker_of(column)
        wanted = self.lineage(()).upstream_of(maker, without)
        steps = {
            name: replace(step, upstream=tuple(each for each in step.upstream if each not in without))
            for name, step in self.steps.items()
            if name in wanted
        }
        return Graph(self.engine, steps, maker, self._roots)

    def lineage(self, columns: Iterable[str]) -> Lineage:
        """Return what a manifest says of the columns of the output."""
        return Lineage(
            steps={name: self._step_version(name) for name in self.steps},
            columns={column: self._column_version(column) for column in columns},
        )

    def _step_version(self, name: str) -> StepVersion:
        step = self.steps[name]
        functions = tuple(root.name for root in step.roots)
        return StepVersion(code=self.code[name], upstream=step.upstream, functions=functions)

    def _column_version(self, column: str) -> ColumnVersion:
        without = self.without(column)
        return ColumnVersion(version=self.version_of(column), step=self.maker_of(column), without=without)

    def _versions(self, without: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, step in self.steps.items():
            read = (found.get(each, each) for each in step.upstream if each not in without)
            found[name] = fingerprint(self.code[name], *read)
        return found

    def _code(self) -> dict[str, str]:
        return {
            name: code_version(step.roots, self._roots - {*step.roots} - step.beside, step.entries)
            for name, step in self.steps.items()
        }

    @property
    def _roots(self) -> frozenset[Symbol]:
        return self.others.union(*(step.roots for step in self.steps.values()))


def step(
    name: str,
    upstream: Collection[str],
    *roots: str,
    type_: str = "",
    owner: str = "",
    columns: frozenset[str] | None = None,
) -> Step:
    """Return a step that means what the first of its roots, `module:name`, says in its docstring."""
    symbols = tuple(map(Symbol.of, roots))
    return Step(name, meaning_of(symbols[0]), tuple(upstream), symbols, type=type_, owner=owner, columns=columns)


def graph(engine: str, steps: Iterable[Step], added: Collection[str] = (), others: Collection[Symbol] = ()) -> Graph:
    """Return the graph of steps in order, of which the last makes the output, or adds some columns to it."""
    known = {each.name: each for each in steps}
    return Graph(engine, known, list(known)[-1], frozenset(others), frozenset(added))


def _said(symbol: Symbol) -> list[str]:
    return [symbol.module, symbol.name]


def meaning_of(symbol: Symbol) -> str:
    """Return the first sentence of a docstring, without its full stop; empty where there is none."""
    where = module(symbol.module)
    found = where.definition(symbol.name) if where else None
    if not isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ""
    return first_sentence(ast.get_docstring(found))


def first_sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring up to its first full stop, as one line."""
    paragraph = " ".join((text or "").strip().split("\n\n")[0].split())
    return paragraph.split(". ")[0].removesuffix(".")
