"""Vocabularies as Spark takes them, and what it finds for them."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame

from obs2seq.domain.job import Job
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import Word, word_type
from obs2seq.flow.elements import value_type
from obs2seq.flow.selection import Ids
from obs2seq.flow.vocabularies import first_appearances
from obs2seq.storage.vocabularies import vocabulary_path
from obs2seq.warehouses.vocabularies import vocabulary_of


def ids_of(job: Job, column: str, read: Callable[[str], DataFrame]) -> Ids:
    """Return what encodes a column; the vocabulary's file is verified before Spark reads it."""
    vocabulary = vocabulary_of(job, column)
    if not vocabulary.values:
        return Ids(vocabulary, None)
    return Ids(vocabulary, read(vocabulary_path(str(job.vocabulary_location), column, vocabulary.digest)))


def found_words(observations: DataFrame, spec: SequenceSpec, columns: Sequence[str]) -> dict[str, list[Word]]:
    """Return each value of some columns once, by first appearance; runs a job."""
    types = [word_type(name, value_type(observations, name, spec).simpleString()) for name in columns]
    found: defaultdict[int, list[Word]] = defaultdict(list)
    for place, text in first_appearances(observations, spec, columns).collect():
        found[place].append(text if types[place] == "string" else int(text))
    return {name: found[place] for place, name in enumerate(columns)}
