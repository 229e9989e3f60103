"""A whole data set of observations, in a local folder."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.generator.answers import answers
from obs2seq.generator.cohort import draw_cohort
from obs2seq.generator.files import is_own, record_batches, write_files

OBSERVATIONS_PER_PUPIL = 125
OBSERVATIONS_PER_FILE = 1_250_000
MOST_OBSERVATIONS = 10_000_000_000
MOST_PUPILS = 2_000_000_000


@dataclass(frozen=True)
class GeneratedData:
    """What `generate` left behind."""

    location: Path
    """The folder that holds the files."""
    files: int
    """How many: part-00000.parquet and so on."""
    observations: int
    pupils: int
    """How many pupils occur, numbered from 1."""
    bytes: int
    """The size of all files."""


def generate(
    location: Path,
    *,
    observations: int,
    pupils: int | None = None,
    seed: int = 0,
    files: int | None = None,
    rows_per_chunk: int = 1_000_000,
    heaviest_share: float | None = None,
    force: bool = False,
) -> GeneratedData:
    """Write made-up observations of a school year as Parquet files: `obs2seq.generator.files.SCHEMA` has the columns.

    Rows are ordered by `answered_at` over all files; `observation_id` counts them from 0. The same arguments give the
    same rows anywhere, and the same bytes with the same build of pyarrow; `files` and `rows_per_chunk` do not change
    the rows. Memory grows with `rows_per_chunk` and with the pupils and their sessions (some 15 answers each).

    Args:
        location: A local folder; made where it is missing, empty otherwise.
        observations: Number of rows, exactly.
        pupils: How many, each with a row at least. Default: one for every 125 rows.
        seed: 0 or more. Another seed is another cohort, with the same exercises.
        files: How many to write, near equally long. Default: one for every 1,250,000 rows.
        rows_per_chunk: Rows made at a time.
        heaviest_share: One pupil owns this share of all rows, rounded to whole rows, even if nobody has time for as
            many: sessions overlap then. Default: the most active pupil has about 100 times the average.
        force: Replace the files that an earlier call left in the location. Any other file is left alone, and refused.

    Raises:
        ConfigurationError: An argument is not allowed, or the location holds other files.
        StorageError: The location cannot be written.

    Example:
        >>> import tempfile
        >>> made = generate(Path(tempfile.mkdtemp()) / "observations", observations=1_000)
        >>> made.files, made.observations, made.pupils
        (1, 1000, 8)
    """
    _whole("observations", observations, 1, MOST_OBSERVATIONS)
    pupils = max(observations // OBSERVATIONS_PER_PUPIL, 1) if pupils is None else pupils
    files = math.ceil(observations / OBSERVATIONS_PER_FILE) if files is None else files
    _whole("pupils", pupils, 1, min(observations, MOST_PUPILS))
    _whole("seed", seed, 0, None)
    _whole("files", files, 1, observations)
    _whole("rows_per_chunk", rows_per_chunk, 1, None)
    heaviest = None if heaviest_share is None else _heaviest(heaviest_share, observations, pupils)
    folder = _free_folder(location, force=force)
    cohort = draw_cohort(observations, pupils, seed, heaviest)
    batches = record_batches(cohort, answers(cohort, rows_per_chunk))
    rows_per_file = [(number + 1) * observations // files - number * observations // files for number in range(files)]
    written = write_files(batches, folder, rows_per_file)
    return GeneratedData(folder, files, observations, pupils, sum(file.stat().st_size for file in written))


def _whole(name: str, value: object, low: int, high: int | None) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return
    allowed = f"{low} or more" if high is None else f"{low} to {high}"
    raise ConfigurationError(name, f"expected a whole number, {allowed}, found {value!r}")


def _heaviest(share: object, observations: int, pupils: int) -> int:
    """Return how many observations the share is; each other pupil must be left with one at least."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ConfigurationError("heaviest_share", f"expected a number above 0, up to 1, found {share!r}")
    rows = round(share * observations)
    least, most = (observations if pupils == 1 else 1), observations - (pupils - 1)
    if not least <= rows <= most:
        raise ConfigurationError(
            "heaviest_share",
            f"expected {least} to {most} of {observations} observations with {pupils} pupils, "
            f"found {share!r}, which is {rows}",
            "each pupil has an observation at least: change the share or the number of pupils",
        )
    return rows


def _free_folder(location: Path, *, force: bool) -> Path:
    """Return the location if its files may be written there, and touch nothing."""
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(location)):
        raise ConfigurationError(
            "location", f"expected a local folder, found '{location}'", "copy the files there later"
        )
    folder = Path(location)
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError("location", f"expected a folder, found the file '{location}'")
    found = [entry for entry in _entries(folder) if not (force and is_own(entry))]
    if found:
        hint = "choose another folder" if force else "choose another folder, or force to replace what was generated"
        raise ConfigurationError(
            "location", f"expected an empty folder, found {len(found)} entries in '{folder}'", hint
        )
    return folder


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise StorageError(str(folder), f"expected a readable folder, found: {error.strerror}") from error
