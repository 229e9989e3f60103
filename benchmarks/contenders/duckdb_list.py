"""DuckDB: one SQL statement from Parquet to Parquet."""

from pathlib import Path

import duckdb

from benchmarks.task import COMPRESSION, LENGTH, ORDER, PADS, PUPIL, THREADS


def sequences(data: Path, out: Path) -> None:
    """Number by pupil, group by pupil and chunk, list in order; a whole history in one list takes twice as long."""
    out.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {THREADS}; SET preserve_insertion_order = false")
        target = f"'{out / 'sequences.parquet'}' (FORMAT parquet, COMPRESSION {COMPRESSION})"
        connection.execute(f"COPY ({_query(data)}) TO {target}")


def _query(data: Path) -> str:
    features = (
        f"list_resize(list(coalesce({name}, {_literal(pad)}) ORDER BY position), {LENGTH}, {_literal(pad)})"
        f" AS {name}_sequence"
        for name, pad in PADS.items()
    )
    return f"""
        WITH placed AS (
            SELECT {", ".join(PADS)},
                   row_number() OVER (PARTITION BY {PUPIL} ORDER BY {", ".join(ORDER)}) - 1 AS position
            FROM read_parquet('{data}/*.parquet')
        )
        SELECT {PUPIL},
               0 AS session_index,
               (position // {LENGTH})::INT AS sequence_index,
               min(position)::INT AS first_position,
               count(*)::INT AS n_observations,
               {_mask(real=0, padding=1)} AS is_pad_sequence,
               {_mask(real=1, padding=0)} AS is_new_sequence,
               {", ".join(features)}
        FROM placed
        GROUP BY {PUPIL}, position // {LENGTH}
    """


def _mask(real: int, padding: int) -> str:
    return f"list_resize(list_resize([]::TINYINT[], count(*), {real}::TINYINT), {LENGTH}, {padding}::TINYINT)"


def _literal(pad: float | str) -> str:
    return f"'{pad}'" if isinstance(pad, str) else str(pad)
