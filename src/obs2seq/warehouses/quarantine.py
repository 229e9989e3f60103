"""The rows that quality rules put aside on Spark, written beside the run's data."""

from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql.types import NullType

from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Quarantine
from obs2seq.domain.rule_sets import pupil_rules, row_rules, with_severity
from obs2seq.domain.runs import QUARANTINE
from obs2seq.errors import DataError
from obs2seq.flow.columns import named
from obs2seq.flow.dataflow import quarantined
from obs2seq.flow.selection import Selection
from obs2seq.ports import SequenceWriter
from obs2seq.warehouses.engine import Order


def quarantine(
    selected: Callable[[], tuple[DataFrame, Selection]],
    order: Order,
    ledger: Ledger,
    writer: SequenceWriter,
    location: str,
) -> Quarantine | None:
    """Write what was counted as quarantined, with a job of its own; none where nothing was.

    Spark writes one output a job. Held back in memory or on disk until the first is written, the rows would cost every
    run; read anew, they cost only those that have some. Which rules were broken is known by then, and the statistics in
    Parquet files tell where no row can break those.

    Args:
        selected: Returns the raw table, and which rows of it to take; not asked where nothing was counted.
        order: Has the rules.
        ledger: Of what was counted.
        writer: Writes them.
        location: The run's folder.

    Returns:
        What was written; None where no rule quarantines.

    Raises:
        DataError: There are more or fewer rows now than were counted: the input has changed.
    """
    rules = order.job.rules
    if not with_severity(rules, "quarantine"):
        return None
    found = [_found(ledger, with_severity(each, "quarantine")) for each in (row_rules(rules), pupil_rules(rules))]
    if not any(found):
        return Quarantine(rows=0, files=())
    raw, selection = selected()
    frames = [
        quarantined(raw, order.job.spec, selection, list(counts), by_pupil=by_pupil)
        for by_pupil, counts in zip((False, True), found, strict=True)
        if counts
    ]
    frame = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
    files = writer.write(_writable(frame), join(location, QUARANTINE))
    rows, expected = sum(file.rows for file in files), sum(sum(counts.values()) for counts in found)
    if rows != expected:
        problem = f"expected {expected} quarantined rows, as many as were counted, found {rows}"
        raise DataError(order.dataset, problem, "run again when nobody writes to the data location")
    return Quarantine(rows=rows, files=tuple(replace(file, path=join(QUARANTINE, file.path)) for file in files))


def _found(ledger: Ledger, names: list[str]) -> dict[str, int]:
    """Return how many rows each rule has put aside, if any."""
    return {name: n for name in names if (n := ledger.left_out.get(name, 0))}


def _writable(frame: DataFrame) -> DataFrame:
    """Parquet has no column of nulls alone without a type."""
    empty = [field.name for field in frame.schema if isinstance(field.dataType, NullType)]
    return frame.withColumns({name: named(name).cast("string") for name in empty}) if empty else frame
