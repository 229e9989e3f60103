"""Reads observations: what orders them, and the values that sequences are made of."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from obs2seq.domain.columns import require_columns
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import input_columns as plain_columns
from obs2seq.errors import DataError
from obs2seq.online.derived import input_columns, told_features
from obs2seq.online.encoding import Encoder
from obs2seq.online.exploding import element_types, exploded
from obs2seq.online.history import OWN_COLUMNS, Element
from obs2seq.online.keys import Key, key_of
from obs2seq.online.values import converters

if TYPE_CHECKING:
    import pyarrow as pa

    Rows: TypeAlias = Iterable[Mapping[str, Any]] | pa.Table | pa.RecordBatch


class Observation(NamedTuple):
    """One observation, read."""

    pupil: Any
    key: Key
    values: tuple[tuple[Any, ...], ...]
    """Of the columns that features read, each once; for each element."""
    inputs: tuple[tuple[Any, ...], ...]
    """Of the columns that something is derived from, each once; for each element."""

    def elements(self, derived: Sequence[tuple[Any, ...]]) -> list[Element]:
        """Return its elements, with what is derived for each."""
        pairs = zip(self.values, derived, strict=True)
        return [Element(self.key, values + more, int(i > 0)) for i, (values, more) in enumerate(pairs)]


class ObservationReader:
    """Reads the columns that a specification names; others are passed over.

    Args:
        spec: Which columns.
        types: The type of a column by Spark's name, where it is known: values are held to it.
        encoder: Gives the ids of what is encoded.
    """

    def __init__(self, spec: SequenceSpec, types: Mapping[str, str], encoder: Encoder) -> None:
        self._columns, self._encoder = plain_columns(spec), encoder
        known = converters(spec, types)
        self._converters = (*known, known[0])
        self._exploded = None if spec.explode is None else self._columns.index(spec.explode)
        self._delimiter = spec.explode_delimiter
        read = tuple(dict.fromkeys(feature.column for feature in spec.features if feature.derive is None))
        self.feature_columns = (*read, *told_features(spec), *OWN_COLUMNS)
        self._places = [spec.columns.index(name) for name in read]
        self._input_places = [self._columns.index(name) for name in input_columns(spec)]
        # Of one column alone, itemgetter would give the bare value.
        self._get = itemgetter(*self._columns, self._columns[0])

    def read(self, observation: Mapping[str, Any]) -> Observation:
        """Return an observation, read.

        Raises:
            DataError: A column is missing or there twice, or a value is none that its column can hold.
        """
        values = self._values(observation)
        pupil = values[0]
        if isinstance(pupil, float):
            values[0] = pupil = pupil + 0.0  # -0.0 and 0.0 are one pupil
        rows = [[*row, *self._encoder.ids(row)] for row in exploded(values[:-1], self._exploded, self._delimiter)]
        return Observation(pupil, key_of(values[1:-1]), _taken(rows, self._places), _taken(rows, self._input_places))

    def _values(self, observation: Mapping[str, Any]) -> list[Any]:
        try:
            raw = self._get(observation)
        except KeyError:
            raw = self._get(self._by_small_letters(observation))
        except TypeError as error:
            found = type(observation).__name__
            raise DataError("observation", f"expected columns with values, found {found}") from error
        return [convert(value) for convert, value in zip(self._converters, raw, strict=True)]

    def _by_small_letters(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        require_columns(self._columns, list(observation))
        folded = {name.lower(): value for name, value in observation.items()}
        return {name: folded[name.lower()] for name in self._columns}


def rows_of(observations: "Rows", spec: SequenceSpec) -> tuple[Sequence[Mapping[str, Any]], dict[str, str]]:
    """Return observations as dictionaries, and the types of the columns that are read where Arrow tells them."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None or not isinstance(observations, arrow.Table | arrow.RecordBatch):
        return list(observations), {}
    from obs2seq.kernel.schema import find_columns, spark_type

    columns = find_columns(observations, plain_columns(spec))
    rows: list[Mapping[str, Any]] = arrow.table(columns).to_pylist()
    return rows, element_types(spec, {name: spark_type(column.type) for name, column in columns.items()})


def _taken(rows: Sequence[Sequence[Any]], places: Sequence[int]) -> tuple[tuple[Any, ...], ...]:
    if not places:
        return ((),) * len(rows)
    return tuple([tuple([row[place] for place in places]) for row in rows])
