"""The observations of one run: in memory while they are few, beyond that in temporary files by pupil."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import pyarrow as pa

from obs2seq.errors import StorageError
from obs2seq.warehouses.arrow.buckets import Bucket, Buckets
from obs2seq.warehouses.arrow.mapped import mapped
from obs2seq.warehouses.arrow.memory import Allowance, in_words

_MOST_BUCKETS = 256
_UNEVEN = 1.3
"""How much larger than the mean the largest of some groups of pupils may well be."""
_DEEPEST = 2


@dataclass(frozen=True)
class Group:
    """All observations of some pupils.

    Args:
        read: Returns them, once.
        is_whole: Whether they take the whole budget, so that no other group can be in memory at the same time.
        discard: Gives back what holds them; to be called when nothing needs them any more.
    """

    read: Callable[[], pa.Table]
    is_whole: bool
    discard: Callable[[], None] = lambda: None


class Store:
    """Takes observations from several threads, and gives them back by pupil. Leaves no file behind.

    Args:
        schema: Of the observations.
        pupil: The column that names the pupils.
        allowance: How much memory there is.
        folder: Where temporary files may lie; None: where the system keeps them.
        elements: Tells as how many observations some of them are to be counted, where they are taken apart.
    """

    def __init__(
        self,
        schema: pa.Schema,
        pupil: str,
        allowance: Allowance,
        folder: str | None,
        elements: Callable[[pa.Table], int] = len,
    ) -> None:
        self._schema, self._pupil, self._allowance, self._elements = schema, pupil, allowance, elements
        self._place = folder or tempfile.gettempdir()
        self._lock = Lock()
        self._held: dict[tuple[int, int], pa.Table] = {}
        self._rows, self._size = 0, 0
        self._total = 0, 0
        """The rows and bytes of all observations, as far as can be told when files are first needed."""
        self._buckets: Buckets | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, place: tuple[int, int], table: pa.Table, done: float) -> None:
        """Take observations.

        Args:
            place: Puts them in order with those of other calls.
            table: The observations.
            done: What part of the whole has been given by now, above 0 and up to 1.
        """
        with self._lock:
            if self._buckets is None:
                self._held[place] = table
                self._rows, self._size = self._rows + self._elements(table), self._size + table.nbytes
                if self._stays(done):
                    return
                self._spill(done)
                return
        with self._explained():
            self._buckets.add(table)

    def groups(self) -> Iterator[Group]:
        """Yield all observations, in groups of pupils."""
        if self._buckets is None:
            tables = [self._held[place] for place in sorted(self._held)]
            self._held.clear()
            yield Group(lambda: pa.concat_tables([self._schema.empty_table(), *tables]), is_whole=True)
            return
        with self._explained():
            self._buckets.finish()
            yield from self._groups(self._buckets)

    def _stays(self, done: float) -> bool:
        """Whether all stays in memory: little does, and what memory can take but no file."""
        if self._allowance.is_light(self._rows, self._size):
            return True
        rows, size = int(self._rows / done), int(self._size / done)
        return self._allowance.holds(rows, size) and not self._has_room(size)

    def _has_room(self, size: int) -> bool:
        with suppress(OSError):
            return os.access(self._place, os.W_OK) and shutil.disk_usage(self._place).free >= 2 * size
        return False

    def _spill(self, done: float) -> None:
        """Go over to temporary files."""
        self._total = rows, size = int(self._rows / done), int(self._size / done)
        with self._explained():
            self._require_room(size)
            self._folder = Path(tempfile.mkdtemp(prefix="obs2seq-", dir=self._place))
            count = self._count(int(rows * _UNEVEN), int(size * _UNEVEN))
            buckets = Buckets(self._folder / "0", self._schema, self._pupil, count, elements=self._elements)
            for place in sorted(self._held):
                buckets.add(self._held.pop(place))
            self._buckets = buckets

    def _count(self, rows: int, size: int) -> int:
        """Return how many groups let as many be in memory as there are threads."""
        threads, count = self._allowance.threads, 2
        while count < _MOST_BUCKETS and not self._allowance.is_light(rows // count, size // count, threads):
            count += 1
        return count

    def _groups(self, buckets: Buckets) -> Iterator[Group]:
        for number, bucket in enumerate(buckets.parts):
            if bucket.rows == 0:
                bucket.remove()
            elif self._allowance.is_light(bucket.elements, bucket.size, self._allowance.threads):
                yield Group(bucket.read, is_whole=False, discard=bucket.remove)
            elif self._allowance.holds(bucket.elements, bucket.size):
                yield Group(bucket.read, is_whole=True, discard=bucket.remove)
            elif buckets.level < _DEEPEST:
                yield from self._groups(self._parted(bucket, buckets.level + 1, number))
            else:
                yield self._heavy(bucket)

    def _parted(self, bucket: Bucket, level: int, number: int) -> Buckets:
        """Part the pupils of a file once more."""
        assert self._folder is not None, "files lie in a folder"
        folder = self._folder / f"{bucket.path.parent.name}-{number}"
        count = self._count(int(bucket.elements * _UNEVEN), int(bucket.size * _UNEVEN))
        parts = Buckets(folder, self._schema, self._pupil, count, level, self._elements)
        for table in bucket.tables():
            parts.add(table)
        parts.finish()
        bucket.remove()
        return parts

    def _heavy(self, bucket: Bucket) -> Group:
        """Leave the values of pupils that cannot be parted in files: only their order is in memory."""
        self._allowance.require_order(bucket.elements)
        return Group(lambda: mapped(bucket, self._schema), is_whole=True)

    def _require_room(self, size: int) -> None:
        free = shutil.disk_usage(self._place).free
        if free < size:
            raise self._no_room(f"room for about {in_words(size)} of temporary files, found {in_words(free)} free")

    def _no_room(self, problem: str) -> StorageError:
        needed = in_words(self._allowance.needed(*self._total))
        return StorageError(
            self._place,
            f"expected {problem}",
            f"set temporary_folder to a place with more room, or memory_budget to {needed}, which needs none",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what the temporary folder refuses."""
        try:
            yield
        except StorageError:
            raise
        except OSError as error:
            room = in_words(self._total[1])
            reason = error.strerror or type(error).__name__
            raise self._no_room(f"to write about {room} of temporary files, found: {reason}") from error
