"""What lies at a data location: which files hold observations, in which format, and whether by subset."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from obs2seq.domain.files import StoredFile, is_hidden
from obs2seq.errors import DataError, DataNotFoundError

_ENDINGS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".json": "json",
    ".json.gz": "json",
    ".jsonl": "json",
    ".jsonl.gz": "json",
    ".ndjson": "json",
    ".ndjson.gz": "json",
}
_DELTA_LOG = "_delta_log/"


@dataclass(frozen=True)
class Source:
    """Observations in one format at one location."""

    location: str
    format: str
    """parquet, delta, csv or json."""
    files: tuple[StoredFile, ...]
    """The data files, by path relative to the location; of a Delta table also those that its log has let go."""
    is_all: bool
    """Whether the location holds no other files, hidden ones apart, so that it can be read as a folder."""
    table_version: int | None = None
    """Of a Delta table, its newest version: the one to read."""

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(file.size for file in self.files)

    @property
    def has_partition_folders(self) -> bool:
        """Whether folders named <column>=<value> hold the files."""
        return any("=" in folder for file in self.files for folder in file.path.split("/")[:-1])


def source_at(location: str, files: Sequence[StoredFile], format_: str = "auto") -> Source:
    """Tell what the files at a location are.

    Args:
        location: Where they lie.
        files: All that lies there, as `Storage.list_files` gives it.
        format_: parquet, delta, csv or json; auto tells by a `_delta_log`, or by the files' endings.

    Raises:
        DataNotFoundError: There is nothing to read.
        DataError: The files are of several formats, or of none that is known.
    """
    versions = [version for file in files if (version := _delta_version(file.path)) is not None]
    visible = [file for file in files if not is_hidden(file.path)]
    if format_ == "delta" or (format_ == "auto" and versions):
        if not versions:
            raise DataNotFoundError(location, "expected a Delta table, found no _delta_log with a version in it")
        return Source(location, "delta", tuple(visible), is_all=True, table_version=max(versions))
    if not visible:
        found = f"only {len(files)} hidden files" if files else "nothing there"
        raise DataNotFoundError(location, f"expected files with observations, found {found}", "check the location")
    if format_ != "auto":
        return Source(location, format_, tuple(visible), is_all=True)
    return _by_endings(location, visible)


def top_folders(files: Iterable[StoredFile]) -> set[str]:
    """Return the names of the folders directly below a location that hold visible files."""
    return {file.path.split("/")[0] for file in files if "/" in file.path and not is_hidden(file.path)}


def is_data(path: str) -> bool:
    """Whether a file looks like one that holds observations."""
    return not is_hidden(path) and _format_of(path) is not None


def _by_endings(location: str, visible: Sequence[StoredFile]) -> Source:
    counts = Counter(found for file in visible if (found := _format_of(file.path or location)))
    if len(counts) != 1:
        found = ", ".join(f"{n} {format_}" for format_, n in sorted(counts.items())) or "none that end in one of them"
        raise DataError(
            location,
            f"expected files of one format ({', '.join(_ENDINGS)}), found {found}",
            "set input_format, or name a folder or file with one format alone",
        )
    (format_,) = counts
    chosen = tuple(file for file in visible if _format_of(file.path or location) == format_)
    return Source(location, format_, chosen, is_all=len(chosen) == len(visible))


def _format_of(path: str) -> str | None:
    return next((format_ for ending, format_ in _ENDINGS.items() if path.lower().endswith(ending)), None)


def _delta_version(path: str) -> int | None:
    """The version that a file of a Delta table's log stands for: a commit or a checkpoint."""
    name = path.removeprefix(_DELTA_LOG)
    number = name.partition(".")[0]
    is_version = path.startswith(_DELTA_LOG) and number.isdigit() and name.endswith((".json", ".checkpoint.parquet"))
    return int(number) if is_version else None
