"""The package's own source as syntax trees: what a module defines, and what its names mean. Nothing is imported."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

PACKAGE = "obs2seq"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Symbol:
    """A function, class or constant of a module, or a method of a class (`Class.method`)."""

    module: str
    name: str

    @property
    def owner(self) -> Symbol:
        """The class of a method; else the symbol itself."""
        return Symbol(self.module, self.name.partition(".")[0])

    @classmethod
    def of(cls, text: str) -> Symbol:
        """Read `module:name`, the module without the package's name."""
        module, _, name = text.partition(":")
        return cls(f"{PACKAGE}.{module}", name)


@dataclass(frozen=True)
class Module:
    """What one module defines and imports."""

    name: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name here → what it is imported from, and its name there."""

    def definition(self, name: str) -> Definition | None:
        """Return a top-level definition, or a method by `Class.method`."""
        owner, _, method = name.partition(".")
        found = self.definitions.get(owner)
        if not method or not isinstance(found, ast.ClassDef):
            return None if method else found
        return next((each for each in methods(found) if each.name == method), None)


def methods(class_: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return a class's own methods."""
    return [each for each in class_.body if isinstance(each, _FUNCTION)]


@cache
def module(name: str) -> Module | None:
    """Return a module of the package, from its source wherever that lies; None where there is no such source."""
    source = _source(name)
    if source is None:
        return None
    found = Module(name)
    tree = ast.parse(source)
    for statement in _statements(tree.body):
        for defined in _names(statement):
            found.definitions[defined] = statement  # type: ignore[assignment]  # what has names is a definition
    for node in _imports(tree.body):
        for alias in node.names:
            found.imports[alias.asname or alias.name] = (node.module or "", alias.name)
    return found


def resolved(where: str, name: str) -> Symbol | str | None:
    """Return what a name means in a module: a symbol, a module's name, or None where it is not the package's."""
    seen: set[tuple[str, str]] = set()
    while (where, name) not in seen and (here := module(where)) is not None:
        if name in here.definitions:
            return Symbol(where, name)
        if name not in here.imports:
            inner = f"{where}.{name}"
            return inner if seen and module(inner) is not None else None
        seen.add((where, name))
        where, name = here.imports[name]
    return None


def _source(name: str) -> bytes | None:
    path = "/".join(name.split(".")[1:])
    for candidate in (f"{path}.py", f"{path}/__init__.py".lstrip("/")):
        try:
            content = pkgutil.get_data(PACKAGE, candidate)
        except OSError:
            continue
        if content is not None:
            return content
    return None


def _imports(body: list[ast.stmt]) -> Iterator[ast.ImportFrom]:
    """Yield the imports from the package, wherever they stand in a module."""
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == PACKAGE:
            yield statement
        for block in ("body", "orelse", "finalbody"):
            yield from _imports(getattr(statement, block, []))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those below an `if` or a `try` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements([*statement.body, *statement.orelse])


def _names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            parts = [part for target in statement.targets for part in ast.walk(target)]
            return [part.id for part in parts if isinstance(part, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []
