"""The command line as a person meets it, within the tests' own process."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.cli import main

SECRET = "Robin-of-Form-3B"
"""Stands in rows that are at fault, and must never be shown."""

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)
FEATURES = '[{name: correct, column: correct, pad: -1}, {name: skill, column: skill, pad: "<pad>"}]'
N_ROWS = 24


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


def observations(**changes: pa.Array | None) -> pa.Table:
    """24 answers of 6 pupils, a minute apart; a change replaces a column or adds one, None takes it away."""
    columns = {
        "pupilid": pa.array([i % 6 for i in range(N_ROWS)], pa.int64()),
        "answered_at": pa.array([FIRST + timedelta(minutes=i) for i in range(N_ROWS)], pa.timestamp("us", "UTC")),
        "observation_id": pa.array(range(N_ROWS), pa.int64()),
        "correct": pa.array([i % 2 for i in range(N_ROWS)], pa.int32()),
        "skill": pa.array([f"skill {i % 3}" for i in range(N_ROWS)]),
    }
    return pa.table({name: column for name, column in (columns | changes).items() if column is not None})


def put_parquet(path: Path, table: pa.Table, **options: object) -> Path:
    """Write a file; return its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path.parent


def put_bytes(path: Path, content: bytes | str) -> Path:
    """Write a file; return its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path.parent


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, with what is in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> Answer:
    """Run a command."""
    capsys.readouterr()
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return Answer(code, captured.out, captured.err)


def run(capsys: pytest.CaptureFixture[str], data: object, output: object, *options: object) -> Answer:
    """Make sequences of four, of one subset with all pupils, unless the options say otherwise."""
    return asked(capsys, *_run(data, output, *options))


@dataclass(frozen=True)
class Published:
    """An output that a run has published, which a run that fails must leave as it is."""

    data: Path
    output: Path

    def refusal(
        self,
        capsys: pytest.CaptureFixture[str],
        code: int,
        *options: object,
        data: object = None,
        output: object = None,
    ) -> str:
        """Run again with other data or options; return the one line that says why it is refused."""
        before = tree(self.output)
        answer = run(capsys, data or self.data, output or self.output, *options)
        assert (answer.code, answer.out) == (code, ""), answer.err
        assert tree(self.output) == before
        return message_of(answer)


def message_of(answer: Answer) -> str:
    """Return what a failed command says, which is one line of one form, and shows no row."""
    (line,) = answer.err.splitlines()
    assert line.startswith("error: ")
    assert "expected" in line
    assert line.endswith(".")
    assert SECRET not in line
    assert "Exception" not in line
    return line.removeprefix("error: ")


def publish(root: Path) -> Published:
    """Publish a run of good observations."""
    published = Published(put_parquet(root / "good" / "part-0.parquet", observations()), root / "output")
    assert main(_run(published.data, published.output)) == 0
    return published


def _run(data: object, output: object, *options: object) -> list[str]:
    usual = ("--sequence_length", 4, "--features", FEATURES, "--subsets", "all=1")
    words = ("run", "--s3_data_location", data, "--output_s3_location", output, *usual, *options)
    return [str(word) for word in words]
