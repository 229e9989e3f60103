"""How tasks read files and hand rows on by pupil, without Spark: nothing is lost, no pupil is in two places."""

import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import TaskContext, cloudpickle

from obs2seq import SequenceSpec, sequence_table
from obs2seq.domain.job import Job
from obs2seq.domain.source import source_at
from obs2seq.storage.local import LocalStorage
from obs2seq.warehouses.arrow import memory
from obs2seq.warehouses.arrow.buckets import parted
from obs2seq.warehouses.arrow.opening import opened_observations
from obs2seq.warehouses.arrow.parquet_files import parquet_observations
from obs2seq.warehouses.arrow.pieces import Piece
from obs2seq.warehouses.engine import Order
from obs2seq.warehouses.spark_arrow.attempts import Attempt
from obs2seq.warehouses.spark_arrow.parting import LEVEL, ReadOrder, packed, part_share, rows_of
from obs2seq.warehouses.spark_arrow.reading import Opened, shared_out
from obs2seq.warehouses.spark_arrow.tasks import TaskOrder, make_of_blocks
from obs2seq.warehouses.subsets import SubsetSource
from tests.small_jobs import SCHEMA, answers

FEATURES = [{"name": "correct", "column": "correct", "pad": -1}, {"name": "skill", "column": "skill", "pad": "<pad>"}]
SPEC = SequenceSpec.model_validate({"order_by": ["answered_at"], "sequence_length": 4, "features": FEATURES})
KEYS = (7, 0, 40, 3)
"""What is sent to four partitions."""


@pytest.fixture(autouse=True)
def _within_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(partitionId=lambda: 3, stageId=lambda: 7, taskAttemptId=lambda: 41)
    monkeypatch.setattr(TaskContext, "get", lambda: context)


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    found = [row for pupil in range(50) for row in answers(pupil, [int(i % 3 == 0) for i in range(1 + pupil % 9)])]
    for number, row in enumerate(found):
        row["skill"] = None if number % 11 == 0 else f"skill {number % 13}"
        row["pupilid"] = None if number % 17 == 0 else row["pupilid"]
    return sorted(found, key=lambda row: row["exercise_id"])


@pytest.fixture
def opened(rows: list[dict[str, Any]], tmp_path: Path) -> Opened:
    """The rows in three files of small row groups, for a subset of two."""
    for number in range(3):
        pq.write_table(
            pa.Table.from_pylist(rows[number::3], SCHEMA), tmp_path / f"part-{number}.parquet", row_group_size=20
        )
    source = source_at(str(tmp_path), LocalStorage().list_files(str(tmp_path)))
    job = Job(SPEC, subsets={"train": 0.7, "test": 0.3}, subset_method="hash")
    with ThreadPoolExecutor(2) as pool:
        order = Order.of(job, "train", "sequences")
        return Opened(*opened_observations(order, SubsetSource(source, has_own_folder=False), pool))


def read_order(opened: Opened, readers: int = 3, block_rows: int = 6) -> ReadOrder:
    shares = shared_out(opened.observations.cut(20), readers)
    order = opened.read_order(Job(SPEC), shares, KEYS, memory.row_bytes(opened.selection.schema), {})
    # It travels so to other processes.
    travelled: ReadOrder = cloudpickle.loads(cloudpickle.dumps(replace(order, block_rows=block_rows)))
    return travelled


def handed_on(order: ReadOrder) -> dict[int, list[pa.RecordBatch]]:
    """Let every task read; return what reaches each partition, block by block."""
    found: dict[int, list[pa.RecordBatch]] = defaultdict(list)
    for number in range(len(order.shares)):
        for batch in part_share(order, [pa.RecordBatch.from_pydict({"id": [number]})]):
            for place, key in enumerate(batch.column("key").to_pylist()):
                found[order.keys.index(key)].append(batch.slice(place, 1))
    return found


def test_each_pupil_is_in_one_partition_and_each_row_is_there_once(opened: Opened, rows: list[dict[str, Any]]) -> None:
    counts: Counter[str] = Counter()

    by_partition = {
        part: pa.Table.from_batches(rows_of(blocks, counts), opened.selection.schema)
        for part, blocks in handed_on(read_order(opened)).items()
    }

    pupils = [set(table["pupilid"].to_pylist()) for table in by_partition.values()]
    assert sum(map(len, pupils)) == len(set().union(*pupils)) > len(KEYS)
    moments = [(row["pupilid"], row["answered_at"]) for table in by_partition.values() for row in table.to_pylist()]
    known = [(row["pupilid"], row["answered_at"]) for row in rows if row["pupilid"] in set().union(*pupils)]
    assert sorted(moments) == sorted(known)
    n_nulls = sum(row["pupilid"] is None for row in rows)
    assert counts["rows_in"] == len(rows)
    assert counts["null_pupil"] == n_nulls
    assert counts["other_subset"] == len(rows) - n_nulls - len(known) > 0


