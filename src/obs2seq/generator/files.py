"""Answers as Parquet files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.errors import StorageError
from obs2seq.generator import school_year
from obs2seq.generator.answers import Answers
from obs2seq.generator.cohort import Cohort
from obs2seq.generator.curriculum import LESSONS_PER_SKILL, SKILLS
from obs2seq.generator.pupils import DEVICES

SCHEMA = pa.schema(
    [
        ("observation_id", pa.int64()),
        ("pupilid", pa.int64()),
        ("answered_at", pa.timestamp("us", "UTC")),
        ("exercise_id", pa.int32()),
        ("skill", pa.dictionary(pa.int8(), pa.string())),
        ("correct", pa.int32()),
        ("duration_s", pa.float64()),
        ("hints", pa.int32()),
        ("difficulty", pa.float32()),
        ("lesson_id", pa.int32()),
        ("device", pa.dictionary(pa.int8(), pa.string())),
        ("school_id", pa.int32()),
    ]
)
"""As written; a reader finds plain strings for the two dictionaries. Only `duration_s` has nulls."""

ROW_GROUP_ROWS = 1 << 18

_OWN_NAME = re.compile(r"part-\d{5,}\.parquet|\.part-\d{5,}\.parquet\.partial")
_PLAIN = {"observation_id", "answered_at"}
_FIRST_MIDNIGHT_S = int(school_year.FIRST_DAY.astype("datetime64[s]").astype(np.int64))


def is_own(file: Path) -> bool:
    """Whether a file is named as those that `write_files` leaves behind, finished or not."""
    return file.is_file() and _OWN_NAME.fullmatch(file.name) is not None


def record_batches(cohort: Cohort, chunks: Iterable[Answers]) -> Iterator[pa.RecordBatch]:
    """Yield each chunk as a record batch of the schema, numbering the observations from 0 on."""
    numbered = 0
    for chunk in chunks:
        yield _record_batch(cohort, chunk, numbered)
        numbered += len(chunk)


def _record_batch(cohort: Cohort, chunk: Answers, first_id: int) -> pa.RecordBatch:
    skill = (chunk.lesson // LESSONS_PER_SKILL).astype(np.int8)
    columns = [
        np.arange(first_id, first_id + len(chunk)),
        chunk.pupil.astype(np.int64) + 1,
        pa.array((chunk.second + _FIRST_MIDNIGHT_S) * 1_000_000).view(SCHEMA.field("answered_at").type),
        (chunk.exercise + 1).astype(np.int32),
        pa.DictionaryArray.from_arrays(skill, list(SKILLS)),
        chunk.is_correct.astype(np.int32),
        pa.array(chunk.duration_ms / 1000, mask=chunk.is_duration_null),
        chunk.hints,
        (cohort.curriculum.difficulty.astype(np.float32) / 100)[chunk.exercise],
        chunk.lesson.astype(np.int32) + 1,
        pa.DictionaryArray.from_arrays(chunk.device, list(DEVICES)),
        chunk.school.astype(np.int32),
    ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=SCHEMA)


def write_files(batches: Iterator[pa.RecordBatch], folder: Path, rows_per_file: Sequence[int]) -> list[Path]:
    """Write the batches as `part-00000.parquet` and so on, all at once or not at all.

    Every file is first written under a hidden name. When the last one is complete, the folder's earlier files of the
    same kind are removed and the new ones take their names. Row groups do not depend on how the rows are batched.

    Args:
        batches: Hold as many rows as the files take.
        folder: Made where it is missing.
        rows_per_file: 1 or more each.

    Raises:
        StorageError: The folder or a file cannot be written.
    """
    files = [folder / f"part-{number:05d}.parquet" for number in range(len(rows_per_file))]
    partials = [file.with_name(f".{file.name}.partial") for file in files]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _write_all(batches, partials, rows_per_file)
            _replace_all(folder, partials, files)
        finally:
            for partial in partials:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            str(folder),
            f"expected a folder with room for the files, found: {error.strerror or type(error).__name__}",
            "check its permissions and the free space",
        ) from error
    return files


def _write_all(batches: Iterator[pa.RecordBatch], partials: Sequence[Path], rows_per_file: Sequence[int]) -> None:
    groups = [_row_groups(rows) for rows in rows_per_file]
    tables = _regroup(batches, (size for sizes in groups for size in sizes))
    for partial, sizes in zip(partials, groups, strict=True):
        with _writer(partial) as writer:
            for table in islice(tables, len(sizes)):
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def _replace_all(folder: Path, partials: Sequence[Path], files: Sequence[Path]) -> None:
    for earlier in [file for file in folder.iterdir() if is_own(file) and file not in partials]:
        earlier.unlink()
    for partial, file in zip(partials, files, strict=True):
        partial.replace(file)


def _writer(file: Path) -> pq.ParquetWriter:
    """Open a file; without the Arrow schema, so that a reader takes the dictionaries for the strings they are."""
    encoded = [name for name in SCHEMA.names if name not in _PLAIN]
    return pq.ParquetWriter(file, SCHEMA, compression="snappy", use_dictionary=encoded, store_schema=False)


def _row_groups(rows: int) -> list[int]:
    return [min(ROW_GROUP_ROWS, rows - first) for first in range(0, rows, ROW_GROUP_ROWS)]


def _regroup(batches: Iterator[pa.RecordBatch], sizes: Iterable[int]) -> Iterator[pa.Table]:
    """Yield tables of exactly these sizes, each in one piece: pages follow the pieces in older versions of pyarrow."""
    waiting = SCHEMA.empty_table()
    for size in sizes:
        while waiting.num_rows < size:
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([next(batches)])])
        yield waiting.slice(0, size).combine_chunks()
        waiting = waiting.slice(size)
