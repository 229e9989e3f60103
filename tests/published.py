"""Published datasets of a handful of sequences, made without an engine."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from obs2seq import SequenceSpec
from obs2seq.domain.files import WrittenFile
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import InputSummary, Manifest
from obs2seq.kernel.schema import spark_type
from obs2seq.publishing import PublishedDataset
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.arrow.batches import IndexedBatch
from obs2seq.warehouses.arrow.indexed_writing import IndexedWriters
from tests.small_jobs import put

FINGERPRINT = "00112233aabbccdd"


def publish(
    output: str,
    sequences: pa.Table,
    spec: SequenceSpec,
    *,
    subset: str = "train",
    n_files: int = 1,
    row_group: int = 1000,
) -> str:
    """Publish sequences in files of about equal size; return the dataset's folder."""
    step = max(-(-len(sequences) // n_files), 1)

    def write(location: str) -> list[WrittenFile]:
        parts = [sequences.slice(start, step) for start in range(0, max(len(sequences), 1), step)]
        named = {f"part-{i:05d}.parquet": part for i, part in enumerate(parts)}
        return [
            WrittenFile(path, _put(join(location, path), part, row_group), len(part)) for path, part in named.items()
        ]

    return _published(output, write, spec, sequences, subset)


def publish_indexed(
    output: str,
    tables: list[tuple[pa.Table, pa.Table]],
    spec: SequenceSpec,
    sequences: pa.Table,
    *,
    subset: str = "train",
) -> str:
    """Publish pairs of sessions and windows, which are what the sequences are; return the dataset's folder."""

    def write(location: str) -> list[WrittenFile]:
        return write_indexed(location, tables, spec.sequence_length)

    return _published(output, write, spec, sequences, "train")


def write_indexed(
    location: str, tables: list[tuple[pa.Table, pa.Table]], sequence_length: int, most: int = 1 << 20
) -> list[WrittenFile]:
    """Write pairs of sessions and windows, each to files of its own, sessions in row groups of so many observations."""
    schemas = tuple(table.schema for table in tables[0])
    writers = IndexedWriters(location, "snappy", pa.schema([]), schemas, sequence_length)
    for sessions, windows in tables:
        writers.write(_batches(sessions, windows), most)
        writers.close()
    sizes = {file.path: file.size for file in RoutedStorage().list_files(location)}
    return [WrittenFile(path, sizes[path], rows) for path, rows in writers.rows.items()]


def _batches(sessions: pa.Table, windows: pa.Table) -> Iterator[IndexedBatch]:
    """Cut tables session by session."""
    for row, n in enumerate(sessions["n_observations"].to_pylist()):
        numbers = windows.filter(pc.equal(windows["session"], row))
        zeros = pa.array(np.zeros(len(numbers), np.int64))
        yield IndexedBatch(sessions.slice(row, 1), numbers.set_column(0, "session", zeros), n)


def _published(
    output: str, write: Callable[[str], list[WrittenFile]], spec: SequenceSpec, sequences: pa.Table, subset: str
) -> str:
    location = join(output, f"{subset}_sequenced_{spec.sequence_length}")
    dataset = PublishedDataset(RoutedStorage(), location)
    run_id, former = dataset.run_for(FINGERPRINT, force=True), dataset.current()
    dataset.start(run_id)
    files = tuple(sorted(write(dataset.run_location(run_id))))
    dataset.seal(_manifest(run_id, location, subset, files, spec, sequences))
    dataset.make_current(run_id, former)
    return location


def _put(location: str, table: pa.Table, row_group: int) -> int:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=row_group)
    put(location, buffer.getvalue())
    return len(buffer.getvalue())


def _manifest(
    run_id: str,
    location: str,
    subset: str,
    files: tuple[WrittenFile, ...],
    spec: SequenceSpec,
    sequences: pa.Table,
) -> Manifest:
    return Manifest(
        run_id=run_id,
        dataset=location.rsplit("/", 1)[-1],
        subset=subset,
        kind="sequences",
        format="parquet",
        rows=len(sequences),
        files=files,
        columns={field.name: spark_type(field.type) for field in sequences.schema},
        settings={"specification": spec.model_dump(mode="json")},
        ledger=Ledger(rows_in=0, sequenced=0, left_out={}, noted={}),
        input=InputSummary(location="in", format="parquet", files=0, bytes=0, files_digest=""),
        versions={},
        published_at="2026-01-05T08:00:00+00:00",
    )
