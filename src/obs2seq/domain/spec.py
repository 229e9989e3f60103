"""The sequence specification: which columns become which fixed-length arrays."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from obs2seq.domain.exploding import ADDED, CUTS, DELIMITER, Cuts, exploding_problems, with_added
from obs2seq.domain.features import ColumnName as ColumnName
from obs2seq.domain.features import Feature as Feature
from obs2seq.domain.features import Strict
from obs2seq.domain.validation import MisfitError, findings
from obs2seq.errors import SpecificationError

MAX_SEQUENCE_LENGTH = 100_000
"""Longer arrays are beyond what one row of a Parquet file or of a Spark task should hold."""

IS_PAD = "is_pad_sequence"
IS_NEW = "is_new_sequence"
SESSION_INDEX = "session_index"
SEQUENCE_INDEX = "sequence_index"
FIRST_POSITION = "first_position"
N_OBSERVATIONS = "n_observations"
BOOKKEEPING = (SESSION_INDEX, SEQUENCE_INDEX, FIRST_POSITION, N_OBSERVATIONS, IS_PAD, IS_NEW)
"""The output columns that every specification has, beside the pupil and the features."""


def _stride(stride: object, info: ValidationInfo) -> object:
    return info.data.get("sequence_length", 1) if stride is None else stride


class SpecificationFields(Strict):
    """The fields of the sequence contract and how they must fit each other."""

    pupil: ColumnName = Field(default="pupilid", description="The column that names the pupil.")
    order_by: Annotated[tuple[ColumnName, ...], Field(min_length=1)] = Field(
        description="Columns that order a pupil's history; the first is the time."
    )
    sequence_length: Annotated[StrictInt, Field(ge=1, le=MAX_SEQUENCE_LENGTH)] = Field(
        description="L, the length of every array, in observations."
    )
    stride: Annotated[StrictInt, Field(ge=1), BeforeValidator(_stride)] = Field(
        default=cast(int, None),
        validate_default=True,
        description="Distance between the starts of two windows, in observations, 1 to L. Default: L.",
        json_schema_extra={"type": ["integer", "null"]},
    )
    align: Literal["start", "end"] = Field(
        default="start", description="start: the first window starts at position 0. end: the last ends at the last."
    )
    pad_side: Literal["end", "start"] = Field(default="end", description="Where padding stands in the arrays.")
    min_length: Annotated[StrictInt, Field(ge=1)] = Field(
        default=1, description="Sequences with fewer real observations are left out."
    )
    max_sequences_per_pupil: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, description="Keep only the last so many sequences of each pupil. Default: all."
    )
    session_gap_seconds: Annotated[StrictFloat, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="An inactivity above so many seconds starts a new session. Default: one session."
    )
    explode: ColumnName | None = Field(
        default=None,
        description="A column that holds several values in one observation, an array or a text of parts: each of them "
        "becomes an element of the arrays. Adds group_sequence, the observation that an element is of, and "
        "is_repeat_sequence. Default: none.",
    )
    explode_delimiter: ColumnName = Field(
        default=DELIMITER,
        description="Stands between the parts of a text that is exploded; spaces around a part are cut off.",
    )
    explode_cuts: Cuts = Field(
        default=CUTS,
        description="Whether a window may cut an observation that is exploded in two. keep_together: each holds as "
        "many whole ones as fit; for windows that do not overlap.",
    )
    features: Annotated[tuple[Feature, ...], Field(min_length=1)] = Field(description="The arrays to make.")

    @model_validator(mode="after")
    def _fields_fit_each_other(self) -> Self:
        problems = (
            *self._numbers(),
            *self._repetitions(),
            *exploding_problems(self),
            *self._spellings(),
            *self._collisions(),
        )
        if problems:
            raise MisfitError(problems)
        return self

    def _numbers(self) -> Iterator[tuple[str, str]]:
        length = self.sequence_length
        for field in ("stride", "min_length"):
            value = getattr(self, field)
            if value > length:
                yield field, f"expected 1 to {length} (sequence_length), found {value}"

    def _repetitions(self) -> Iterator[tuple[str, str]]:
        for name, count in Counter(self.order_by).items():
            if count > 1:
                yield "order_by", f"expected each column once, found '{name}' {count} times"

    def _spellings(self) -> Iterator[tuple[str, str]]:
        """Report one column under two spellings: Spark, Hive and Athena would read it twice."""
        read = [("pupil", self.pupil), *(("order_by", name) for name in self.order_by)]
        read += [("features", name) for feature in self.features for name in feature.reads]
        first: dict[str, str] = {}
        for field, name in read:
            earlier = first.setdefault(name.lower(), name)
            if earlier != name:
                yield field, f"expected one spelling of a column, found '{earlier}' and '{name}'"

    def _collisions(self) -> Iterator[tuple[str, str]]:
        """Report output columns of one name; case does not tell columns apart in Spark, Hive or Athena."""
        sources = {self.pupil.lower(): "the pupil column"}
        taken = [(name, "a bookkeeping column") for name in BOOKKEEPING]
        taken += [(feature.output, self._source(feature)) for feature in self._all_features()]
        for name, source in taken:
            earlier = sources.setdefault(name.lower(), source)
            if earlier is not source:
                found = f"'{name}' from {earlier} and from {source}"
                yield "features", f"expected different output columns, found {found}"
        read = {name.lower() for name in (self.pupil, *self.order_by, *(n for f in self.features for n in f.reads))}
        for name in {
            feature.column
            for feature in self.features
            if feature.column not in feature.reads and feature.column.lower() in read
        }:
            yield "features", f"expected another name than '{name}', which a derived feature goes by, for a column"

    def _all_features(self) -> tuple[Feature, ...]:
        return self.features if self.explode is None else with_added(self.features)

    def _source(self, feature: Feature) -> str:
        is_added = self.explode is not None and feature in ADDED
        return f"explode: {self.explode}" if is_added else f"feature '{feature.name}'"


class SequenceSpec(SpecificationFields):
    """What the sequencing step computes: the fields of the sequence contract, and nothing else.

    Example:
        >>> spec = SequenceSpec.model_validate({
        ...     "order_by": ["answered_at"],
        ...     "sequence_length": 5,
        ...     "features": [{"name": "correct", "column": "correct", "pad": 0}],
        ... })
        >>> spec.stride, spec.outputs[-1]
        (5, 'correct_sequence')

    Raises:
        SpecificationError: A value is not allowed; the message names every field at fault.
    """

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SpecificationError("specification", findings(error, type(self))) from None

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Make a specification from its JSON form; raise `SpecificationError` for every value not allowed."""
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise SpecificationError("specification", f"expected fields with values, found {type(obj).__name__}")
        return cls(**{str(field): value for field, value in obj.items()})

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """Make a specification from its JSON text; raise `SpecificationError` where it is none."""
        try:
            return cls.model_validate(json.loads(json_data))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise SpecificationError("specification", "expected JSON, found text that is none") from error

    @field_validator("features")
    @classmethod
    def _features_of_elements_are_added(cls, features: tuple[Feature, ...], info: ValidationInfo) -> Any:
        return features if info.data.get("explode") is None else with_added(features)

    @model_serializer(mode="wrap")
    def _without_exploding(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what explodes nothing, so that specifications, and the names of runs, stay what they were."""
        return {name: value for name, value in handler(self).items() if self.explode or not name.startswith("explode")}

    @property
    def keeps_together(self) -> bool:
        """Whether no window may cut an observation in two."""
        return self.explode_cuts == "keep_together"

    @property
    def is_chunked(self) -> bool:
        """Whether windows do not overlap."""
        return self.stride == self.sequence_length

    @property
    def time_feature(self) -> Feature | None:
        """The feature that holds the time of each observation, if there is one."""
        return next((each for each in self.features if each.column == self.order_by[0] and not each.shift), None)

    @property
    def tie_breakers(self) -> tuple[str, ...]:
        """The feature columns that order what `order_by` leaves tied, in alphabetical order."""
        return tuple(sorted({name for feature in self.features for name in feature.reads} - set(self.order_by)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the observations that is read, each once; those of ids come last, and order nothing."""
        ids = (feature.column for feature in self.features if feature.encode is not None)
        return tuple(dict.fromkeys((self.pupil, *self.order_by, *self.tie_breakers, *ids)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every output column, in order."""
        return (self.pupil, *BOOKKEEPING, *(feature.output for feature in self.features))
