"""Every step and every output column of a computation: what it means, whose it is, and its version."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from obs2seq.domain.job import Job
from obs2seq.lineage.columns import OutputColumn, output_columns
from obs2seq.lineage.graph import Graph

_FIELDS = ("name", "meaning", "type", "unit", "owner", "upstream", "version")
_LEAST_WIDTH = 140
"""Columns of a terminal in which a table's cells can be read."""


@dataclass(frozen=True)
class Entry:
    """A step, or a column of the output."""

    kind: str
    """`step` or `column`."""
    name: str
    meaning: str
    type: str
    unit: str
    owner: str
    upstream: tuple[str, ...]
    version: str


def catalogue(graph: Graph, job: Job, kind: str) -> list[Entry]:
    """Return the steps in the order in which they are taken, then the columns that settings tell."""
    steps = [
        Entry("step", each.name, each.meaning, each.type, each.unit, each.owner, each.upstream, graph.versions[name])
        for name, each in graph.steps.items()
    ]
    return [*steps, *(_column(graph, column) for column in output_columns(job, kind))]


def _column(graph: Graph, column: OutputColumn) -> Entry:
    maker = graph.maker_of(column.name)
    owner, version = graph.steps[maker].owner, graph.version_of(column.name)
    return Entry("column", column.name, column.meaning, column.type, column.unit, owner, (maker,), version)


def as_json(entries: list[Entry]) -> str:
    """Return the entries as a JSON list."""
    return json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False)


def print_catalogue(entries: list[Entry], console: Console | None = None) -> None:
    """Print the steps and the output's columns: as tables, in a narrow terminal as blocks, elsewhere a line each."""
    console = console or Console()
    for kind, title in (("step", "steps"), ("column", "columns of the output")):
        of_kind = [entry for entry in entries if entry.kind == kind]
        if not console.is_terminal:
            console.out(f"{title}\n{_lines(of_kind)}\n", highlight=False)
        elif console.width < _LEAST_WIDTH:
            console.print(Text(title, style="italic"), *map(_block, of_kind), sep="\n")
        else:
            console.print(_table(title, of_kind))


def _table(title: str, entries: list[Entry]) -> Table:
    table = Table(title=title, box=None, header_style="bold", pad_edge=False, title_justify="left")
    for field in _FIELDS:
        table.add_column(field, no_wrap=field in ("name", "version"), overflow="fold")
    for entry in entries:
        table.add_row(*map(Text, _cells(entry)))
    return table


def _block(entry: Entry) -> Table:
    """Return the name above what is said of it, a line a field."""
    table = Table(title=Text(entry.name, style="bold"), box=None, show_header=False, pad_edge=False)
    table.title_justify = "left"
    table.add_column(no_wrap=True, style="dim", min_width=max(map(len, _FIELDS)) + 2)
    table.add_column(overflow="fold")
    for field, cell in zip(_FIELDS[1:], _cells(entry)[1:], strict=True):
        if cell:
            table.add_row(f"  {field}", Text(cell))
    return table


def _lines(entries: list[Entry]) -> str:
    """Return a line an entry below a heading, as wide as they need."""
    rows = [list(_FIELDS), *map(_cells, entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


def _cells(entry: Entry) -> list[str]:
    values = (getattr(entry, field) for field in _FIELDS)
    return [value if isinstance(value, str) else ", ".join(value) for value in values]
