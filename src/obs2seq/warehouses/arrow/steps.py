"""The two passes of a run: every piece is read and judged, and then every group of pupils is made and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TypeVar

import pyarrow as pa

from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.activity import PupilCounts
from obs2seq.warehouses.arrow.making import Made, Maker
from obs2seq.warehouses.arrow.pieces import Piece
from obs2seq.warehouses.arrow.quality import PupilChecks
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.arrow.store import Group, Store
from obs2seq.warehouses.arrow.vocabularies import FirstValues
from obs2seq.warehouses.arrow.writing import FileWriters

_WORTH_A_THREAD = 1 << 19
"""Values of a column that take longer to make and to write than a second file costs."""

Item = TypeVar("Item")


@dataclass
class Reading:
    """Reads and judges pieces on several threads.

    Args:
        selection: Judges rows.
        account: Counts them.
        store: Takes those that are kept; None: only count.
        aside: Takes those that are quarantined.
    """

    selection: Selection
    account: Account
    store: Store | PupilCounts | FirstValues | None
    aside: Callable[[pa.Table], None] | None = None
    _lock: Lock = field(default_factory=Lock)
    _done: int = 0
    _total: int = 0

    def read(self, pieces: list[Piece], pool: Executor) -> None:
        """Read all pieces."""
        self._total = sum(piece.size for piece in pieces)
        for_each(pool, self._read, enumerate(pieces))

    def _read(self, numbered: tuple[int, Piece]) -> None:
        number, piece = numbered
        for part, (raw, size) in enumerate(piece.read()):
            selected = self.selection.select(raw, piece.rest)
            self.account.add_read(selected.counts)
            if self.aside is not None and selected.quarantined is not None:
                self.aside(selected.quarantined())
            done = self._share_done(size)
            if self.store is not None and len(selected.table):
                self.store.add((number, part), selected.table, done)

    def _share_done(self, size: int) -> float:
        with self._lock:
            self._done += size
            return min(max(self._done / max(self._total, 1), 1e-6), 1.0)


@dataclass(frozen=True)
class Writing:
    """Makes and writes groups of pupils.

    Args:
        maker: Makes the output.
        writers: Write it.
        account: Counts what became of the observations.
        threads: How many threads make and write.
        row_group_values: How many values of a column are held until they are written.
    """

    maker: Maker
    writers: FileWriters
    account: Account
    threads: int
    row_group_values: int

    def write(self, groups: Iterable[Group], pool: Executor) -> None:
        """Write all groups: several at a time, or with all threads on one where it needs the memory alone."""
        alone: list[Group] = []
        for_each(pool, self._write_small, (group for group in groups if not _is_alone(group, alone)))
        for group in alone:
            self._write_alone(group, pool)
        self.writers.close()

    def _write_small(self, group: Group) -> None:
        with ThreadPoolExecutor(1) as own:
            made = self._made(group, own)
            self.writers.write(made.batches(0, made.count), self.row_group_values)
        group.discard()

    def _write_alone(self, group: Group, pool: Executor) -> None:
        made = self._made(group, pool)
        for_each(pool, partial(self._write_part, made), self._parts(made))
        group.discard()

    def _write_part(self, made: Made, part: tuple[int, int]) -> None:
        self.writers.write(made.batches(*part), self.row_group_values)

    def _made(self, group: Group, pool: Executor) -> Made:
        made = self.maker.make(group.read(), pool)
        self.account.add_made(made.counts)
        return made

    def _parts(self, made: Made) -> Iterator[tuple[int, int]]:
        """Cut the output so that each thread has its share, where that is worth it."""
        return made.parts(max(min(self.threads, made.values(self.maker.width) // _WORTH_A_THREAD), 1))


def check_pupils(groups: Iterable[Group], checks: PupilChecks, account: Account) -> None:
    """Try the rules over pupils on all groups, and make nothing of them."""
    for group in groups:
        account.add_checked(checks.check(group.read()).counts)
        group.discard()


def for_each(pool: Executor, do: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do something with each item on the pool; after the first error, leave undone what has not begun.

    Nothing goes on when this returns: what threads write to may be cleared away then.
    """
    futures: list[Future[None]] = []
    try:
        for item in items:
            futures.append(pool.submit(do, item))  # one by one: known also where Ctrl-C comes between them
        for future in futures:
            future.result()
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


def _is_alone(group: Group, alone: list[Group]) -> bool:
    """Whether a group has to wait until the others are done; it is noted then."""
    if group.is_whole:
        alone.append(group)
    return group.is_whole
