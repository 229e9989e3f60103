"""A graph of steps as DOT, as SVG where Graphviz is installed, and as text."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from obs2seq.errors import ConfigurationError
from obs2seq.lineage.graph import Graph

_FONT = 'fontname="Helvetica,Arial,sans-serif"'
_GRAPH = ("rankdir=TB", "ranksep=0.35", "nodesep=0.25", _FONT)
_STEP = f'shape=box, style="rounded,filled", fillcolor="#eef3fb", color="#4a6fa5", fontsize=11, {_FONT}'
_INPUT = 'style=dashed, color="#7a869a"'
_COLUMN = 'shape=plain, style=""'
_EDGE = 'color="#7a869a", arrowsize=0.7'


def dot(graph: Graph, columns: Sequence[str] = ()) -> str:
    """Return the graph in the DOT language: inputs dashed, steps as boxes, and the output's columns."""
    lines = [f"digraph {_quoted(graph.engine)} {{", *(f"  {each};" for each in _GRAPH)]
    lines += [f"  node [{_STEP}];", f"  edge [{_EDGE}];"]
    lines += [f"  {_labelled(name)}, {_INPUT}];" for name in graph.inputs]
    for name, step in graph.steps.items():
        lines.append(f"  {_labelled(name)}, tooltip={_quoted(f'{step.meaning} ({graph.versions[name]})')}];")
    lines += [
        f"  {_quoted(above)} -> {_quoted(name)};" for name, step in graph.steps.items() for above in step.upstream
    ]
    for column in columns:
        lines.append(f"  {_labelled(column, f'column {column}')}, {_COLUMN}];")
        lines.append(f"  {_quoted(graph.maker_of(column))} -> {_quoted(f'column {column}')};")
    return "\n".join((*lines, "}")) + "\n"


def svg(text: str) -> str:
    """Lay out what `dot` gave; raise `ConfigurationError` where Graphviz is not installed."""
    try:
        import pygraphviz
    except ImportError as error:
        hint = "pip install 'obs2seq[lineage]', or choose a file that ends in .dot or .txt"
        raise ConfigurationError("lineage", "expected Graphviz for SVG, found none installed", hint) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what Graphviz and Fontconfig say of fonts
        drawn: bytes = pygraphviz.AGraph(string=text).draw(format="svg", prog="dot")
    return drawn.decode()


def tree(graph: Graph, columns: Sequence[str] = ()) -> str:
    """Return the graph as indented text, from the output back to the input; what was shown already is not unfolded."""
    lines = list(columns)
    shown: set[str] = set()

    def add(name: str, indent: str, branch: str) -> None:
        step = graph.steps.get(name)
        again = step is not None and name in shown and bool(step.upstream)
        note = " (input)" if step is None else f"  {graph.versions[name]}" + ("  (above)" if again else "")
        lines.append(f"{indent}{branch}{name}{note}")
        shown.add(name)
        if step is None or again:
            return
        inner = indent + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
        for above in step.upstream:
            add(above, inner, "└── " if above == step.upstream[-1] else "├── ")

    add(graph.output, "", "└── " if columns else "")
    return "\n".join(lines) + "\n"


def _labelled(label: str, name: str | None = None) -> str:
    return f"{_quoted(name or label)} [label={_quoted(label)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
