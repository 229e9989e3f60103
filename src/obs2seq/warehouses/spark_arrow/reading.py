"""Which input the tasks read themselves, without Spark's readers, and how it is shared out among them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import SparkSession

from obs2seq.domain.job import Job
from obs2seq.domain.locations import is_s3
from obs2seq.errors import Obs2SeqError
from obs2seq.kernel.schema import is_text
from obs2seq.ports import Source
from obs2seq.warehouses.arrow.opening import opened_observations
from obs2seq.warehouses.arrow.pieces import Observations, Piece
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.engine import Order
from obs2seq.warehouses.spark_arrow.parting import BLOCK_BYTES, ReadOrder, packed
from obs2seq.warehouses.subsets import SubsetSource

logger = logging.getLogger(__name__)
_MOST_PARTITIONS = 1 << 16
"""Of pupils that tasks can tell apart."""
_LOOKERS = 8
"""Threads that look at files' footers."""


@dataclass(frozen=True)
class Opened:
    """Input that tasks read: what there is, and what judges it."""

    observations: Observations
    selection: Selection

    def read_order(
        self, job: Job, shares: Sequence[Sequence[Piece]], keys: Sequence[int], row_bytes: float, env: Mapping[str, str]
    ) -> ReadOrder:
        """Return what the tasks are to do.

        Args:
            job: Names the pupil.
            shares: What each task is to read.
            keys: For each partition, what Spark sends there.
            row_bytes: What an observation takes.
            env: Variables that tell where S3 is.
        """
        pupil = column_name(self.selection.schema, job.spec.pupil)
        told = [packed(share) for share in shares]
        return ReadOrder(told, self.selection, pupil, keys, max(int(BLOCK_BYTES / row_bytes), 1), env)


@dataclass(frozen=True)
class Ability:
    """What tasks are able to.

    Args:
        reads_s3: They reach S3 as Spark does.
        reads_expressions: Returns whether executors have sqlglot; asked where a job has expressions.
        unknown: A setting of Spark by which it may read other values than tasks would; None: there is none.
    """

    reads_s3: bool
    reads_expressions: Callable[[], bool]
    unknown: str | None = None


def opened_by_tasks(order: Order, found: SubsetSource, partitions: int, able: Ability) -> Opened | None:
    """Return the input as tasks read it; None where Spark has to, or has to say what is wrong with it.

    Args:
        order: What is to be made of it.
        found: The files.
        partitions: How many tasks are to make it.
        able: What they are able to.
    """
    reason = _reason(order.job, found.source, partitions, able)
    if reason is None:
        try:
            with ThreadPoolExecutor(_LOOKERS) as pool:
                opened = Opened(*opened_observations(order, found, pool, keeps_aside=False))
        except Obs2SeqError as error:
            reason = f"{error.where}: {error.problem}"
        else:
            reason = _of_pupils(order.job, opened.selection.schema)
            if reason is None:
                return opened
    logger.info("%s: Spark reads the files for the tasks: %s", order.dataset, reason)
    return None


def shared_out(pieces: Sequence[Piece], count: int) -> list[list[Piece]]:
    """Return up to so many shares of about one size, each of neighbours; at least one, which may be empty."""
    total = sum(piece.size for piece in pieces)
    shares: list[list[Piece]] = [[]]
    done = 0
    for piece in pieces:
        if shares[-1] and len(shares) < count and done * count >= total * len(shares):
            shares.append([])
        shares[-1].append(piece)
        done += piece.size
    return shares


def keys_of(session: SparkSession, partitions: int) -> list[int]:
    """Return, for each partition, a number that Spark's own hash sends there: `repartition` takes no other way."""
    keys: dict[int, int] = {}
    most = 16 * partitions
    while len(keys) < partitions:
        numbers = f"transform(sequence(0, {most}), n -> pmod(hash(CAST(n AS INT)), {partitions}))"
        # Of a table of literals, the optimiser computes it: no job.
        sent = session.sql(f"SELECT {numbers} AS sent FROM VALUES (0)").collect()[0]["sent"]
        keys = {partition: number for number, partition in reversed(list(enumerate(sent)))}
        most *= 2
    return [keys[partition] for partition in range(partitions)]


def left_to_spark(job: Job, format_: str) -> str | None:
    """Say why Spark has to read files of a format for a job; None where nothing in these tells against the tasks."""
    if format_ != "parquet":
        return f"they read Parquet alone, not {format_}"
    if job.subset_method == "stratified":
        return "each would need to know the subsets of all pupils"
    return None


def _of_pupils(job: Job, schema: pa.Schema) -> str | None:
    """Say why pupils cannot be divided by their texts: those of some types are known for most values alone."""
    if job.pupil_sample is None and (job.subset_method != "hash" or len(job.subsets) == 1):
        return None
    type_ = schema.field(column_name(schema, job.spec.pupil)).type
    kinds = (is_text, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
    if any(is_kind(type_) for is_kind in kinds):
        return None
    return f"they do not divide pupils of type {spark_name(type_)}"


def _reason(job: Job, source: Source, partitions: int, able: Ability) -> str | None:
    if reason := left_to_spark(job, source.format):
        return reason
    if able.unknown is not None:
        return f"they know nothing of {able.unknown}"
    if is_s3(source.location) and not able.reads_s3:
        return "they may not reach S3 as Spark does"
    if (job.columns or job.row_filter or job.rules) and not able.reads_expressions():
        return "executors have no sqlglot, which reads expressions"
    if partitions > _MOST_PARTITIONS:
        return f"they part pupils into at most {_MOST_PARTITIONS:,}, not into {partitions:,}"
    return None
