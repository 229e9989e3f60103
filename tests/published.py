"""Published datasets of a handful of sequences, made without an engine."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq import SequenceSpec
from obs2seq.domain.files import WrittenFile
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import InputSummary, Manifest
from obs2seq.kernel.schema import spark_type
from obs2seq.publishing import PublishedDataset
from obs2seq.storage.routing import RoutedStorage
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
    parts = [sequences.slice(start, step) for start in range(0, max(len(sequences), 1), step)]
    files = {f"part-{i:05d}.parquet": part for i, part in enumerate(parts)}
    return publish_files(output, files, spec, sequences, subset=subset, row_group=row_group)


def publish_files(
    output: str,
    files: dict[str, pa.Table],
    spec: SequenceSpec,
    sequences: pa.Table,
    *,
    subset: str = "train",
    row_group: int = 1000,
    **settings: Any,
) -> str:
    """Publish files, of which the sequences are what readers are to get."""
    location = join(output, f"{subset}_sequenced_{spec.sequence_length}")
    dataset = PublishedDataset(RoutedStorage(), location)
    run_id, former = dataset.run_for(FINGERPRINT, force=True), dataset.current()
    dataset.start(run_id)
    written = []
    for path, table in files.items():
        buffer = io.BytesIO()
        pq.write_table(table, buffer, row_group_size=row_group)
        put(join(dataset.run_location(run_id), path), buffer.getvalue())
        written.append(WrittenFile(path, len(buffer.getvalue()), len(table)))
    dataset.seal(_manifest(run_id, location, subset, tuple(written), spec, sequences, settings))
    dataset.make_current(run_id, former)
    return location


def _manifest(
    run_id: str,
    location: str,
    subset: str,
    files: tuple[WrittenFile, ...],
    spec: SequenceSpec,
    sequences: pa.Table,
    settings: dict[str, Any],
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
        settings={"specification": spec.model_dump(mode="json"), **settings},
        ledger=Ledger(rows_in=0, sequenced=0, left_out={}, noted={}),
        input=InputSummary(location="in", format="parquet", files=0, bytes=0, files_digest=""),
        versions={},
        published_at="2026-01-05T08:00:00+00:00",
    )
