"""From a raw table to the observations of one subset: columns mapped, each row judged and counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hamilton.function_modifiers import config
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    MapType,
    NullType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from obs2seq.domain import rules
from obs2seq.domain.columns import no_time, require_columns, require_scalar
from obs2seq.domain.quality import PupilRule, RowRule
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.split_times import TimeRange
from obs2seq.domain.splits import Assigned, ColumnValue, Everything, Folds, HashRange, Share
from obs2seq.domain.vocabularies import Vocabulary, observed_columns
from obs2seq.errors import ConfigurationError
from obs2seq.flow.columns import in_hash_range, named, type_of
from obs2seq.flow.split_times import is_before
from obs2seq.flow.tallies import Tally
from obs2seq.flow.verdicts import input_counts, stays, verdict_name, verdict_of

_REPLACEMENT = "\ufffd"
"""What a decoder puts where bytes are no UTF-8."""
_YEAR_1_US = -62_135_596_800_000_000
_YEAR_10000_US = 253_402_300_800_000_000


@dataclass(frozen=True)
class Ids:
    """What encodes a column."""

    vocabulary: Vocabulary
    """Says which types of columns it is for; it may be empty."""
    table: DataFrame | None
    """Its columns id and value, where it is not."""


@dataclass(frozen=True)
class Selection:
    """Which rows of a raw table to take, and under which names."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → the name of a raw column, or a Spark SQL expression over the raw columns."""
    row_filter: str | None = None
    """A Spark SQL predicate over the mapped columns; rows where it is not true are left out."""
    share: Share = field(default_factory=Everything)
    """Which rows belong to the subset."""
    duplicates: Literal["keep", "drop"] = "keep"
    folds: Folds | None = None
    """Adds a column with each pupil's fold; None: no such column."""
    assignment: DataFrame | None = None
    """Where the share is `Assigned`: each pupil, as text, and its subset."""
    vocabularies: Mapping[str, Ids] = field(default_factory=dict)
    """By the columns that they encode."""
    pupil_sample: float | None = None
    """The share of the pupils to take at all; None: all."""
    is_text_input: bool = False
    """Whether the rows were decoded from text, so that U+FFFD means bytes that are not UTF-8."""
    rules: tuple[RowRule | PupilRule, ...] = ()
    """What observations must be, beside what is built in; `flow.quality` tries them."""
    references: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The values that files hold, by the rule that names the file."""


@config.when(encoded=False)
def mapped_observations(raw_observations: DataFrame, selection: Selection) -> DataFrame:
    """Add the settings' columns to the raw table, each by an input column's name or a Spark SQL expression.

    Expressions see the raw columns. A mapped column takes the place of a raw one of its name.
    """
    expressions = {
        name: _expression(raw_observations, f"columns.{name}", text) for name, text in selection.columns.items()
    }
    return raw_observations.withColumns(expressions) if expressions else raw_observations


def row_rules(
    mapped_observations: DataFrame, spec: SequenceSpec, selection: Selection, stage_rules: dict[str, Column]
) -> dict[str, Column]:
    """Return what leaves a row out: a condition by the rule's name, in the order in which they are tried."""
    require_columns(observed_columns(spec), mapped_observations.columns)
    time, row_filter = spec.order_by[0], selection.row_filter
    keep = F.lit(True) if row_filter is None else condition(mapped_observations, "row_filter", row_filter)
    damaged = _has_replacement(mapped_observations, spec) if selection.is_text_input else F.lit(False)
    return {
        **stage_rules,
        rules.FILTER: ~F.coalesce(keep, F.lit(False)),
        rules.NOT_UTF8: damaged,
        rules.NULL_PUPIL: named(spec.pupil).isNull(),
        rules.NULL_TIME: named(time).isNull(),
        rules.TIME_OUT_OF_RANGE: _is_out_of_range(mapped_observations, time),
        **_outside(selection.share, mapped_observations, spec),
    }


@config.when(kind="sequences")
def read_columns__sequences(mapped_observations: DataFrame, spec: SequenceSpec) -> list[str]:
    """The columns to read: those that sequences need."""
    require_columns(observed_columns(spec), mapped_observations.columns)
    return list(observed_columns(spec))


@config.when(kind="observations")
def read_columns__whole(mapped_observations: DataFrame) -> list[str]:
    """The columns to read: all."""
    return mapped_observations.columns


