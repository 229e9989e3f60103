"""What goes from making to writing in the indexed layout."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class IndexedBatch:
    """Some rows of sessions, and the windows over them.

    Args:
        sessions: As `indexed_tables` makes them.
        windows: The same; they count these sessions from 0.
        observations: How many the sessions hold.
    """

    sessions: pa.Table
    windows: pa.Table
    observations: int
