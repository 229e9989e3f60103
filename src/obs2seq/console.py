"""What a person sees in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from obs2seq.domain.audit import MEANINGS as CHECKS
from obs2seq.domain.audit import Audit, Finding, Predictability
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.rules import MEANINGS, meaning
from obs2seq.domain.spec import FIRST_POSITION, IS_NEW, IS_PAD, N_OBSERVATIONS, SEQUENCE_INDEX, SESSION_INDEX

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath

_PADDING = "·"
_WIDEST = 8
_NARROWEST = 20


def print_outcome(outcome: Mapping[str, tuple[Manifest, PublishedPath]], console: Console | None = None) -> None:
    """Print what was published for each subset, where every row of the input went, and where it all lies."""
    console = console or Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("subset", "rows in", "used", "left out", "rows out", "bytes out"):
        table.add_column(title, justify="left" if title == "subset" else "right", no_wrap=True)
    for subset, (manifest, _) in outcome.items():
        ledger = manifest.ledger
        numbers = (ledger.rows_in, ledger.sequenced, ledger.rows_left_out, manifest.rows)
        # The files of a Delta table are its log's affair.
        size = f"{manifest.size:,}" if manifest.files else "-"
        table.add_row(subset, *(f"{number:,}" for number in numbers), size)
    console.print(table)
    for subset, (manifest, location) in outcome.items():
        _print_line(console, f"{subset}: {location} (run {manifest.run_id})")
        _print_reasons(console, manifest.ledger)


def print_check(checked: Mapping[str, Ledger], console: Console | None = None) -> None:
    """Print what each subset would be made of."""
    console = console or Console()
    for subset, ledger in checked.items():
        _print_line(
            console,
            (subset, "bold"),
            f": {ledger.rows_in:,} rows in, {ledger.sequenced:,} to go into the output, "
            f"{ledger.rows_left_out:,} left out",
        )
        _print_reasons(console, ledger)


def print_published(
    manifest: Manifest, location: str, rows: Sequence[Mapping[str, Any]], console: Console | None = None
) -> None:
    """Print a manifest in short, and rows of the data with their padding."""
    console = console or Console()
    n = len(manifest.files)
    files = f"{n} {manifest.format} {'file' if n == 1 else 'files'}" if n else f"a {manifest.format} table"
    _print_line(console, (manifest.dataset, "bold"), f" at {location}")
    _print_line(
        console,
        f"{manifest.rows:,} rows in {files}, published {manifest.published_at} "
        f"by obs2seq {manifest.versions.get('obs2seq', '?')} on {_engine(manifest.versions)}",
    )
    ledger = manifest.ledger
    expanded = f" + {ledger.expanded:,} by exploding" if ledger.expanded else ""
    accounted = f"{ledger.sequenced:,} in the output + {ledger.rows_left_out:,} left out"
    _print_line(console, f"{ledger.rows_in:,} rows in{expanded} = {accounted}")
    _print_reasons(console, ledger)
    for row in rows:
        console.print()
        _print_row(console, manifest, row)


def print_audit(audit: Audit, console: Console | None = None) -> None:
    """Print each check of an audit with what it found."""
    console = console or Console()
    for check, words in CHECKS.items():
        found = [finding for finding in audit.findings if finding.check == check]
        if check in audit.skipped:
            _print_line(console, f"?  {words}: not checked, {audit.skipped[check]}")
        elif check in audit.checked:
            mark = "✓" if not found else "✗" if found[0].is_leak else "!"
            _print_line(console, f"{mark}  {words}")
        for finding in found:
            _print_line(console, f"   {finding}")


def print_canary(ahead: Sequence[Finding], outcome: Predictability, console: Console | None = None) -> None:
    """Print which features change with the future, and how well answers that were coin flips could be predicted."""
    console = console or Console()
    _print_line(console, f"{'✗' if ahead else '✓'}  no value changes when what comes after it is taken away")
    for finding in ahead:
        _print_line(console, f"   {finding}")
    _print_line(console, f"{'✓' if outcome.is_chance else '✗'}  no feature foretells answers that are coin flips")
    chance = f"chance lies within 0.5 ± {outcome.margin:.4f}"
    _print_line(console, f"   AUC {outcome.auc:.4f} over {outcome.positions:,} answers; {chance}")
    if outcome.passes_over_repeats:
        _print_line(console, "   elements after an observation's first are not judged: its answer stands before them")
    if not outcome.is_chance:
        _print_line(console, f"   {outcome.most_telling} tells most")


def _engine(versions: Mapping[str, str]) -> str:
    """Name what computed a run, as its manifest tells."""
    names = {"spark": "Spark", "arrow": "Arrow"}
    known = next((key for key in names if key in versions), "spark")
    return f"{names[known]} {versions.get(known, '?')}"


def _print_reasons(console: Console, ledger: Ledger) -> None:
    if ledger.expanded:
        _print_line(console, (f"  {ledger.expanded:,} more by exploding: elements after an observation's first", "dim"))
    for rule, count in ledger.left_out.items():
        _print_line(
            console, (f"  {count:,} {'left out' if rule in MEANINGS else 'quarantined'}: {meaning(rule)}", "dim")
        )
    for rule, count in ledger.noted.items():
        if count:
            _print_line(console, (f"  {count:,} kept, but noted: {meaning(rule)}", "dim"))


def _print_line(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line whole, as it is: rich takes brackets and colons in plain text for its own."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def _print_row(console: Console, manifest: Manifest, row: Mapping[str, Any]) -> None:
    if IS_PAD not in row:
        _print_line(console, "  ".join(f"{name}={value}" for name, value in row.items()))
        return
    specification = manifest.settings["specification"]
    pupil, taken = specification["pupil"], "elements" if specification.get("explode") else "observations"
    _print_line(
        console,
        (f"{pupil} {row[pupil]}", "bold"),
        f", session {row[SESSION_INDEX]}, sequence {row[SEQUENCE_INDEX]}: {row[N_OBSERVATIONS]} {taken} "
        f"from position {row[FIRST_POSITION]} ({_PADDING} is padding)",
    )
    names = [feature["name"] for feature in specification["features"]]
    arrays = {name: row[f"{name}_sequence"] for name in names} | {"is_new": row[IS_NEW]}
    cells = [
        [_cell(value, is_pad) for value, is_pad in zip(array, row[IS_PAD], strict=True)] for array in arrays.values()
    ]
    label = max(map(cell_len, arrays))
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    shown = _elements_that_fit(widths, max(_NARROWEST, console.width - label - 1))
    for name, drawn in zip(arrays, cells, strict=True):
        elements = ("…" if i is None else _right_aligned(drawn[i], widths[i]) for i in shown)
        _print_line(console, (name, "cyan"), " " * (label - cell_len(name)), *(f" {element}" for element in elements))


def _right_aligned(text: str, width: int) -> str:
    """Fill up from the left; some characters are two columns wide."""
    return " " * (width - cell_len(text)) + text


def _cell(value: object, is_pad: int) -> str:
    return _PADDING if is_pad else _short(value)


def _elements_that_fit(widths: Sequence[int], room: int) -> list[int | None]:
    """Take elements in turn from both ends, so that padding is seen wherever it stands; None is for those between."""
    if sum(width + 1 for width in widths) <= room:
        return list(range(len(widths)))
    head: list[int | None] = []
    tail: list[int] = []
    left = room - 2
    for i in range(len(widths)):
        element = i // 2 if i % 2 == 0 else len(widths) - 1 - i // 2
        left -= widths[element] + 1
        if left < 0:
            break
        (head if i % 2 == 0 else tail).append(element)
    return [*head, None, *reversed(tail)]


def _short(value: object) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
