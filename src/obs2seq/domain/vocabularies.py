"""Vocabularies: a whole number for each value of a column, given once and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obs2seq.domain.derived import WHOLE_NUMBERS
from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.validation import nearest, shortened
from obs2seq.errors import DataError, SpecificationError

if TYPE_CHECKING:
    from obs2seq.domain.spec import SequenceSpec

PAD, NULL, UNKNOWN, FIRST = 0, 1, 2, 3
"""The ids of padding, of null, of a value that the vocabulary does not hold, and of the first that it holds."""
VOCABULARY = "vocabulary"
"""The one way to encode."""

Word = str | int


@dataclass(frozen=True)
class Vocabulary:
    """The values of one column, in the order of their ids, which start at `FIRST`."""

    column: str
    values: tuple[Word, ...] = ()
    """All texts, or all whole numbers; each once."""

    @property
    def digest(self) -> str:
        """What names it: equal ones have equal names."""
        return fingerprint(self.column, list(self.values))

    @property
    def by_id(self) -> list[Word | None]:
        """Its values at the places that are their ids; None where padding, null and unknown are."""
        return [*[None] * FIRST, *self.values]

    @property
    def type(self) -> str | None:
        """The type of its values, by Spark's name, the widest of its kind; None where it has none yet."""
        return None if not self.values else "string" if isinstance(self.values[0], str) else "bigint"

    def extended(self, values: Iterable[Word]) -> Vocabulary:
        """Return the vocabulary with the values that are new to it behind its own: no id changes."""
        known = set(self.values)
        return Vocabulary(self.column, (*self.values, *(value for value in values if value not in known)))

    def require_type(self, type_name: str) -> None:
        """Raise `DataError` where its ids are of other values than a column of this type holds."""
        kind = word_type(self.column, type_name)
        if self.type not in (None, kind):
            raise DataError(
                "observations",
                f"expected column '{self.column}' to hold {_KINDS[str(self.type)]}, as its vocabulary does, found "
                f"{type_name}",
                "map it under columns in the settings, with a cast, or name another vocabulary_location",
            )


_KINDS = {"string": "texts", "bigint": "whole numbers"}


def word_type(column: str, type_name: str) -> str:
    """Return the type, by Spark's name, of the words that a column of a type holds: string or bigint.

    Raises:
        SpecificationError: No vocabulary is made of such values.
    """
    if type_name == "string":
        return "string"
    if type_name in WHOLE_NUMBERS:
        return "bigint"
    raise SpecificationError(
        "features",
        f"expected column '{column}' to hold texts or whole numbers, to be encoded, found {type_name}",
        "map it under columns in the settings, with a cast",
    )


def id_column(column: str) -> str:
    """Return the name that a column's ids go by, beside it; Delta too takes such a name."""
    return f"{VOCABULARY}:{column}"


def encoded_columns(spec: SequenceSpec) -> dict[str, str]:
    """Return the columns that features encode, each once, by the name that their ids go by."""
    return {feature.column: str(feature.of) for feature in spec.features if feature.encode is not None}


def fitting_spec(spec: SequenceSpec, columns: Sequence[str]) -> SequenceSpec:
    """Return a specification that reads what vocabularies of columns are made from, and nothing else."""
    explode = spec.explode if spec.explode in columns else None
    exploding = {"explode": explode, "explode_delimiter": spec.explode_delimiter} if explode else {}
    features = [{"name": f"{i}", "derive": "attempt_number", "of": name, "pad": 0} for i, name in enumerate(columns)]
    return type(spec)(pupil=spec.pupil, order_by=spec.order_by, sequence_length=1, features=features, **exploding)


def with_id_column(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an encoded feature's fields with `column` naming the ids and `of` what they stand for.

    Raises:
        ValueError: They do not say what to encode, or ask for what no vocabulary does.
    """
    encode, column, of = (fields.get(name) for name in ("encode", "column", "of"))
    if encode != VOCABULARY:
        raise ValueError(f"unknown encoding {shortened(encode)} ({nearest(str(encode), [VOCABULARY])})")
    if fields.get("derive") is not None:
        raise ValueError("expected either encode or derive, found both")
    pad = fields.get("pad", PAD)
    if type(pad) is not int or pad != PAD:
        raise ValueError(f"expected pad {PAD} beside encode: {VOCABULARY}, found {shortened(pad)}")
    if column is None or (of is not None and column != id_column(str(of))):
        raise ValueError(f"expected column beside encode: {VOCABULARY}, found {'none' if column is None else 'of'}")
    whole = {**fields, "pad": pad}
    # What is no text is for the field itself to refuse.
    return whole | ({"column": id_column(column), "of": column} if of is None and isinstance(column, str) else {})


def require_unencoded(spec: SequenceSpec, engine: str, hint: str) -> None:
    """Raise `SpecificationError` for the first feature that is encoded, which an engine does not do."""
    for feature in spec.features:
        if feature.encode is not None:
            problem = f"expected columns as they are, which is what {engine} takes, found encode: {feature.encode}"
            raise SpecificationError(f"feature '{feature.name}'", problem, hint)


def observed_columns(spec: SequenceSpec) -> tuple[str, ...]:
    """Return every column that whole observations have, ids among them, but those of the elements of some."""
    return tuple(name for name in spec.columns if spec.explode is None or name != id_column(spec.explode))


def input_columns(spec: SequenceSpec) -> tuple[str, ...]:
    """Return every column of the observations that is read, each once, without those of ids."""
    ids = encoded_columns(spec)
    return tuple(name for name in spec.columns if name not in ids)