def test_a_block_holds_no_more_rows_than_told(opened: Opened) -> None:
    blocks = [block for found in handed_on(read_order(opened, block_rows=2)).values() for block in found]

    lengths = [sum(len(batch) for batch in rows_of([block], Counter())) for block in blocks]

    assert max(lengths) == 2


def test_what_travels_to_a_task_does_not_grow_with_the_footers(tmp_path: Path) -> None:
    table = pa.table({f"column {number}": range(50) for number in range(40)})
    pq.write_table(table, tmp_path / "wide.parquet", row_group_size=1)
    source = source_at(str(tmp_path), LocalStorage().list_files(str(tmp_path)))
    with ThreadPoolExecutor(1) as pool:
        pieces = parquet_observations(source, lambda _: True, pool).cut(10)

    told = packed(pieces)

    assert len(told) < 10_000 < pq.read_metadata(tmp_path / "wide.parquet").serialized_size
    assert sum(len(table) for piece in pickle.loads(told) for table, _ in piece.read()) == 50


@pytest.mark.parametrize("readers", [1, 2, 30])
def test_what_partitions_make_of_blocks_is_what_the_kernel_makes_of_all(
    opened: Opened, rows: list[dict[str, Any]], tmp_path: Path, readers: int
) -> None:
    read, made = made_of(opened, handed_on(read_order(opened, readers)), tmp_path)

    pupils = {row["pupilid"] for row in made}
    table = pa.Table.from_pylist([row for row in rows if row["pupilid"] in pupils], SCHEMA)
    assert in_order(made) == in_order(sequence_table(table, SPEC).to_pylist())
    assert read["rows_in"] == len(rows)


def test_pupils_that_went_one_way_fall_apart_where_a_partition_is_beyond_its_memory() -> None:
    pupils = pa.table({"pupilid": range(2_000)})

    _, together = next(parted(pupils, "pupilid", 4, LEVEL))

    assert len(list(parted(together, "pupilid", 64, 0))) == 64


def test_a_partition_beyond_its_memory_makes_the_same(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 5)
    blocks = max(handed_on(read_order(opened)).values(), key=len)
    seen: list[Path] = []

    def watched() -> Iterator[pa.RecordBatch]:
        yield from blocks
        seen.extend(tmp_path.glob("obs2seq-*/0/*.arrows"))

    _, whole = made_of(opened, {0: blocks}, tmp_path / "whole")
    _, apart = made_of(opened, {0: watched()}, tmp_path / "apart", budget=1 << 11, temporary_folder=str(tmp_path))

    assert len(seen) > 1
    assert in_order(apart) == in_order(whole)


def made_of(
    opened: Opened, blocks: dict[int, Any], folder: Path, budget: int = 1 << 28, temporary_folder: str | None = None
) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Let every partition make its sequences; return what became of the rows that were read, and the sequences."""
    schema = opened.selection.schema
    read: Counter[str] = Counter()
    made: list[dict[str, Any]] = []
    for part, found in blocks.items():
        order = TaskOrder("sequences", Job(SPEC), schema, f"{folder}/{part}", budget, temporary_folder, {})
        attempt = Attempt.from_text(next(make_of_blocks(order, iter(found))).to_pydict()["attempt"][0])
        read.update(attempt.read)
        made += [row for file in attempt.files for row in pq.read_table(f"{order.location}/{file.path}").to_pylist()]
    return read, made


def in_order(sequences: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(sequences, key=lambda row: (row["pupilid"], row["sequence_index"]))


@given(sizes=st.lists(st.integers(0, 1000)), count=st.integers(1, 50))
def test_shares_are_all_pieces_in_order_of_about_one_size(sizes: list[int], count: int) -> None:
    pieces = [Piece(str(number), size, lambda: iter(())) for number, size in enumerate(sizes)]

    shares = shared_out(pieces, count)

    assert [piece for share in shares for piece in share] == pieces
    assert 1 <= len(shares) <= count
    assert all(shares) or shares == [[]]
    largest = max((sum(piece.size for piece in share) for share in shares), default=0)
    assert largest <= sum(sizes) / count + max(sizes, default=0)
