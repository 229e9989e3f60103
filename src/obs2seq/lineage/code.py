"""Versions of code: what a function says and what it calls, whatever its comments, docstrings and layout."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.lineage.mentions import FUNCTIONS, Mentions, mentions
from obs2seq.lineage.modules import Definition, Symbol, methods, module, resolved

Entry = tuple[Symbol, str]
"""A table, and a key in it."""


def code_version(roots: Iterable[Symbol], others: Collection[Symbol] = (), entries: Iterable[Entry] = ()) -> str:
    """Return what stands for the code of some symbols, and of all that they reach within the package.

    Comments, docstrings, layout, the words of errors, and the module that something stands in do not count. What is
    called is found by name: functions, constants, and the methods of classes that anything reached names, or that a
    function is annotated with, or that are fields of these. Nothing is imported or run.

    Args:
        roots: Functions, methods, or classes with all of their methods.
        others: What counts elsewhere, and is not followed: functions, or whole classes.
        entries: What counts of tables: an entry by its key, or all of a table that is not written out. Names in it
            are not followed.
    """
    return fingerprint(*sorted({_text(symbol) for symbol in reached(roots, others)} | {*map(_entry_text, entries)}))


def reached(roots: Iterable[Symbol], others: Collection[Symbol] = ()) -> set[Symbol]:
    """Return the symbols and all that they reach within the package; see `code_version`."""
    waiting = [symbol for root in roots for symbol in (root, *_methods_of(root))]
    apart = set(others) - {symbol.owner for symbol in waiting}
    found: set[Symbol] = set()
    while waiting:
        symbol = waiting.pop()
        if symbol not in found and symbol not in apart and symbol.owner not in apart:
            found.add(symbol)
            waiting += _references(symbol)
        if not waiting:
            waiting += {each for each in _called_on(found) if each.owner not in apart} - found - apart
    return found


def _called_on(found: Collection[Symbol]) -> Iterator[Symbol]:
    """Yield the methods of classes that are named, wherever an attribute of that name is used."""
    used = {name for symbol in found for name in _attributes(symbol)}
    for class_ in found:
        yield from (Symbol(class_.module, f"{class_.name}.{name}") for name in sorted(_method_names(class_) & used))


@cache
def _attributes(symbol: Symbol) -> frozenset[str]:
    definition = _definition(symbol)
    return frozenset(mentions(definition).attributes) if isinstance(definition, FUNCTIONS) else frozenset()


def _definition(symbol: Symbol) -> Definition | None:
    where = module(symbol.module)
    return where.definition(symbol.name) if where else None


def _methods_of(symbol: Symbol) -> list[Symbol]:
    found = _definition(symbol)
    names = [each.name for each in methods(found)] if isinstance(found, ast.ClassDef) else []
    return [Symbol(symbol.module, f"{symbol.name}.{name}") for name in names]


@cache
def _text(symbol: Symbol) -> str:
    found = _definition(symbol)
    if isinstance(found, ast.ClassDef):
        own = [each for each in found.body if not isinstance(each, FUNCTIONS)]
        return f"{found.name} {_dump([*found.bases, *found.keywords, *own, *found.decorator_list])}"
    return _dump(found)


def _dump(node: object) -> str:
    """Write a tree in a form that is the same in every version of Python; what says nothing is left out."""
    match node:
        case ast.Raise():
            return "Raise"  # its words make no column
        case ast.Expr(value=ast.Constant(value=str())):
            return ""
        case ast.AST():
            parts = (f"{name}={_dump(getattr(node, name, None))}" for name in node._fields if _says(node, name))
            return f"{type(node).__name__}({','.join(parts)})"
        case list():
            return f"[{','.join(filter(None, map(_dump, node)))}]"
        case _:
            return repr(node)


def _says(node: ast.AST, name: str) -> bool:
    return getattr(node, name, None) not in (None, []) and name not in ("ctx", "kind", "type_comment")


def _entry_text(entry: Entry) -> str:
    table, key = entry
    value = getattr(_definition(table), "value", None)
    if not isinstance(value, ast.Dict):
        return _text(table)
    pairs = zip(value.keys, value.values, strict=True)
    return _dump([found for name, found in pairs if isinstance(name, ast.Constant) and name.value == key])


@cache
def _references(symbol: Symbol) -> tuple[Symbol, ...]:
    """Return what a definition refers to within the package."""
    found = _definition(symbol)
    if isinstance(found, ast.ClassDef):
        return tuple(_class_references(symbol, found))
    return tuple(_uses(symbol, mentions(found))) if found else ()


def _class_references(symbol: Symbol, found: ast.ClassDef) -> Iterator[Symbol]:
    """Who makes an object runs its special methods, and computes its defaults."""
    for each in methods(found):
        if each.name.startswith("__"):
            yield Symbol(symbol.module, f"{symbol.name}.{each.name}")
    values = [each.value for each in found.body if isinstance(each, ast.Assign | ast.AnnAssign) and each.value]
    yield from _named(symbol.module, mentions(*found.bases, *found.decorator_list, *values))


def _uses(symbol: Symbol, said: Mentions) -> Iterator[Symbol]:
    named = list(_named(symbol.module, said))
    yield from named
    annotated = (each for name in said.annotations for each in _annotated(symbol.module, name))
    for class_ in _in_reach((*named, *annotated, symbol.owner)):
        names = sorted(_method_names(class_) & said.attributes)
        yield from (Symbol(class_.module, f"{class_.name}.{name}") for name in names)


def _named(where: str, said: Mentions) -> Iterator[Symbol]:
    """Yield the symbols that names, and names in modules, stand for."""
    for name in said.names - said.bound:
        if isinstance(meant := resolved(where, name), Symbol):
            yield meant
    for name, attribute in said.dotted:
        there = None if name in said.bound else resolved(where, name)
        if isinstance(there, str) and isinstance(meant := resolved(there, attribute), Symbol):
            yield meant


@cache
def _annotated(where: str, name: str) -> tuple[Symbol, ...]:
    """Return the class of a name in an annotation, or all of the union that it stands for."""
    meant = resolved(where, name)
    if not isinstance(meant, Symbol):
        return ()
    found = _definition(meant)
    inner = mentions(found).names if isinstance(found, ast.Assign) else ()
    parts = (resolved(meant.module, each) for each in inner)
    return (meant, *(each for each in parts if isinstance(each, Symbol)))


def _in_reach(start: Iterable[Symbol]) -> set[Symbol]:
    """Return the classes whose methods may be meant: those to start with, and those of their fields."""
    reach: set[Symbol] = set()
    waiting = [each for each in start if isinstance(_definition(each), ast.ClassDef)]
    while waiting:
        class_ = waiting.pop()
        if class_ not in reach:
            reach.add(class_)
            waiting += _neighbours(class_)
    return reach


@cache
def _neighbours(class_: Symbol) -> tuple[Symbol, ...]:
    """Return the classes of a class's fields and of what its methods give, its bases, and those derived beside it."""
    found = _definition(class_)
    assert isinstance(found, ast.ClassDef), "only classes are asked for"
    names = mentions(found).annotations | mentions(*found.bases).names
    near = [each for name in names for each in _annotated(class_.module, name)]
    return tuple(each for each in (*near, *_derived(class_)) if isinstance(_definition(each), ast.ClassDef))


@cache
def _method_names(class_: Symbol) -> frozenset[str]:
    found = _definition(class_)
    return frozenset(each.name for each in methods(found)) if isinstance(found, ast.ClassDef) else frozenset()


def _derived(class_: Symbol) -> list[Symbol]:
    where = module(class_.module)
    classes = [each for each in where.definitions.values() if isinstance(each, ast.ClassDef)] if where else []
    bases = {each.name: {base.id for base in each.bases if isinstance(base, ast.Name)} for each in classes}
    return [Symbol(class_.module, name) for name, own in bases.items() if class_.name in own]
