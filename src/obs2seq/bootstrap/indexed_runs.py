"""Looks at runs of the indexed layout as if they were expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from obs2seq.domain.layouts import layout_of
from obs2seq.domain.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa

    from obs2seq.loading.pieces import Pieces
    from obs2seq.warehouses.comparison import PublishedRun


def first_sequences(run_location: str, manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Return the first sequences of an indexed run.

    Raises:
        StorageError: A file cannot be read.
    """
    from obs2seq.loading.instants import with_zones

    pieces = _pieces(manifest, run_location)
    rows: list[dict[str, Any]] = []
    for piece in pieces.pieces:
        if len(rows) >= count:
            break
        table = pieces.read(piece, list(manifest.columns), codes=False).slice(0, count - len(rows))
        rows += with_zones(table, manifest).to_pylist()
    return rows


def comparable(run: PublishedRun) -> PublishedRun:
    """Return a run whose columns are those of its sequences."""
    if layout_of(run.manifest.files) == "expanded":
        return run
    pieces = _pieces(run.manifest, run.location)

    def parts(name: str) -> Iterator[pa.ChunkedArray]:
        return (pieces.read(piece, [name], codes=False).column(0) for piece in pieces.pieces)

    return replace(run, parts=parts)


def _pieces(manifest: Manifest, run_location: str) -> Pieces:
    from obs2seq.loading.opening import pieces_of

    return pieces_of(manifest, run_location, 1)
