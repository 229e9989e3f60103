"""Columns as ids of a vocabulary, joined to the observations as they are mapped; and what vocabularies are made of."""

from collections.abc import Sequence

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.columns import require_columns
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import NULL, UNKNOWN, id_column, word_type
from obs2seq.flow import selection as plain
from obs2seq.flow.arithmetic import keys
from obs2seq.flow.columns import named, type_of
from obs2seq.flow.elements import elements_of
from obs2seq.flow.selection import Ids, Selection


@config.when(encoded=True)
def mapped_observations__encoded(raw_observations: DataFrame, selection: Selection, spec: SequenceSpec) -> DataFrame:
    """Add the settings' columns to the raw table, and the ids of what is encoded, the settings' columns among that.

    Costs a broadcast of each vocabulary, and no shuffle. Ids take the place of a raw column of their name; those of
    elements come when there are elements.
    """
    frame: DataFrame = plain.mapped_observations(raw_observations, selection)
    for column, ids in selection.vocabularies.items():
        if column != spec.explode:
            require_columns((column,), frame.columns)
            frame = _encoded(frame, column, id_column(column), ids)
    return frame


@config.when(element_ids=True)
def encoded_elements__joined(exploded_observations: DataFrame, selection: Selection, spec: SequenceSpec) -> DataFrame:
    """Add the ids of the elements. Costs a broadcast of their vocabulary, and neither shuffle nor sort."""
    column, internal = str(spec.explode), keys(spec)
    ids = selection.vocabularies[column]
    return _encoded(exploded_observations, internal[column], internal[id_column(column)], ids)


def first_appearances(observations: DataFrame, spec: SequenceSpec, columns: Sequence[str]) -> DataFrame:
    """List each value of some columns once, by first appearance in the order. Costs a sort by the values.

    Returns:
        column (its place among those asked for), value (as text); in order.
    """
    words = [_words(observations, spec, place, name) for place, name in enumerate(columns)]
    order = F.struct(*(named(name).alias(f"key_{i}") for i, name in enumerate(spec.order_by)))
    each = observations.select(order.alias("keys"), F.explode(F.concat(*words)).alias("word"))
    known = each.where(F.col("word.value").isNotNull())
    firsts = known.groupBy("word.column", "word.value").agg(F.min("keys").alias("first"))
    by_time = (F.col(f"first.key_{i}").asc_nulls_first() for i in range(len(spec.order_by)))
    return firsts.orderBy("column", *by_time, "value").select("column", "value")


def _words(observations: DataFrame, spec: SequenceSpec, place: int, column: str) -> Column:
    """Return a list of the words of a row: one, or those of its elements."""

    def word(value: Column) -> Column:
        return F.struct(F.lit(place).alias("column"), value.cast("string").alias("value"))

    if column != spec.explode:
        return F.array(word(named(column)))
    return F.transform(elements_of(named(column), type_of(observations, column), spec.explode_delimiter), word)


def _encoded(frame: DataFrame, column: str, name: str, ids: Ids) -> DataFrame:
    """Add the ids of a column under a name."""
    type_name = type_of(frame, column).simpleString()
    ids.vocabulary.require_type(type_name)
    id_name, word = f"{column} id of", f"{column} word of"
    if ids.table is None:
        return frame.withColumn(name, _id(column, F.lit(None).cast("int")))
    words = ids.table.select(F.col("id").alias(id_name), F.col("value").alias(word))
    is_same = named(column).cast(word_type(ids.vocabulary.column, type_name)) == named(word)
    joined = frame.join(F.broadcast(words), is_same, "left")
    return joined.withColumn(name, _id(column, named(id_name))).drop(id_name, word)


def _id(column: str, known: Column) -> Column:
    return F.when(named(column).isNull(), F.lit(NULL)).otherwise(F.coalesce(known, F.lit(UNKNOWN))).cast("int")
