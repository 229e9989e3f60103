"""`obs2seq compare`: equal, or where not, without a pupil or a value."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.bootstrap import compare, run
from tests.commands import asked
from tests.small_jobs import answers, put_answers, settings_for

FEATURES = (
    {"name": "correct", "column": "correct", "pad": -1},
    {"name": "duration", "column": "duration_s", "pad": 0.0},
    {"name": "skill", "column": "skill", "pad": ""},
)


def published(root: Path, *pupils: list[dict[str, Any]], name: str = "a", **changes: Any) -> Path:
    put_answers(str(root / name / "in" / "part.parquet"), *pupils)
    run(settings_for(str(root / name / "in"), str(root / name / "out"), engine="arrow", features=FEATURES, **changes))
    return root / name / "out" / f"train_sequenced_{changes.get('sequence_length', 3)}"


def changed(dataset: Path, copy: Path, **columns: pa.Array) -> Path:
    """Copy a dataset, with other values in its file, and rows in another order."""
    shutil.copytree(dataset, copy)
    (file,) = copy.rglob("*.parquet")
    table = pq.read_table(file)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    pq.write_table(table.take(list(reversed(range(len(table))))), file)
    return copy


def test_the_same_rows_in_another_order_and_of_another_writer_are_equal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = published(tmp_path, answers(2, [1, 0, 1, 1]), answers(1, [0]))
    second = changed(first, tmp_path / "b")

    answer = asked(capsys, "compare", first, second)
    of_runs = asked(capsys, "compare", next(first.glob("run_id=*")), second)

    assert (answer.code, answer.out, answer.err) == (0, "equal\n", "")
    assert of_runs.code == 0


def test_the_first_value_that_differs_is_placed_and_not_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = published(tmp_path, answers(4711, [1, 0, 1, 1]), answers(1, [0]))
    corrects = pa.array([[0, -1, -1], [1, 0, 1], [99, -1, -1]], pa.list_(pa.int32()))
    second = changed(first, tmp_path / "b", correct_sequence=corrects)

    answer = asked(capsys, "compare", first, second)

    assert answer.code == 1
    assert answer.out == "column 'correct_sequence': first differs in row 2, at element 0\n"
    assert not any(secret in answer.out for secret in ("4711", "99"))


def test_nan_is_itself_and_the_sign_of_a_zero_counts(tmp_path: Path) -> None:
    rows = answers(1, [1, 0, 1])
    for row, duration in zip(rows, (float("nan"), 0.0, 1.0), strict=True):
        row["duration_s"] = duration
    first = published(tmp_path, rows)
    durations = pa.array([[float("nan"), -0.0, 1.0]])

    assert compare(str(first), str(changed(first, tmp_path / "b"))) == []
    assert compare(str(first), str(changed(first, tmp_path / "c", duration_sequence=durations))) == [
        "column 'duration_sequence': first differs in row 0, at element 1"
    ]


def test_columns_ledger_and_rows_are_compared_first(tmp_path: Path) -> None:
    first = published(tmp_path, answers(1, [1, 0, 1, 1]), answers(2, [1]))
    second = published(tmp_path, answers(1, [1, 0, 1, 1]), name="b", min_length=2)
    manifest = next(second.rglob("_MANIFEST.json"))
    content = json.loads(manifest.read_text())
    content["columns"]["correct_sequence"] = "array<bigint>"
    manifest.write_text(json.dumps(content))

    assert compare(str(first), str(second)) == [
        "column 'correct_sequence': array<int> and array<bigint>",
        "ledger, rows_in: 5 and 4",
        "ledger, sequenced: 5 and 3",
        "ledger, min_length: 0 and 1",
        "rows: 3 and 1",
    ]


def test_what_is_no_published_dataset_is_a_wrong_argument_and_no_difference(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = published(tmp_path, answers(1, [1]))

    answer = asked(capsys, "compare", first, tmp_path / "nothing")

    assert (answer.code, answer.out) == (2, "")
    assert "expected a published dataset, found no _CURRENT.json" in answer.err
