"""Every worked case of the contract, on Spark."""

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, ByteType, IntegerType, StructField, StructType

from obs2seq import SequenceSpec, sequence_observations
from tests.contract_vectors import Vector, load_vectors


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_flow_gives_the_vectors_sequences(spark: SparkSession, vector: Vector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    observations = vector.observations(spark)

    sequences = sequence_observations(observations, spec).coalesce(1)

    schema = _output_schema(observations.schema, spec)
    expected = spark.createDataFrame([[row[name] for name in spec.outputs] for row in vector.sequences], schema)
    keys = [spec.pupil, "sequence_index"]
    assert_df_equality(
        sequences.sort(*keys), expected.coalesce(1).sort(*keys), ignore_nullable=True, allow_nan_equality=True
    )


def _output_schema(input_: StructType, spec: SequenceSpec) -> StructType:
    """The contract's output columns and types, said anew."""
    bookkeeping = ("session_index", "sequence_index", "first_position", "n_observations")
    return StructType(
        [
            input_[spec.pupil],
            *(StructField(name, IntegerType()) for name in bookkeeping),
            *(StructField(name, ArrayType(ByteType())) for name in ("is_pad_sequence", "is_new_sequence")),
            *(StructField(feature.output, ArrayType(input_[feature.column].dataType)) for feature in spec.features),
        ]
    )
