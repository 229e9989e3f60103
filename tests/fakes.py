"""Stand-ins for the adapters, held to the same tests."""

import threading
from datetime import UTC, datetime, timedelta

from obs2seq.domain.files import StoredFile
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.texts import changed_meanwhile

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class InMemoryStorage(Storage):
    """Files in a dictionary; every change is a second after the one before."""

    def __init__(self) -> None:
        self.files: dict[str, VersionedText] = {}
        self._lock = threading.RLock()
        self._changes = 0

    def list_files(self, location: str) -> list[StoredFile]:
        root = location.rstrip("/")
        below = {path: file for path, file in self.files.items() if path == root or path.startswith(f"{root}/")}
        return sorted(
            StoredFile(path[len(root) + 1 :], len(file.text.encode()), self._modified(file))
            for path, file in below.items()
        )

    def read_text(self, location: str) -> VersionedText | None:
        return self.files.get(location)

    def write_text(self, location: str, text: str) -> None:
        with self._lock:
            self._put(location, text)

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        with self._lock:
            if self.files.get(location) != expected:
                raise changed_meanwhile(location)
            self._put(location, text)

    def remove(self, location: str) -> None:
        root = location.rstrip("/")
        # No order is promised; this one takes a run's manifest last.
        for path in sorted(self.files, reverse=True):
            if path == root or path.startswith(f"{root}/"):
                self._drop(path)

    def _put(self, path: str, text: str) -> None:
        self._changes += 1
        self.files[path] = VersionedText(text, str(self._changes))

    def _drop(self, path: str) -> None:
        del self.files[path]

    def _modified(self, file: VersionedText) -> str:
        return (EPOCH + timedelta(seconds=int(file.version))).isoformat()


class DyingStorage(InMemoryStorage):
    """Dies before its n-th change to a single file, as a process does that is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.changes_left: int | None = None

    def _put(self, path: str, text: str) -> None:
        self._use_one_change()
        super()._put(path, text)

    def _drop(self, path: str) -> None:
        self._use_one_change()
        super()._drop(path)

    def _use_one_change(self) -> None:
        if self.changes_left is not None:
            if self.changes_left == 0:
                raise KilledError
            self.changes_left -= 1


class KilledError(BaseException):
    """Nothing may catch it."""
