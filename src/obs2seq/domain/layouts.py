"""How the sequences of a run lie in its folder.

expanded: each Parquet file holds sequences, arrays of L.
indexed: `sessions/<name>.parquet` holds sessions, and `windows/<name>.parquet` of the same name the windows over them;
a window names its session by the row in that file, from 0.

In either, the manifest's `rows` counts sequences, and its `columns` are the contract's output columns.
"""

from collections.abc import Iterable
from typing import Literal

from obs2seq.domain.files import WrittenFile

Layout = Literal["expanded", "indexed"]

SESSIONS = "sessions/"
WINDOWS = "windows/"


def layout_of(files: Iterable[WrittenFile]) -> Layout:
    """Return the layout of a run's files."""
    return "indexed" if any(file.path.startswith((SESSIONS, WINDOWS)) for file in files) else "expanded"


def sequences_in(files: Iterable[WrittenFile]) -> int:
    """Return how many sequences files hold, or other rows where a run is none of sequences."""
    return sum(file.rows for file in files if not file.path.startswith(SESSIONS))
