"""The order in which sequences are read, and batches of equal size cut from it."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TypeVar

import numpy as np

from obs2seq.loading.arrays import Array, Batch

_MOST_PARTS = 8
"""Chunks from which a batch is drawn; where there are more, some are joined first."""

Item = TypeVar("Item")
Content = TypeVar("Content")


@dataclass(frozen=True)
class Span:
    """Consecutive sequences of one piece."""

    piece: int
    start: int
    stop: int


def spans_of(rows: Sequence[int], generator: np.random.Generator | None, shard: tuple[int, int]) -> list[Span]:
    """Return what one shard reads, in order: every sequence is in one shard, and shards differ by one at most.

    Args:
        rows: The rows of each piece.
        generator: Shuffles the pieces; None: they stay in order. All shards must have an equal one.
        shard: Its number, from 0, and how many there are.
    """
    order = list(range(len(rows))) if generator is None else generator.permutation(len(rows)).tolist()
    total = sum(rows)
    index, count = shard
    first, last = total * index // count, total * (index + 1) // count
    ends = list(accumulate(rows[piece] for piece in order))
    spans = (
        Span(piece, max(first - (end - rows[piece]), 0), min(last - (end - rows[piece]), rows[piece]))
        for piece, end in zip(order, ends, strict=True)
    )
    return [span for span in spans if span.start < span.stop]


def read_ahead(read: Callable[[Item], Content], items: Sequence[Item], threads: int) -> Iterator[Content]:
    """Yield what each item holds, in order, while the next ones are read."""
    with ThreadPoolExecutor(threads) as pool:
        remaining = iter(items)
        ahead: deque[Future[Content]] = deque(pool.submit(read, item) for item in islice(remaining, threads))
        try:
            while ahead:
                content = ahead.popleft().result()
                ahead.extend(pool.submit(read, item) for item in islice(remaining, 1))
                yield content
        finally:
            for future in ahead:
                future.cancel()


def cut(chunks: Iterator[Batch], size: int, *, drop_last: bool) -> Iterator[Batch]:
    """Yield batches of a size in order; within a chunk they are views, across two they are copied."""
    rest: Batch | None = None
    for chunk in chunks:
        joined = chunk
        if rest is not None:
            missing = min(size - n_rows(rest), n_rows(chunk))
            joined = rest = _joined([rest, taken(chunk, slice(0, missing))])
            if n_rows(rest) < size:
                continue
            yield rest
            joined, rest = taken(chunk, slice(missing, None)), None
        whole = n_rows(joined) // size * size
        yield from (taken(joined, slice(start, start + size)) for start in range(0, whole, size))
        rest = taken(joined, slice(whole, None)) if whole < n_rows(joined) else None
    if rest is not None and not drop_last:
        yield rest


def cut_shuffled(
    chunks: Iterator[Batch], size: int, held: int, generator: np.random.Generator, *, drop_last: bool
) -> Iterator[Batch]:
    """Yield batches drawn from what is held in memory: so many sequences, or a chunk if it has more."""
    pool: list[Batch] = []
    for chunk in chunks:
        pool.append(chunk)
        if sum(map(n_rows, pool)) >= max(held, size):
            pool = yield from _drawn(_Held(pool), size, generator)
    if pool:
        rest = yield from _drawn(_Held(pool), size, generator)
        if not drop_last:
            yield from rest


class _Held:
    """Sequences of several chunks, from which some are taken without making one of them all."""

    def __init__(self, chunks: list[Batch]) -> None:
        step = -(-len(chunks) // _MOST_PARTS)
        self._parts = [_joined(chunks[start : start + step]) for start in range(0, len(chunks), step)]
        self._starts = np.cumsum([0, *map(n_rows, self._parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def taken(self, rows: Array) -> Batch:
        """Return some rows, numbered through all chunks."""
        if len(self._parts) == 1:
            return taken(self._parts[0], rows)
        part_of = np.searchsorted(self._starts, rows, side="right") - 1
        found = [np.flatnonzero(part_of == part) for part in range(len(self._parts))]
        numbered = zip(self._parts, found, self._starts, strict=False)
        picked = [taken(part, rows[places] - start) for part, places, start in numbered]
        return taken(_joined(picked), np.argsort(np.concatenate(found)))


def n_rows(batch: Batch) -> int:
    """Return how many sequences a batch has."""
    return len(next(iter(batch.values())))


def taken(batch: Batch, rows: slice | Array) -> Batch:
    """Return some rows of every array."""
    if isinstance(rows, slice):
        return {name: array[rows] for name, array in batch.items()}
    return {name: array.take(rows, axis=0) for name, array in batch.items()}


def _drawn(held: _Held, size: int, generator: np.random.Generator) -> Generator[Batch, None, list[Batch]]:
    """Yield whole batches in random order; return what is left over."""
    order = generator.permutation(len(held))
    whole = len(order) // size * size
    for start in range(0, whole, size):
        yield held.taken(order[start : start + size])
    return [held.taken(order[whole:])] if whole < len(order) else []


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
