"""How many observations each pupil has: what pupils are assigned to subsets by."""

from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.errors import DataError
from obs2seq.warehouses.arrow.membership import bits
from obs2seq.warehouses.arrow.spark_text import spark_text

_MOST_WAITING = 1 << 22
"""Pupils' counts of several pieces that wait to be added up."""


class PupilCounts:
    """Adds up pieces from several threads.

    Args:
        pupil: The column that names the pupils.
    """

    def __init__(self, pupil: str) -> None:
        self._pupil = pupil
        self._lock = Lock()
        self._type: pa.DataType | None = None
        self._waiting: list[pa.Table] = []

    def add(self, place: tuple[int, int], table: pa.Table, done: float) -> None:  # noqa: ARG002  # as a store takes it
        """Count the observations of a piece, none of whose pupils is null."""
        column = table.column(self._pupil)
        column = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        pupils = pa.chunked_array([bits(chunk) for chunk in column.chunks])
        counted = _summed(pa.table({"pupil": pupils, "n": pa.repeat(pa.scalar(1, pa.int64()), len(pupils))}))
        with self._lock:
            self._type = column.type
            self._waiting.append(counted)
            if sum(map(len, self._waiting)) > _MOST_WAITING:
                self._waiting = [_summed(pa.concat_tables(self._waiting))]

    def counts(self) -> dict[str, int]:
        """Return each pupil's observations, by the text that subsets are told by."""
        if self._type is None:
            return {}
        counted = _summed(pa.concat_tables(self._waiting))
        pupils = counted.column("pupil").combine_chunks()
        texts = spark_text(pupils.view(self._type) if pa.types.is_floating(self._type) else pupils, "the pupils")
        try:
            names = [text.decode() for text in texts]
        except UnicodeDecodeError as error:
            raise DataError("observations", "expected pupils in UTF-8, to assign them, found others") from error
        return dict(zip(names, counted.column("n").to_pylist(), strict=True))


def _summed(counts: pa.Table) -> pa.Table:
    summed = counts.group_by("pupil").aggregate([("n", "sum")])
    return pa.table({"pupil": summed.column("pupil"), "n": pc.cast(summed.column("n_sum"), pa.int64())})
