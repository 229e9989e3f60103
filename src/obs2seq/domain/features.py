"""What one array of the output is made of."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_serializer,
    model_validator,
)

from obs2seq.domain.derived import DERIVATIONS, OF_ELEMENTS, with_column
from obs2seq.domain.validation import shortened
from obs2seq.domain.vocabularies import VOCABULARY, with_id_column
from obs2seq.domain.zones import known_time_zone

MAX_SHIFT = 1_000_000

MAX_DIGITS = 38
"""The longest whole number that any engine's type holds: decimal(38,0)."""


def _whole_characters(text: str) -> str:
    """Refuse half a character, which JSON can write and no engine can hold."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"expected whole characters, found a lone surrogate in {shortened(text)}")
    return text


def _pad(pad: object) -> object:
    """Refuse what is no scalar; hold as ISO text what YAML reads as a date."""
    if not isinstance(pad, bool | int | float | str | datetime.date):
        raise ValueError(f"expected a boolean, a number or a text, found {shortened(pad)}")
    if isinstance(pad, int) and abs(pad) >= 10**MAX_DIGITS:
        raise ValueError(f"expected a whole number of at most {MAX_DIGITS} digits, found a longer one")
    if isinstance(pad, str):
        _whole_characters(pad)
    return pad.isoformat() if isinstance(pad, datetime.date) else pad


ColumnName = Annotated[StrictStr, Field(min_length=1), AfterValidator(_whole_characters)]
Pad = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, BeforeValidator(_pad)]


class Strict(BaseModel):
    """Fields of exactly these names and types, which never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True, ser_json_inf_nan="constants")


def _column_or_derive(schema: dict[str, Any]) -> None:
    schema["required"] = [name for name in schema["required"] if name not in ("column", "pad")]
    schema["anyOf"] = [
        {"required": list(names)} for names in (("column", "pad"), ("derive", "pad"), ("column", "encode"))
    ]


class Feature(Strict):
    """One array of the output: of a column's values, or of what is derived from the history before each of them."""

    model_config = ConfigDict(json_schema_extra=_column_or_derive)

    name: ColumnName = Field(description="The output column is <name>_sequence.")
    column: ColumnName = Field(description="The column of the observations to read.")
    pad: Pad = Field(
        description="Stands where there is no observation, and where its value is null. A value of the "
        "column's type; dates and timestamps as ISO text."
    )
    shift: Annotated[StrictInt, Field(ge=-MAX_SHIFT, le=MAX_SHIFT)] = Field(
        default=0, description="Read the value this many positions later (below 0: earlier) in the session."
    )
    derive: StrictStr | None = Field(
        default=None,
        description="In place of column: what to derive from the pupil's history up to each observation.",
        json_schema_extra={"enum": [*DERIVATIONS, *OF_ELEMENTS, None]},
    )
    of: ColumnName | None = Field(
        default=None, description="The column that is derived from, or encoded, where one is."
    )
    time_zone: Annotated[StrictStr, AfterValidator(known_time_zone)] | None = Field(
        default=None, description="Whose clock tells the hour or the day, where one is derived."
    )
    encode: StrictStr | None = Field(
        default=None,
        description="vocabulary: the column's values as whole numbers: 0 padding (the pad, which may be left out), "
        "1 null, 2 unknown to the first subset, from 3 on by first appearance there.",
        json_schema_extra={"enum": [VOCABULARY, None]},
    )

    @model_validator(mode="before")
    @classmethod
    def _with_column(cls, fields: Any) -> Any:
        """Let `column` stand for what is derived or encoded, so that it is found by that name wherever columns are."""
        if not isinstance(fields, Mapping):
            return fields
        return with_column(fields) if fields.get("encode") is None else with_id_column(fields)

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    @property
    def output(self) -> str:
        """The name of the output column."""
        return f"{self.name}_sequence"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the observations that it reads, beside the time."""
        if self.derive is None and self.encode is None:
            return (self.column,)
        return (self.of,) if self.of is not None else ()
