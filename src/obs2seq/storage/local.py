"""The small files beside the data on a file system of this machine (POSIX: locks need `fcntl`)."""

import datetime
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import local_path
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.texts import changed_meanwhile, decoded

_ABSENT = (FileNotFoundError, NotADirectoryError)
_HINTS = {
    errno.EACCES: "give the user of this process read and write permission there",
    errno.EPERM: "give the user of this process read and write permission there",
    errno.EROFS: "choose a location on a file system that can be written to",
    errno.ENOSPC: "free space on that disk, or choose another location",
    errno.EDQUOT: "free space within the quota, or choose another location",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "remove the link that points to a folder above itself",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of the path is a file: choose another location",
    errno.EEXIST: "a part of the path is a file: choose another location",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOLCK: "choose a file system that can lock files",
    errno.EIO: "check the disk, or the connection to the file server",
    errno.ESTALE: "check the connection to the file server",
}


class LocalStorage(Storage):
    """Plain paths and `file://` URIs. Links are followed, as Spark does. As on S3, no folder is left without files.

    Writers in several processes take turns by a lock file beside the target, `.<name>.lock`, which the kernel
    releases when a process dies; a file that a killed process left behind does no harm.
    """

    def list_files(self, location: str) -> list[StoredFile]:
        with _refusals(location):
            return sorted(_stored_files(local_path(location)))

    def read_text(self, location: str) -> VersionedText | None:
        with _refusals(location):
            return _read(local_path(location), location)

    def write_text(self, location: str, text: str) -> None:
        path = local_path(location)
        with _refusals(location), _locked(path):
            _write(path, text)

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        path = local_path(location)
        with _refusals(location), _locked(path):
            if _read(path, location) != expected:
                raise changed_meanwhile(location)
            _write(path, text)

    def remove(self, location: str) -> None:
        path = local_path(location)
        if path.absolute() == path.absolute().parent:
            raise ConfigurationError(location, "expected a file or a folder to remove, found the root")
        with _refusals(location):
            _remove(path)
        with suppress(OSError):
            path.parent.rmdir()


@contextmanager
def _refusals(location: str) -> Iterator[None]:
    """Say what the operating system refused as a `StorageError`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        problem = f"expected to read and write here, found: {error.strerror or error}"
        raise StorageError(location, problem, _HINTS.get(error.errno or 0, "check the location")) from error


def _stored_files(root: Path) -> Iterator[StoredFile]:
    if not root.is_dir():
        yield from _stored_file(root, "")
        return
    for folder, _, names in os.walk(root, onerror=_raise_unless_absent, followlinks=True):
        for name in names:
            path = Path(folder, name)
            yield from _stored_file(path, path.relative_to(root).as_posix())


def _stored_file(path: Path, relative: str) -> Iterator[StoredFile]:
    """Yield the file, or nothing where it is gone by now or no regular file."""
    with suppress(*_ABSENT):
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            yield StoredFile(relative, status.st_size, _iso_timestamp(status.st_mtime_ns))


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, _ABSENT):
        raise error


def _iso_timestamp(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _read(path: Path, location: str) -> VersionedText | None:
    with suppress(*_ABSENT):
        content = path.read_bytes()
        return VersionedText(decoded(location, content), hashlib.sha256(content).hexdigest())
    return None


def _write(path: Path, text: str) -> None:
    """Put the text in place in one step that survives a power cut; only under the file's lock."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder or a file; another process may be removing it too."""
    while path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
    with suppress(*_ABSENT):
        path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, whose folder is made where it is missing."""
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _acquire(lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(lock: Path) -> int:
    """Wait for the lock; begin again where the file that was waited for has been removed, or its folder."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
        except FileNotFoundError:
            if lock.parent.is_dir():
                raise
            continue  # another process has just removed the folder, which was empty
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(lock, descriptor):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(lock: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    return False
