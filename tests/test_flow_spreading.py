"""Histories that several tasks share: the same sequences, whoever is heavy and wherever the cuts fall."""

import datetime

import pytest
from chispa import assert_df_equality
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from obs2seq import SequenceSpec, sequence_observations
from tests import oracle
from tests.contract_vectors import Vector, load_vectors
from tests.flow_inputs import (
    Row,
    by_pupil,
    drawn,
    drawn_observations,
    exact,
    frame_of,
    sorted_rows,
    specifications,
)


@drawn(max_examples=10)
@given(spec=specifications(), seed=st.integers(0, 2**32 - 1), above=st.sampled_from((1, 3, 8)))
def test_spread_flow_agrees_with_the_oracle(spark: SparkSession, spec: Row, seed: int, above: int) -> None:
    rows = drawn_observations(seed)
    observations = frame_of(spark, rows)

    sequences = sequence_observations(observations, SequenceSpec.model_validate(spec), spread_pupils_above=above)

    assert exact(by_pupil(sequences)) == exact(_expected(rows, spec))


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_spread_flow_gives_the_vectors_sequences(spark: SparkSession, vector: Vector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    observations = vector.observations(spark)

    sequences = sequence_observations(observations, spec, spread_pupils_above=1).coalesce(1)

    expected = spark.createDataFrame(
        [[row[name] for name in spec.outputs] for row in vector.sequences], sequences.schema
    )
    keys = [spec.pupil, "sequence_index"]
    assert_df_equality(
        sequences.sort(*keys), expected.coalesce(1).sort(*keys), ignore_nullable=True, allow_nan_equality=True
    )


def _expected(rows: list[Row], spec: Row) -> list[Row]:
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [row | {"t": row["t"] and start + datetime.timedelta(seconds=row["t"])} for row in rows]
    return sorted_rows(oracle.sequences(moments, spec))
