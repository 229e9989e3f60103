"""The settings of a run as one checked, frozen object."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StrictInt, ValidationError

from obs2seq.domain.spec import MAX_SEQUENCE_LENGTH, ColumnName, Feature, SequenceSpec, SpecificationFields
from obs2seq.domain.validation import each_finding
from obs2seq.errors import ConfigurationError
from obs2seq.settings.fields import (
    AuditFields,
    CheckFields,
    InputFields,
    OutputFields,
    ReportFields,
    SplitFields,
)
from obs2seq.settings.running import AthenaFields, EngineFields, S3Fields, SparkFields, TracingFields
from obs2seq.settings.vocabularies import VocabularyFields

GROUPS: Mapping[str, type[BaseModel]] = {
    "specification": SpecificationFields,
    "input": InputFields,
    "split": SplitFields,
    "vocabularies": VocabularyFields,
    "checks": CheckFields,
    "audit": AuditFields,
    "output": OutputFields,
    "report": ReportFields,
    "s3": S3Fields,
    "engine": EngineFields,
    "spark": SparkFields,
    "athena": AthenaFields,
    "tracing": TracingFields,
}
"""The settings in the order in which people are shown them."""

_ALWAYS_TOLD = ("s3_data_location", "output_s3_location", "sequence_length", "mode")
_FEATURES = (
    Feature(name="pupilid", column="pupilid", pad=-1),
    Feature(name="exercise_id", column="exercise_id", pad=-1),
    Feature(name="skill", column="skill", pad="<pad>"),
    Feature(name="correct", column="correct", pad=0),
    Feature(name="duration_s", column="duration_s", pad=0.0),
)


class Settings(
    SpecificationFields,
    InputFields,
    SplitFields,
    VocabularyFields,
    CheckFields,
    AuditFields,
    OutputFields,
    ReportFields,
    S3Fields,
    EngineFields,
    SparkFields,
    AthenaFields,
    TracingFields,
):
    """Everything a run is told, by flat keys.

    Example:
        >>> settings = Settings(sequence_length=20, mode="local")
        >>> settings.spec.stride, settings.subsets["train"]
        (20, 0.8)

    Args:
        origins: For each key, the source that gave its value; stands in messages instead of the key.

    Raises:
        ConfigurationError: A value is not allowed; the message names every key at fault.
    """

    order_by: Annotated[tuple[ColumnName, ...], Field(min_length=1)] = Field(
        default=("answered_at", "observation_id"), description=SpecificationFields.model_fields["order_by"].description
    )
    sequence_length: Annotated[StrictInt, Field(ge=1, le=MAX_SEQUENCE_LENGTH)] = Field(
        default=100, description=SpecificationFields.model_fields["sequence_length"].description
    )
    features: Annotated[tuple[Feature, ...], Field(min_length=1)] = Field(
        default=_FEATURES, description=SpecificationFields.model_fields["features"].description
    )

    def __init__(self, origins: Mapping[str, str] | None = None, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _configuration_error(each_finding(error, type(self)), origins or {}) from None

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Make settings from a mapping; raise `ConfigurationError` for every value not allowed."""
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ConfigurationError("settings", f"expected keys with values, found {type(obj).__name__}")
        return cls(**{str(key): value for key, value in obj.items()})

    @property
    def spec(self) -> SequenceSpec:
        """The part that the sequence contract knows."""
        return SequenceSpec(**{field: getattr(self, field) for field in SequenceSpec.model_fields})

    def says(self, key: str) -> bool:
        """Whether a source gave the value, be it the default's or another."""
        return key in self.model_fields_set

    @property
    def chosen(self) -> list[str]:
        """The keys whose values differ from the defaults."""
        # A stride that nobody told is the sequence length, whatever that is.
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        defaults["stride"] = self.sequence_length
        return [name for name, default in defaults.items() if getattr(self, name) != default]

    @property
    def told(self) -> dict[str, object]:
        """What differs from the defaults, and always the locations, the length and the mode."""
        return {name: getattr(self, name) for name in dict.fromkeys((*_ALWAYS_TOLD, *self.chosen))}


def _configuration_error(problems: list[tuple[str, str]], origins: Mapping[str, str]) -> ConfigurationError:
    """Name the source as the place where it is the only one at fault, else each source with its problem."""
    located = [(_located(path, origins), problem) for path, problem in problems]
    if len(located) == 1:
        return ConfigurationError(*located[0])
    return ConfigurationError("settings", "; ".join(f"{where}: {problem}" for where, problem in located))


def _located(path: str, origins: Mapping[str, str]) -> str:
    key, dot, inner = path.partition(".")
    return f"{origins.get(key, key) or 'settings'}{dot}{inner}"