@config.when(rules="none")
def judged_observations__built_in(
    assigned_observations: DataFrame, row_rules: dict[str, Column], read_columns: list[str]
) -> DataFrame:
    """Select what is read further on, and beside it, as the last column, the first rule that leaves the row out."""
    kept = (named(name) for name in read_columns)
    return assigned_observations.select(*kept, verdict_of(row_rules).alias(verdict_name(read_columns)))


@config.when(rules="none")
def observations__built_in(
    judged_observations: DataFrame, row_rules: dict[str, Column], read_columns: list[str], tally: Tally
) -> DataFrame:
    """Count the rows in, and those that each rule leaves out; pass on the others."""
    verdict = verdict_name(read_columns)
    counted = tally.counting(judged_observations, "input", input_counts(verdict, row_rules))
    kept = counted.where(stays(verdict, row_rules))
    return kept.select(*(named(name) for name in read_columns))


def condition(frame: DataFrame, setting: str, text: str) -> Column:
    """Read a setting as `_expression` does; it must be true, false or null."""
    condition = _expression(frame, setting, text)
    type_ = frame.select(condition).schema[0].dataType
    if not isinstance(type_, BooleanType | NullType):
        raise ConfigurationError(setting, f"expected a condition, found an expression of type {type_.simpleString()}")
    return condition


def _expression(frame: DataFrame, setting: str, text: str) -> Column:
    """Read a setting as a column's name, or else as Spark SQL; check at once that it gives the frame a value a row."""
    if text in frame.columns:
        return named(text)
    try:
        expression = F.expr(text)
        # Beside other columns an aggregate is refused; inside a function, so are generators of rows and `*`.
        frame.select("*", expression.isNull())
    except (AnalysisException, ParseException) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".;")
        raise ConfigurationError(
            setting, f"expected a column or a Spark SQL expression over the input, found: {reason}"
        ) from error
    return expression


def _has_replacement(frame: DataFrame, spec: SequenceSpec) -> Column:
    damaged = F.lit(False)
    for name in observed_columns(spec):
        match type_of(frame, name):
            case StringType():
                damaged = damaged | F.coalesce(_holds_replacement(named(name)), F.lit(False))
            case ArrayType(elementType=StringType()):
                damaged = damaged | F.coalesce(F.exists(named(name), _holds_replacement), F.lit(False))
    return damaged


def _holds_replacement(text: Column) -> Column:
    return F.contains(text, F.lit(_REPLACEMENT))


def _is_out_of_range(frame: DataFrame, time: str) -> Column:
    match type_of(frame, time):
        case TimestampType():
            # In microseconds, so that the years mean UTC whatever the session's time zone is.
            micros = F.unix_micros(named(time))
            return (micros < _YEAR_1_US) | (micros >= _YEAR_10000_US)
        case TimestampNTZType() | DateType():
            year = F.year(named(time))
            return (year < 1) | (year > 9999)
        case NumericType():
            return F.lit(False)
        case other:
            raise no_time(time, other.simpleString())


def _outside(share: Share, frame: DataFrame, spec: SequenceSpec) -> dict[str, Column]:
    """The rules by which a row belongs to no subset, or to another."""
    match share:
        case HashRange():
            return {rules.OTHER_SUBSET: ~in_hash_range(share, named(spec.pupil))}
        case ColumnValue():
            require_columns((share.column,), frame.columns)
            if isinstance(type_ := type_of(frame, share.column), ArrayType | MapType | StructType):
                # A cast would make a text of it, which names no subset.
                require_scalar(share.column, type_.simpleString())
            subset = named(share.column).cast("string")
            known = F.coalesce(subset.isin(*share.known), F.lit(False))
            return {rules.UNKNOWN_SUBSET: ~known, rules.OTHER_SUBSET: subset != share.subset}
        case Assigned():
            subset = named(assigned_name(frame.columns))
            known = F.coalesce(subset.isin(*share.known), F.lit(False))
            return {rules.UNKNOWN_SUBSET: ~known, rules.OTHER_SUBSET: subset != share.subset}
        case TimeRange():
            return _outside_of_time(share, type_of(frame, share.column), named(share.column))
        case _:
            return {}


def _outside_of_time(share: TimeRange, type_: DataType, time: Column) -> dict[str, Column]:
    earlier = is_before(share.first, share, type_, time)
    later = F.lit(False) if share.end is None else ~is_before(share.end, share, type_, time)
    if share.has_context:
        return {rules.OTHER_SUBSET: later, rules.CONTEXT: earlier}
    return {rules.OTHER_SUBSET: earlier | later}


def assigned_name(columns: Sequence[str]) -> str:
    """Return the name of the column with the subset that a pupil is assigned to: no other has it."""
    return f"{max(columns, key=len)} assigned"
