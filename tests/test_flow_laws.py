"""Laws of the dataflow, over drawn observations and specifications: several pupils at once, few jobs."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from obs2seq import SequenceSpec, sequence_observations
from tests import oracle
from tests.flow_inputs import (
    Row,
    by_pupil,
    drawn,
    drawn_observations,
    exact,
    feature,
    frame_of,
    sorted_rows,
    specification,
    specifications,
)

SEEDS = st.integers(0, 2**32 - 1)
PARTITIONS = (1, 7, 64)


def expected_sequences(rows: list[Row], spec: Row) -> list[Row]:
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [row | {"t": row["t"] and start + datetime.timedelta(seconds=row["t"])} for row in rows]
    return sorted_rows(oracle.sequences(moments, spec))


@drawn(max_examples=12)
@given(spec=specifications(), seed=SEEDS)
def test_flow_agrees_with_the_oracle(spark: SparkSession, spec: Row, seed: int) -> None:
    rows = drawn_observations(seed)

    sequences = by_pupil(sequence_observations(frame_of(spark, rows), SequenceSpec.model_validate(spec)))

    assert exact(sequences) == exact(expected_sequences(rows, spec))


@drawn(max_examples=8)
@given(spec=specifications(counting=True), seed=SEEDS)
def test_each_observation_is_new_once(spark: SparkSession, spec: Row, seed: int) -> None:
    rows = drawn_observations(seed)

    sequences = by_pupil(sequence_observations(frame_of(spark, rows), SequenceSpec.model_validate(spec)))

    new = [
        (row["pupilid"], id_)
        for row in sequences
        for id_, is_new in zip(row["id_sequence"], row["is_new_sequence"], strict=True)
        if is_new
    ]
    assert sorted(new, key=lambda pair: pair[1]) == sorted(
        ((row["pupilid"], row["id"]) for row in rows), key=lambda pair: pair[1]
    )


@drawn(max_examples=3)
@given(spec=specifications(), seed=SEEDS)
def test_partitioning_changes_no_bit(spark: SparkSession, spec: Row, seed: int) -> None:
    rows = drawn_observations(seed)
    observations = frame_of(spark, rows).cache()

    results = [
        exact(by_pupil(sequence_observations(frame, SequenceSpec.model_validate(spec))))
        for frame in (observations.repartition(n, "id") if n > 1 else observations.coalesce(1) for n in PARTITIONS)
    ]
    observations.unpersist()

    assert results[1:] == results[:1] * 2


def test_order_of_arrival_changes_no_bit_where_all_keys_tie(spark: SparkSession) -> None:
    """Only the sign of a zero tells these rows apart."""
    zeros = [(1, 5, zero, word) for zero in (0.0, -0.0) for word in ("b", "a")]
    spec = specification(sequence_length=4, features=[feature("v", 9.0), feature("w", "")])

    results = [
        by_pupil(sequence_observations(spark.createDataFrame(rows, "pupilid int, t int, v double, w string"), spec))
        for rows in (zeros, zeros[::-1], zeros[2:] + zeros[:2])
    ]

    assert exact(results) == exact([results[0]] * 3)
    assert exact(results[0][0]["v_sequence"]) == exact([-0.0, 0.0, -0.0, 0.0])
    assert results[0][0]["w_sequence"] == ["a", "a", "b", "b"]


N_ROWS, N_PUPILS, LENGTH, STRIDE = 200_000, 997, 30, 12


def test_flow_is_exact_where_the_aggregate_falls_back_to_sorting(spark: SparkSession) -> None:
    """Spark gives up hashing after 128 groups in a task; here each has thousands, and orders nothing by itself."""
    spec = specification(
        sequence_length=LENGTH,
        stride=STRIDE,
        align="end",
        features=[feature("v", -1), feature("v", -1, name="next", shift=1)],
    )

    rows = sequence_observations(_many_observations(spark), spec).drop("is_pad_sequence").collect()

    found = {(row["pupilid"], row["sequence_index"]): row.asDict() for row in rows}
    expected = {key: row for pupil, values in _many_histories().items() for key, row in _windows(pupil, values)}
    assert len(rows) == len(found)
    assert found.keys() == expected.keys()
    assert [key for key, row in expected.items() if found[key] != row] == []


def _many_observations(spark: SparkSession) -> DataFrame:
    columns = (f"int((id * 7919) % {N_PUPILS}) pupilid", "(id * 104729) % 1000003 t", "int(id % 1001) v")
    return spark.range(0, N_ROWS, 1, 3).selectExpr(*columns)


def _many_histories() -> dict[int, np.ndarray]:
    """Each pupil's values in order, by NumPy; 104729 has an inverse modulo the prime 1000003, so no two rows tie."""
    ids = np.arange(N_ROWS, dtype=np.int64)
    pupils, order = (ids * 7919) % N_PUPILS, np.argsort((ids * 104729) % 1000003)
    ordered = ids[order]
    return {pupil: ordered[pupils[order] == pupil] % 1001 for pupil in range(N_PUPILS)}


def _windows(pupil: int, values: np.ndarray) -> list[tuple[tuple[int, int], Row]]:
    n, rows = len(values), []
    assert n > LENGTH
    count = 1 + -(-(n - LENGTH) // STRIDE)
    for index, start in enumerate(n - LENGTH - STRIDE * i for i in reversed(range(count))):
        first, real = max(start, 0), LENGTH + min(start, 0)
        shown = values[first : start + LENGTH].tolist()
        following = [*values[first + 1 : start + LENGTH + 1].tolist(), *[-1] * (start + LENGTH == n)]
        is_new = [1] * real if index == 0 else [0] * (real - _new(n, index, count)) + [1] * _new(n, index, count)
        row = {
            "pupilid": pupil,
            "session_index": 0,
            "sequence_index": index,
            "first_position": first,
            "n_observations": real,
            "is_new_sequence": is_new + [0] * (LENGTH - real),
            "v_sequence": shown + [-1] * (LENGTH - real),
            "next_sequence": following + [-1] * (LENGTH - real),
        }
        rows.append(((pupil, index), row))
    return rows


def _new(n: int, index: int, count: int) -> int:
    """How many observations the windows before have not shown."""
    shown_by = [n - STRIDE * i for i in reversed(range(count))]
    return shown_by[index] - shown_by[index - 1]


@pytest.mark.parametrize("align", ["start", "end"])
def test_windows_past_the_far_end_are_left_out(spark: SparkSession, align: str) -> None:
    """Histories of 1 to 12 observations, each with the number of windows that the contract's formula gives."""
    counts = {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 3, 8: 3, 9: 4, 10: 4, 11: 5, 12: 5}
    rows = [(pupil, t, t) for pupil in counts for t in range(pupil)]
    spec = specification(sequence_length=4, stride=2, align=align)

    found = by_pupil(sequence_observations(spark.createDataFrame(rows, "pupilid int, t int, v int"), spec))

    assert {pupil: sum(row["pupilid"] == pupil for row in found) for pupil in counts} == counts
