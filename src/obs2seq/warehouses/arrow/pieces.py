"""What a reader gives: the columns of the observations, and their rows in pieces that can be read at the same time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Args:
        path: The file, relative to the location.
        size: In rows or in bytes, the same for all pieces of a source.
        read: Reads it, as tables with the size of each; any thread may call it, once.
    """

    path: str
    size: int
    read: Callable[[], Iterator[tuple[pa.Table, int]]]


@dataclass(frozen=True)
class Observations:
    """All rows of a source.

    Args:
        schema: The columns that are read, typed as Spark reads them; texts are plain or in dictionaries.
        names: All columns that the source has, read or not.
        cut: Cuts the rows into pieces whose tables have about so many rows at the most, in the order of the files.
    """

    schema: pa.Schema
    names: Sequence[str]
    cut: Callable[[int], list[Piece]]
