"""Whether two outputs hold the same sequences, whoever wrote them, in whichever files and order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import duckdb

from benchmarks.contenders.pykt_text import FIELDS
from benchmarks.task import PUPIL
from obs2seq.domain.runs import QUARANTINE

KEY = (PUPIL, "sequence_index")
TYPES: Mapping[str, str] = MappingProxyType(
    {
        PUPIL: "BIGINT",
        "session_index": "INT",
        "sequence_index": "INT",
        "first_position": "INT",
        "n_observations": "INT",
        "is_pad_sequence": "TINYINT[]",
        "is_new_sequence": "TINYINT[]",
        "pupilid_sequence": "BIGINT[]",
        "exercise_id_sequence": "INT[]",
        "skill_sequence": "VARCHAR[]",
        "correct_sequence": "INT[]",
        "duration_s_sequence": "DOUBLE[]",
    }
)
"""The contract's columns for the task. Values are compared as these types, so that 8 or 32 bits make no difference."""

_TEXT_COLUMNS = (PUPIL, "sequence_index", "exercise_id_sequence", "correct_sequence")


@dataclass(frozen=True)
class Fingerprint:
    """What an output holds, in a form that does not depend on files and order."""

    rows: int
    columns: Mapping[str, str]
    """A digest by column: the sum over all rows of a hash of key and value."""


def fingerprint(out: Path, makes: str = "sequences") -> Fingerprint:
    """Return the fingerprint of what a contender wrote.

    Args:
        out: The contender's folder.
        makes: As in `Contender`. Of observations only the rows are counted, of text only the columns that it shares
            with the contract are looked at.

    Raises:
        duckdb.Error: The output cannot be read, or a column of it is missing.
    """
    with duckdb.connect() as connection:
        if makes == "observations":
            return Fingerprint(_count(connection, f"SELECT * FROM {_parquet(out)}"), {})
        relation = _text(out) if makes == "text" else _sequences(out)
        names = _TEXT_COLUMNS if makes == "text" else tuple(TYPES)
        key = ", ".join(KEY)
        digests = ", ".join(f"sum(hash({key}, {name}))::VARCHAR" for name in names)
        rows, *found = connection.execute(f"SELECT count(*), {digests} FROM ({relation})").fetchall()[0]
        return Fingerprint(rows, dict(zip(names, found, strict=True)))


def differing(ours: Fingerprint, theirs: Fingerprint) -> list[str]:
    """Return what differs in what both have: 'rows', or names of columns."""
    shared = [name for name in ours.columns if name in theirs.columns]
    differ = [name for name in shared if ours.columns[name] != theirs.columns[name]]
    return ([] if ours.rows == theirs.rows else ["rows"]) + differ


def differences(ours: Path, theirs: Path, columns: list[str]) -> dict[str, int]:
    """Return for each of the columns in how many sequences two outputs of sequences differ; a missing one does."""
    with duckdb.connect() as connection:
        joined = f"({_sequences(ours)}) a FULL JOIN ({_sequences(theirs)}) b USING ({', '.join(KEY)})"
        counts = ", ".join(f"count(*) FILTER (a.{name} IS DISTINCT FROM b.{name})" for name in columns)
        return dict(zip(columns, connection.execute(f"SELECT {counts} FROM {joined}").fetchall()[0], strict=True))


def _parquet(out: Path) -> str:
    """Read what an output holds; what quality rules have put aside is none of it."""
    files = [str(file) for file in sorted(out.rglob("*.parquet")) if QUARANTINE not in file.parts]
    return f"read_parquet({files or str(out)}, hive_partitioning = false)"


def _sequences(out: Path) -> str:
    return f"SELECT {', '.join(f'{name}::{type_} AS {name}' for name, type_ in TYPES.items())} FROM {_parquet(out)}"


def _text(out: Path) -> str:
    """Read text as the columns that it shares with the contract; questions become what their numbers stand for."""
    texts = ", ".join(f"'{name}': 'VARCHAR'" for name in (*FIELDS, "selectmasks"))
    return f"""
        WITH keys AS (
            SELECT list(name::INT ORDER BY number) AS names
            FROM read_csv('{out}/keys.csv', header = false,
                          columns = {{'field': 'VARCHAR', 'name': 'VARCHAR', 'number': 'INT'}})
            WHERE field = 'questions'
        ),
        lines AS (
            SELECT *, row_number() OVER () AS line
            FROM read_csv('{out}/sequences.csv', header = true, columns = {{'uid': 'BIGINT', {texts}}})
        )
        SELECT uid AS {PUPIL},
               (row_number() OVER (PARTITION BY uid ORDER BY line) - 1)::INT AS sequence_index,
               list_transform(string_split(questions, ',')::INT[], lambda number: coalesce(names[number + 1], -1))
                   AS exercise_id_sequence,
               string_split(responses, ',')::INT[] AS correct_sequence
        FROM lines, keys
    """


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
