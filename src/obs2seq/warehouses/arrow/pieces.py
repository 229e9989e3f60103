"""What a reader gives: the columns of the observations, and their rows in pieces that can be read at the same time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Args:
        path: The file, relative to the location.
        size: What share of the whole it is, in rows or bytes, the same for all pieces.
        read: Reads it, as one table or several; any thread may call it, once.
    """

    path: str
    size: int
    read: Callable[[], Iterator[pa.Table]]


@dataclass(frozen=True)
class Observations:
    """All rows of a source.

    Args:
        schema: The columns that are read, typed as Spark reads them; texts are plain or in dictionaries.
        pieces: In the order of the files.
        names: All columns that the source has, read or not.
    """

    schema: pa.Schema
    pieces: Sequence[Piece]
    names: Sequence[str]

    @property
    def size(self) -> int:
        """All pieces' sizes together."""
        return sum(piece.size for piece in self.pieces)
