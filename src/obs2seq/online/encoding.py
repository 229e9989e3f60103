"""Values as ids of vocabularies, one observation at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import FIRST, NULL, UNKNOWN, Word, encoded_columns, input_columns
from obs2seq.errors import ConfigurationError

Vocabularies = Mapping[str, Sequence[Word | None]]
"""By column: each value at the place that is its id."""


class Encoder:
    """Encodes the columns that features ask for.

    Args:
        spec: With the features.
        vocabularies: As `obs2seq.vocabulary` returns them.

    Raises:
        ConfigurationError: The vocabulary of a column is missing.
    """

    def __init__(self, spec: SequenceSpec, vocabularies: Vocabularies) -> None:
        columns = input_columns(spec)
        self._ids: list[tuple[int, dict[Word | None, int]]] = []
        for column in encoded_columns(spec).values():
            if column not in vocabularies:
                hint = f"pass vocabularies={{'{column}': obs2seq.vocabulary(output, '{column}')}}"
                raise ConfigurationError("vocabularies", f"expected that of column '{column}', found none", hint)
            ids = {word: i for i, word in enumerate(vocabularies[column]) if i >= FIRST}
            self._ids.append((columns.index(column), ids | {None: NULL}))

    def ids(self, values: Sequence[Any]) -> list[int]:
        """Return the ids for the values of `input_columns`."""
        return [ids.get(values[place], UNKNOWN) for place, ids in self._ids]
