"""What lies at a data location: which files hold observations, in which format, and whether by subset."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from obs2seq.domain.files import StoredFile, is_hidden
from obs2seq.domain.runs import CURRENT
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
_FOREIGN = {
    "_delta_log": ("a Delta table", "name the table's own folder, or set input_format: delta"),
    ".hoodie": ("a Hudi table", "export its current rows as Parquet"),
    CURRENT: ("what obs2seq published", "name the folder of one run, run_id=..., or the raw observations"),
}
"""By the name of what lies in them: folders whose files, read as plain ones, give rows that are no longer there."""


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
    table_commit: StoredFile | None = None
    """The file in its log that made that version."""

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
        DataError: The files are of several formats, or of none that is known; or they cannot be read as one table.
    """
    commits = [(version, file) for file in files if (version := _delta_version(file.path)) is not None]
    visible = [file for file in files if not is_hidden(file.path)]
    if format_ == "delta" or (format_ == "auto" and commits):
        if not commits:
            raise DataNotFoundError(location, "expected a Delta table, found no _delta_log with a version in it")
        version, commit = max(commits, key=_newest)
        return Source(location, "delta", tuple(visible), is_all=True, table_version=version, table_commit=commit)
    _refuse_tables(location, files)
    if not visible:
        found = f"only {len(files)} hidden files" if files else "nothing there"
        raise DataNotFoundError(location, f"expected files with observations, found {found}", "check the location")
    source = (
        _by_endings(location, visible) if format_ == "auto" else Source(location, format_, tuple(visible), is_all=True)
    )
    _require_equal_partitions(source)
    return source


def require_plain_names(location: str, files: Iterable[StoredFile]) -> None:
    """Raise where S3 holds a key with an empty folder, `.` or `..` in it: Hadoop takes it for another key, or hides it.

    Raises:
        DataError: It names the first one.
    """
    for file in files:
        if file.path and not {"", ".", ".."}.isdisjoint(file.path.split("/")):
            raise DataError(
                location,
                f"expected keys that Hadoop can read, found '{file.path}' with an empty folder, '.' or '..' in it",
                "copy the object to a key without them, or take it away",
            )


def is_table(files: Iterable[StoredFile]) -> bool:
    """Whether the files at a location are those of a Delta table."""
    return any(_delta_version(file.path) is not None for file in files)


def top_folders(files: Iterable[StoredFile]) -> set[str]:
    """Return the names of the folders directly below a location that hold visible files."""
    return {file.path.split("/")[0] for file in files if "/" in file.path and not is_hidden(file.path)}


def is_data(path: str) -> bool:
    """Whether a file looks like one that holds observations."""
    return not is_hidden(path) and _format_of(path) is not None


def _refuse_tables(location: str, files: Sequence[StoredFile]) -> None:
    """Raise where some of the files belong to what only its own reader understands."""
    for file in files:
        for part in _FOREIGN.keys() & set(file.path.split("/")):
            found, hint = _FOREIGN[part]
            raise DataError(location, f"expected plain files, found {found} ({file.path})", hint)


def _require_equal_partitions(source: Source) -> None:
    """Raise where not all files lie in folders of the same columns: Spark drops the rows of some, in silence."""
    first, *others = source.files
    for other in others if source.has_partition_folders else ():
        if _partition_columns(other.path) != _partition_columns(first.path):
            raise DataError(
                source.location,
                "expected all files in folders named <column>=<value> of the same columns, or none, found "
                f"{first.path} beside {other.path}",
                "name a folder whose files all lie equally deep",
            )


def _partition_columns(path: str) -> list[str]:
    """The columns that the folders on the way to a file name; a folder without '=' stands for itself."""
    return [folder.partition("=")[0] for folder in path.split("/")[:-1]]


def _newest(commit: tuple[int, StoredFile]) -> tuple[int, bool]:
    """Order by version; of one version, a commit counts above the checkpoint that may follow it."""
    version, file = commit
    return version, file.path.endswith(".json")


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
    match = re.fullmatch(r"_delta_log/(\d{20})\.(?:json|checkpoint\..*parquet)", path)
    return int(match[1]) if match else None
