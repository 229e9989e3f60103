"""`lineage`, `catalog` and `diff`: where columns come from, and what changed."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from obs2seq.commands.comparison import absence_is_no_difference
from obs2seq.errors import DATA, ConfigurationError, StorageError
from obs2seq.settings import Settings, add_settings_arguments, given_settings, load_settings

_ON_THIS_MACHINE = {"mode": "local"}
_FORMATS = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".txt": "text"}


def add_lineage(parser: argparse.ArgumentParser) -> None:
    """Draw the steps that the settings lead to, from the input to the output's columns."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.add_argument("--to", metavar="NAME", help="only the path to this step or output column; None: all")
    parser.add_argument("--file", type=Path, metavar="FILE", help="write a .svg, .dot or .txt; None: text, printed")
    parser.set_defaults(command=_lineage)


def add_catalog(parser: argparse.ArgumentParser) -> None:
    """List every step and output column: meaning, type, unit, owner, upstream, version."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=_catalog)


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Say which columns changed between two runs, and why: settings, code or input. Exit code 0: none, 1: some."""
    for name in ("first", "second"):
        parser.add_argument(
            name, metavar="RUN", help="a run's folder, or such as <output>/train_sequenced_100; local or s3://"
        )
    parser.set_defaults(command=_diff)


def _lineage(arguments: argparse.Namespace) -> None:
    kind = _format(arguments.file)
    from obs2seq.bootstrap.lineage import drawn
    from obs2seq.lineage.drawing import dot, svg, tree

    graph, columns = drawn(_settings(arguments), arguments.to)
    text = tree(graph, columns) if kind == "text" else dot(graph, columns)
    text = svg(text) if kind == "svg" else text
    if arguments.file is None:
        print(text, end="")
        return
    try:
        arguments.file.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"expected to write there, found: {error.strerror}"
        raise StorageError(str(arguments.file), problem, "name a file in a folder that is there") from error


def _catalog(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap.lineage import listed
    from obs2seq.lineage.catalogue import as_json, print_catalogue

    entries = listed(_settings(arguments))
    if arguments.json:
        print(as_json(entries))
    else:
        print_catalogue(entries)


def _diff(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap.lineage import changed

    with absence_is_no_difference():
        first, second, found = changed(arguments.first, arguments.second)
    if not found:
        print("nothing changed")
        return
    print(f"{first.dataset} run {first.run_id} → {second.dataset} run {second.run_id}")
    known = {*first.columns, *second.columns}
    for reasons, columns in _by_reasons(found.columns).items():
        print("every column:" if len(columns) == len(known) else f"{', '.join(columns)}:")
        for reason in reasons:
            print(f"  {reason}")
    for note in found.notes:
        print(note)
    sys.exit(DATA)


def _by_reasons(columns: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for column, reasons in columns.items():
        grouped.setdefault(reasons, []).append(column)
    return grouped


def _format(file: Path | None) -> str:
    if file is None:
        return "text"
    if file.suffix not in _FORMATS:
        raise ConfigurationError("option --file", f"expected a file that ends in .svg, .dot or .txt, found '{file}'")
    return _FORMATS[file.suffix]


def _settings(arguments: argparse.Namespace) -> Settings:
    return load_settings(given_settings(arguments), os.environ, arguments.config, _ON_THIS_MACHINE, required=[])
