"""Archives whose bytes depend on nothing but what goes in: no time, no user, no order on disk."""

import gzip
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from obs2seq.errors import ConfigurationError, StorageError

EPOCH_S = 315_532_800
"""1980-01-01 in UTC, the first time that a zip can hold, and the one of every entry."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_REGULAR_FILE = 0o100000
_UNIX = 3


def write_zip(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write a zip with the entries in their order, all at once or not at all.

    Raises:
        ConfigurationError: The folder is a file, or lies below one.
        StorageError: The folder or the file cannot be written.
    """
    with _written(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.create_system = _UNIX
            entry.external_attr = (_REGULAR_FILE | _MODE) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def read_zip(path: Path) -> dict[str, bytes]:
    """Return what is in a zip, in its order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_tar_gz(path: Path, root: Path, names: Iterable[str]) -> None:
    """Write the files of these names below a folder as a compressed tar, all at once or not at all.

    Raises:
        ConfigurationError: The folder is a file, or lies below one.
        StorageError: The folder or the file cannot be written.
    """
    with (
        _written(path) as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0, compresslevel=6) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in sorted(names):
            _add(archive, name, root / name)


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """Add a file as what a fresh entry says it is: root's."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = path.stat().st_size, EPOCH_S, _MODE
    with path.open("rb") as content:
        archive.addfile(entry, content)


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside the path, which takes its place when all is written."""
    try:
        _make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            partial.chmod(_MODE)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            str(path.parent),
            f"expected a folder with room for {path.name}, found: {error.strerror or type(error).__name__}",
            "check its permissions and the free space, or name another folder",
        ) from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigurationError(str(path), "expected a folder, found a file", "name another folder") from error
