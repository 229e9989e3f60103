"""Writes the two tables of the indexed layout as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from obs2seq.domain.files import WrittenFile
from obs2seq.domain.layouts import SESSIONS, WINDOWS
from obs2seq.domain.locations import is_s3, join
from obs2seq.domain.spec import N_OBSERVATIONS
from obs2seq.errors import StorageError
from obs2seq.storage.filesystems import opened

if TYPE_CHECKING:
    import pyarrow as pa

OBSERVATIONS = 1 << 20
"""Observations in a row group of sessions."""

ELEMENTS = 1 << 22
"""Elements of an array that the windows of a row group expand to."""


def write_indexed(
    sessions: pa.Table,
    windows: pa.Table,
    location: str,
    sequence_length: int,
    *,
    name: str = "part-00000",
    compression: str = "snappy",
) -> list[WrittenFile]:
    """Write a run's sessions, and the windows over them, as a pair of files.

    Args:
        sessions: As `indexed_tables` returns.
        windows: As `indexed_tables` returns, over exactly these sessions.
        location: The run's folder; the files come to lie in its folders `sessions` and `windows`.
        sequence_length: L.
        name: Of both files; another for each pair.
        compression: snappy, zstd, gzip or none.

    Returns:
        The files as the manifest names them.

    Raises:
        StorageError: The location refused.
    """
    slices = list(_by_observations(sessions))
    step = max(ELEMENTS // sequence_length, 1)
    pieces = [windows.slice(start, step) for start in range(0, max(windows.num_rows, 1), step)]
    return [
        _write(slices, location, f"{SESSIONS}{name}.parquet", compression=compression),
        # Numbers that mostly count up: a few bits each, whatever the compression.
        _write(
            pieces,
            location,
            f"{WINDOWS}{name}.parquet",
            compression=compression,
            use_dictionary=False,
            column_encoding=dict.fromkeys(windows.column_names, "DELTA_BINARY_PACKED"),
        ),
    ]


def _by_observations(sessions: pa.Table) -> Iterator[pa.Table]:
    """Cut sessions where so many observations are full; one that has more stays whole."""
    start = held = 0
    for row, n in enumerate(sessions.column(N_OBSERVATIONS).to_pylist()):
        if held and held + n > OBSERVATIONS:
            yield sessions.slice(start, row - start)
            start, held = row, 0
        held += n
    yield sessions.slice(start)


def _write(pieces: list[pa.Table], location: str, path: str, **options: Any) -> WrittenFile:
    """Write tables as the row groups of one file."""
    import pyarrow as pa
    from pyarrow import parquet

    target = join(location, path)
    filesystem, path_within = opened(target)
    try:
        if not is_s3(target):
            filesystem.create_dir(opened(join(location, path.split("/")[0]))[1])
        with (
            filesystem.open_output_stream(path_within) as sink,
            parquet.ParquetWriter(sink, pieces[0].schema, **options) as writer,
        ):
            for piece in pieces:
                writer.write_table(piece, row_group_size=max(piece.num_rows, 1))
        size = filesystem.get_file_info(path_within).size
    except (OSError, pa.ArrowException) as error:
        raise StorageError(target, "expected to write Parquet here, found a refusal", "see --debug") from error
    return WrittenFile(path, size, sum(piece.num_rows for piece in pieces))
