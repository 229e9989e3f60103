"""Stand-ins for the adapters, held to the same tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import is_s3, join
from obs2seq.errors import ConfigurationError, DataNotFoundError, SpecificationError
from obs2seq.ports import Storage, VersionedText, WarehouseServiceInterface
from obs2seq.storage.texts import changed_meanwhile
from obs2seq.warehouses.locations import published_path, require_apart

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath

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


class InMemoryWarehouseService(WarehouseServiceInterface):
    """Publishes numbers of observations in a dictionary.

    Args:
        observations: By data location and subset, how many there are.
        failures: By subset, what to raise instead of making it.
    """

    def __init__(
        self, observations: Mapping[str, Mapping[str, int]], failures: Mapping[str, Exception] | None = None
    ) -> None:
        self.published: dict[str, int] = {}
        self.calls: list[tuple[object, ...]] = []
        self._observations = observations
        self._failures = failures or {}
        self._held_back: dict[str, int] | None = None

    def sequence_dataset(
        self, s3_data_location: str, sequence_length: int, output_s3_location: str, subset_name: str
    ) -> PublishedPath:
        self.calls.append(("sequence_dataset", s3_data_location, sequence_length, output_s3_location, subset_name))
        if sequence_length < 1:
            raise SpecificationError("specification", f"sequence_length: expected 1 or more, found {sequence_length}")
        return self._publish(s3_data_location, output_s3_location, subset_name, f"_sequenced_{sequence_length}")

    def prepare_dataset(self, s3_data_location: str, output_s3_location: str, subset_name: str) -> PublishedPath:
        self.calls.append(("prepare_dataset", s3_data_location, output_s3_location, subset_name))
        return self._publish(s3_data_location, output_s3_location, subset_name, "_prepared")

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        self._held_back = {}
        try:
            yield
            self.publish_all(self._held_back)
        finally:
            self._held_back = None

    def publish_all(self, made: Mapping[str, int]) -> None:
        self.published |= made

    def _publish(self, data: str, output: str, subset: str, ending: str) -> PublishedPath:
        if subset in self._failures:
            raise self._failures[subset]
        location = join(output, subset + ending)
        rows = self._rows(data.rstrip("/"), output, subset)
        (self.published if self._held_back is None else self._held_back)[location] = rows
        return published_path(location)

    def _rows(self, data: str, output: str, subset: str) -> int:
        is_s3(data), is_s3(output)
        require_apart(data, output)
        if data not in self._observations:
            raise DataNotFoundError(data, "expected files with observations, found nothing there")
        if subset not in self._observations[data]:
            raise ConfigurationError(
                "subsets", f"expected one of {', '.join(self._observations[data])}, found {subset}"
            )
        return self._observations[data][subset]
