"""How sequences are drawn, whatever is in them and however wide the terminal is."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from obs2seq.console import print_published
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import InputSummary, Manifest


def _manifest(**changes: Any) -> Manifest:
    feature = {"name": "correct", "column": "correct", "pad": -1, "shift": 0}
    fields: dict[str, Any] = {
        "run_id": "00112233aabbccdd",
        "dataset": "train_sequenced_12",
        "subset": "train",
        "kind": "sequences",
        "format": "parquet",
        "rows": 1,
        "files": (),
        "columns": {},
        "settings": {"specification": {"pupil": "pupil[/]", "features": [feature]}},
        "ledger": Ledger(13, 12, {"null_pupil": 1}, {"duplicate": 2}),
        "input": InputSummary(location="in", format="parquet", files=1, bytes=1, files_digest="x"),
        "versions": {},
        "published_at": "2026-01-05T08:00:00+00:00",
    }
    return Manifest(**(fields | changes))


def _drawn(width: int, is_pad: list[int], values: Sequence[object], **changes: Any) -> list[str]:
    row = {"pupil[/]": ":smile:", "session_index": 0, "sequence_index": 2, "first_position": 24, "n_observations": 9}
    row |= {"correct_sequence": values, "is_pad_sequence": is_pad, "is_new_sequence": [1 - pad for pad in is_pad]}
    console = Console(file=io.StringIO(), width=width)
    print_published(_manifest(**changes), "s3://bucket/[bold]out", [row], console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


AT_END = [0] * 9 + [1] * 3
AT_START = AT_END[::-1]
NUMBERS = list(range(100, 112))


@pytest.mark.parametrize(
    ("width", "is_pad", "drawn"),
    [
        (80, AT_END, "correct 100 101 102 103 104 105 106 107 108 · · ·"),
        (80, AT_START, "correct · · · 103 104 105 106 107 108 109 110 111"),
        (40, AT_END, "correct 100 101 102 103 104 … 108 · · ·"),
        (40, AT_START, "correct · · · 103 104 … 108 109 110 111"),
        (10, AT_END, "correct 100 101 102 … · · ·"),
    ],
)
def test_padding_is_seen_on_either_side_whatever_the_width(width: int, is_pad: list[int], drawn: str) -> None:
    lines = _drawn(width, is_pad, NUMBERS)

    assert lines[-2].split() == drawn.split()
    assert len(lines[-1].split()) == len(lines[-2].split())


def test_long_values_are_cut_and_nothing_is_taken_for_markup() -> None:
    when = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
    lines = _drawn(200, [0] * 4, [0.1 + 0.2, "a rather long text", when, "[red]x[/]"])

    assert lines[0] == "train_sequenced_12 at s3://bucket/[bold]out"
    assert "  1 left out: the pupil is null" in lines
    assert "  2 kept, but noted: the same pupil, order keys and values stand in another row" in lines
    assert lines[-3] == "pupil[/] :smile:, session 0, sequence 2: 9 observations from position 24 (· is padding)"
    assert lines[-2].split(None, 1)[1] == "0.3 a rathe… 2026-01-05 08:30 [red]x[…"


def test_elements_of_exploded_observations_are_told_and_balance() -> None:
    feature = {"name": "correct", "column": "correct", "pad": -1}
    specification = {"pupil": "pupil[/]", "explode": "skills", "features": [feature]}
    changes = {"settings": {"specification": specification}, "ledger": Ledger(1200, 1500, {"min_length": 34}, {}, 334)}

    lines = _drawn(200, [0], [1], **changes)

    assert lines[2:4] == [
        "1,200 rows in + 334 by exploding = 1,500 in the output + 34 left out",
        "  334 more by exploding: elements after an observation's first",
    ]
    assert lines[-3].endswith("9 elements from position 24 (· is padding)")
