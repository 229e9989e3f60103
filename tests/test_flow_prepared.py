"""Observations for models that take them raw: whole rows, each pupil's together and in order."""

import itertools

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from obs2seq.flow.dataflow import select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests.flow_inputs import exact, feature, specification, typed

PREPARED = specification(features=[feature("v", 0.0)])


def test_prepared_rows_are_whole_and_stand_in_order_within_their_partition(spark: SparkSession) -> None:
    """Ties of the contract's order are broken by the other columns, by name: `a` before `z`."""
    types = {"z": "string", "a": "string", "v": "double", "t": "int", "pupilid": "int"}
    rows = list(itertools.product("dc", "yx", ("1", None), "21", "012345678"))
    raw = typed(spark, types, rows).repartition(5)
    tally = Tally()

    prepared = select_and_sequence(raw, PREPARED, Selection(), tally, "observations")
    found = prepared.withColumn("partition", F.spark_partition_id()).collect()

    assert prepared.schema == raw.schema
    partition_of = {row.pupilid: row.partition for row in found}
    assert all(row.partition == partition_of[row.pupilid] for row in found)
    expected = list(itertools.product((1, 2), (None, 1.0), "xy", "cd"))
    for pupil in range(9):
        assert [(row.t, row.v, row.a, row.z) for row in found if row.pupilid == pupil] == expected
    assert len(list(itertools.groupby(row.pupilid for row in found))) == 9
    assert tally.counts("windows") == {"sequenced": 144, "rows_out": 144}


def test_prepared_rows_may_hold_what_cannot_be_compared(spark: SparkSession) -> None:
    raw = spark.sql(
        "select 1 pupilid, t, 0.5D v, map('k', array(t)) bag, named_struct('m', map(1, t)) box, array(2, t) list "
        "from values 3, 2, 1 as (t)"
    )

    rows = select_and_sequence(raw, PREPARED, Selection(), Tally(), "observations").collect()

    assert [(row.t, row.bag, row.box.m, row.list) for row in rows] == [
        (t, {"k": [t]}, {1: t}, [2, t]) for t in (1, 2, 3)
    ]


def test_prepared_rows_leave_out_and_count_like_sequences(spark: SparkSession) -> None:
    """Rows that differ in a column that sequences do not read are no duplicates here."""
    rows = [("1", "1", "0.0", "a"), ("1", "1", "-0.0", "a"), ("1", "1", "0.0", "b"), ("1", None, "1", "a")]
    raw = typed(spark, {"PupilID": "int", "t": "int", "v": "double", "extra": "string"}, rows)
    tally = Tally()

    selection = Selection(duplicates="drop", row_filter="v is not null", columns={"copy": "extra"})
    prepared = select_and_sequence(raw, PREPARED, selection, tally, "observations")
    found = [tuple(row) for row in prepared.collect()]

    assert prepared.columns == ["PupilID", "t", "v", "extra", "copy"]
    assert exact(found) == exact([(1, 1, -0.0, "a", "a"), (1, 1, 0.0, "b", "b")])
    assert {name: n for name, n in tally.counts("input").items() if n} == {"rows_in": 4, "null_time": 1}
    assert tally.counts("duplicates") == {"duplicate": 1}
    assert tally.recount("windows") == {"sequenced": 2, "rows_out": 2}
