"""Quality rules of the settings: what an observation must be, and what happens where it is not."""

import datetime
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from obs2seq.domain import rules
from obs2seq.domain.spec import ColumnName
from obs2seq.domain.validation import MisfitError, shortened

Severity = Literal["quarantine", "warn", "fail"]
TypeName = Literal["boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "string"]

BROKEN_RULES = "broken_rules"
"""The column of quarantined rows that names the rules which they break."""
_TAKEN = {*rules.MEANINGS, rules.CONTEXT, "rows_in", "rows_out", "sequenced"}
"""What the ledger counts beside the rules of the settings."""


def _scalar(value: object) -> object:
    """Refuse what is no scalar; hold as ISO text what YAML reads as a date or a time."""
    if not isinstance(value, bool | int | float | str | datetime.date):
        raise ValueError(f"expected true, false, a number or a text, found {shortened(value)}")
    return value.isoformat() if isinstance(value, datetime.date) else value


def _bound(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"expected a number or a text, found {value}")
    return _scalar(value)


def _instant(text: str) -> str:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"expected an ISO timestamp with an offset, such as 2026-07-31T00:00:00Z, found {text!r}")
    return text


RuleName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Bound = Annotated[Number | StrictStr, BeforeValidator(_bound)]
Value = Annotated[StrictBool | Number | StrictStr, BeforeValidator(_scalar)]
Instant = Annotated[StrictStr, BeforeValidator(_scalar), AfterValidator(_instant)]


class _Rule(BaseModel):
    """What all rules have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: RuleName = Field(description="What the ledger, messages and quarantined rows call the rule.")
    severity: Severity = Field(
        description="quarantine: the row goes aside. warn: it is kept and counted. fail: the run stops."
    )

    @property
    def setting(self) -> str:
        """How messages name the rule."""
        return f"rules.{self.name}"


class _ColumnRule(_Rule):
    column: ColumnName = Field(description="The column that is looked at, as it is called after `columns`.")


class Required(_ColumnRule):
    """The column is there; where it is not, every row breaks the rule."""

    kind: Literal["required"]


class NotNull(_ColumnRule):
    """The value is not null. Every other kind but `predicate` lets nulls pass."""

    kind: Literal["not_null"]


class OfType(_ColumnRule):
    """The column is of this type, or holds texts that can be read as values of it."""

    kind: Literal["type"]
    type: TypeName = Field(description="A type by Spark's name.")


class InRange(_ColumnRule):
    """The value lies between two bounds, both included. NaN is above all numbers."""

    kind: Literal["range"]
    least: Bound | None = Field(default=None, description="A number; for dates, times and texts a text.")
    most: Bound | None = Field(default=None, description="A number; for dates, times and texts a text.")

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError("expected least, most or both, found neither")
        is_text = {isinstance(bound, str) for bound in (self.least, self.most) if bound is not None}
        if len(is_text) > 1:
            raise ValueError("expected least and most to be of one kind, found a number and a text")
        if self.least is not None and self.most is not None and self.least > self.most:  # type: ignore[operator]
            raise ValueError(f"expected least to be no more than most, found {self.least!r} and {self.most!r}")
        return self


class Allowed(_ColumnRule):
    """The value is one of these."""

    kind: Literal["allowed"]
    values: Annotated[tuple[Value, ...], Field(min_length=1)] = Field(description="All values that there may be.")


class Known(_ColumnRule):
    """The value is one of a set that is told here, or stands in a file."""

    kind: Literal["known"]
    values: Annotated[tuple[Value, ...], Field(min_length=1)] | None = Field(
        default=None, description="The set itself."
    )
    file: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None, description="A CSV file with a header, or a Parquet file, that holds the set: local or on S3."
    )
    file_column: ColumnName | None = Field(default=None, description="The column of the file. Default: of this name.")

    @model_validator(mode="after")
    def _has_one_set(self) -> Self:
        if (self.values is None) == (self.file is None):
            raise ValueError(f"expected values or a file, found {'neither' if self.file is None else 'both'}")
        return self


class NotAfter(_ColumnRule):
    """The time is no later than an instant, or than what another column holds: the clock of the data."""

    kind: Literal["not_after"]
    instant: Instant | None = Field(default=None, description="An ISO timestamp with an offset.")
    clock: ColumnName | None = Field(default=None, description="A column of the same type.")

    @model_validator(mode="after")
    def _has_one_clock(self) -> Self:
        if (self.instant is None) == (self.clock is None):
            raise ValueError(f"expected an instant or a clock, found {'neither' if self.clock is None else 'both'}")
        return self


class Predicate(_Rule):
    """A Spark SQL condition is true: null is not."""

    kind: Literal["predicate"]
    predicate: Annotated[StrictStr, Field(min_length=1)] = Field(description="Spark SQL over the mapped columns.")


class Unique(_Rule):
    """No two rows have the same values here: the first in the total order keeps the rule, the others break it."""

    kind: Literal["unique"]
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1)] = Field(
        description="The columns, the pupil's among them; rows with a null in one of them pass."
    )


class MaxPerPupil(_Rule):
    """The pupil has no more observations than so many; of one who has, all rows break the rule."""

    kind: Literal["max_per_pupil"]
    most: Annotated[StrictInt, Field(ge=1)] = Field(description="In observations.")


RowRule = Required | NotNull | OfType | InRange | Allowed | Known | NotAfter | Predicate
"""What a row keeps or breaks by itself."""
PupilRule = Unique | MaxPerPupil
"""What a row keeps or breaks beside the others of its pupil."""
Rule = Annotated[RowRule | PupilRule, Field(discriminator="kind")]


def _names_differ(found: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Refuse two rules of one name, and names that the ledger knows already; case tells none apart."""
    names = Counter(rule.name.lower() for rule in found)
    problems = [f"expected names that differ, found '{name}' {n} times" for name, n in names.items() if n > 1]
    problems += [f"expected names that no built-in rule has, found '{name}'" for name in names if name in _TAKEN]
    if problems:
        raise MisfitError([("rules", problem) for problem in problems])
    return found


Rules = Annotated[tuple[Rule, ...], AfterValidator(_names_differ)]
Share = Annotated[StrictFloat, Field(ge=0, le=1, allow_inf_nan=False)]
