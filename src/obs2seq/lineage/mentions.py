"""What a definition mentions: names, attributes and annotations, gathered in one walk."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Mentions:
    """What stands in a piece of code; what is raised is passed over."""

    names: set[str] = field(default_factory=set)
    """Names that are read."""
    dotted: set[tuple[str, str]] = field(default_factory=set)
    """Names with the attribute that is read of them."""
    attributes: set[str] = field(default_factory=set)
    """All attributes, whatever they are read of."""
    annotations: set[str] = field(default_factory=set)
    """Names in annotations."""
    bound: set[str] = field(default_factory=set)
    """Names that are local, which hide those of the module."""


def mentions(*parts: ast.AST) -> Mentions:
    """Return what some pieces of code mention."""
    found = Mentions()
    for part in parts:
        _gather(part, found)
    return found


def _gather(node: ast.AST, found: Mentions) -> None:
    match node:
        case ast.Raise():
            return
        case ast.Name(id=name, ctx=ast.Load()):
            found.names.add(name)
            return
        case ast.Name(id=name):
            found.bound.add(name)
            return
        case ast.Attribute(value=value, attr=attribute):
            found.attributes.add(attribute)
            if isinstance(value, ast.Name):
                found.dotted.add((value.id, attribute))
        case ast.arg(arg=name):
            found.bound.add(name)
    for key in node._fields:
        inner: object = getattr(node, key, None)
        if isinstance(inner, ast.AST):
            (_gather_annotation if key in ("annotation", "returns") else _gather)(inner, found)
        elif isinstance(inner, list):
            for each in inner:
                if isinstance(each, ast.AST):
                    _gather(each, found)


def _gather_annotation(annotation: ast.AST, found: Mentions) -> None:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            found.annotations.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.annotations.add(node.value)
