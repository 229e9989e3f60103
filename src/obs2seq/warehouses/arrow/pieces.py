"""What a reader gives: the columns of the observations, and their rows in pieces that can be read at the same time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Args:
        path: The file, relative to the location.
        size: In rows or in bytes, the same for all pieces of a source.
        read: Reads it, as tables with the size of each; any thread may call it, once.
        rest: Reads the columns that wait until they are asked for, of the one table that `read` gives, in the order of
            its rows; None: its tables have them.
    """

    path: str
    size: int
    read: Callable[[], Iterator[tuple[pa.Table, int]]]
    rest: Callable[[], pa.Table] | None = None


@dataclass(frozen=True)
class Observations:
    """All rows of a source.

    Args:
        schema: The columns that are read, typed as Spark reads them; texts are plain or in dictionaries.
        names: All columns that the source has, read or not.
        cut: Cuts the rows into pieces whose tables have about so many rows at the most, in the order of the files.
        rest: The columns that a piece may read later, where somebody asks for whole rows.
    """

    schema: pa.Schema
    names: Sequence[str]
    cut: Callable[[int], list[Piece]]
    rest: pa.Schema = field(default_factory=lambda: pa.schema([]))
