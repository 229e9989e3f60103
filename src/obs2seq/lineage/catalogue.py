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
    """Print a table of the steps and one of the output's columns."""
    console = console or Console()
    for kind, title in (("step", "steps"), ("column", "columns of the output")):
        table = Table(title=title, box=None, header_style="bold", pad_edge=False, title_justify="left")
        for field in _FIELDS:
            table.add_column(field, no_wrap=field in ("name", "version"), overflow="fold")
        for entry in (each for each in entries if each.kind == kind):
            table.add_row(*(Text(_cell(getattr(entry, field))) for field in _FIELDS))
        console.print(table)


def _cell(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
