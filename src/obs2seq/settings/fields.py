"""The settings that shape the result, beside the specification's: name, type, default and meaning."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from obs2seq.domain.quality import Rules, Share
from obs2seq.domain.spec import ColumnName
from obs2seq.domain.validation import MisfitError
from obs2seq.settings.groups import Group, PositiveInt
from obs2seq.settings.splits import split_problems
from obs2seq.settings.values import (
    Character,
    Choice,
    Columns,
    Location,
    SplitTimes,
    Subsets,
    Text,
)


class InputFields(Group):
    """Where the observations lie and how they are read."""

    s3_data_location: Location = Field(
        default="",
        description="Where the observations lie: a local path, a file:// URI or s3://bucket/folder. Required to run.",
    )
    input_format: Literal["auto", "parquet", "delta", "csv", "json"] = Field(
        default="auto", description="Format of the observations. auto: by the files' endings, or a _delta_log."
    )
    input_schema: Text | None = Field(
        default=None,
        description="Columns and types of csv and json as Spark DDL, such as 'pupilid long, answered_at timestamp'. "
        "null: inferred.",
    )
    csv_delimiter: Text = Field(default=",", description="Stands between the values of a csv file.")
    csv_quote: Character = Field(default='"', description="Stands around a csv value. Empty: nothing is quoted.")
    csv_escape: Character = Field(default='"', description="Stands before a quote that is part of a csv value.")
    csv_header: StrictBool = Field(default=True, description="Whether a csv file's first line names the columns.")
    csv_encoding: Text = Field(default="UTF-8", description="Character set of csv files.")
    csv_null_value: StrictStr = Field(default="", description="The text that means null in csv files.")
    timestamp_format: Text | None = Field(
        default=None, description="Spark pattern of timestamps in csv and json. null: ISO 8601."
    )
    columns: Columns = Field(
        default={},
        description="Columns to make: name to the name of an input column, or to a Spark SQL expression.",
    )
    row_filter: Text | None = Field(
        default=None,
        description="Spark SQL predicate; observations where it is not true are left out and counted. null: all stay.",
    )


class SplitFields(Group):
    """How pupils are divided into subsets."""

    stage: Literal["production", "development"] = Field(
        default="production",
        description="Which pupils are taken at all. production: all. development: always the same sample of them.",
    )
    development_share: Annotated[StrictFloat, Field(gt=0, le=1)] = Field(
        default=0.01, description="The share of the pupils that development takes, above 0 and up to 1."
    )

    subsets: Subsets = Field(
        default={"train": 0.8, "validation": 0.1, "test": 0.1},
        description="The subsets to make: name to fraction of the pupils, above 0; they add up to 1. "
        "Fractions count for subset_method hash and stratified.",
    )
    subset_method: Literal["auto", "folder", "column", "hash", "time", "stratified"] = Field(
        default="auto",
        description="What puts an observation into a subset: the folder of its name, the value of a column, a hash "
        "of the pupil, its time, or (stratified) an assignment that makes the fractions hold among pupils of like "
        "activity. auto: the first of folder, column and hash that the data offers.",
    )
    subset_column: Text = Field(default="subset", description="The column that names the subset.")
    split_salt: StrictStr = Field(
        default="", description="Enters the hash of the pupil: another text gives another split."
    )
    split_times: SplitTimes = Field(
        default={},
        description="For subset_method time: each subset but the first to the instant at which it begins, ascending "
        "in the order of subsets; a timestamp (UTC unless it says otherwise), or a number where the time is one.",
    )
    split_context: StrictBool = Field(
        default=False,
        description="For subset_method time: whether a pupil's earlier observations come along as context, with "
        "is_new 0.",
    )
    split_assignment: Location | None = Field(
        default=None,
        description="For subset_method stratified: where the assignment of pupils is kept and extended. "
        "null: _assignment below the output.",
    )
    folds: Annotated[StrictInt, Field(ge=2, le=1000)] | None = Field(
        default=None,
        description="Adds a column fold, 0 to folds - 1, by a hash of the pupil. 2 to 1000. null: no such column.",
    )

    @model_validator(mode="after")
    def _split_fits(self) -> Self:
        problems = tuple(split_problems(self))
        if problems:
            raise MisfitError(problems)
        return self


class CheckFields(Group):
    """What happens with observations that break a rule."""

    null_pupil: Choice = Field(default="fail", description="What an observation without a pupil leads to.")
    null_time: Choice = Field(default="fail", description="What an observation without a time leads to.")
    time_out_of_range: Choice = Field(
        default="fail", description="What an observation whose time lies outside the years 1 to 9999 leads to."
    )
    duplicates: Literal["keep", "drop"] = Field(
        default="keep",
        description="Whether observations that are alike in every column that is read all stay, or one of them.",
    )
    rules: Rules = Field(
        default=(),
        description="What observations must be: a list of name, kind, severity (quarantine, warn or fail), and what "
        "the kind needs.",
    )
    max_quarantined_share: Share | None = Field(
        default=None,
        description="The run stops where a larger share of the observations is quarantined, 0 to 1. null: no limit.",
    )


class AuditFields(Group):
    """How a run is audited for answers that leak, before it is published."""

    audit: Literal["fail", "warn", "off"] = Field(
        default="fail",
        description="What a leak leads to: pupils in two subsets, sequences repeated in another, features that look "
        "ahead. off: nobody looks.",
    )
    targets: tuple[ColumnName, ...] = Field(
        default=(), description="Names of the features that a model is to predict: these may look ahead."
    )


class ReportFields(Group):
    """What a person gets to see of a run."""

    report: StrictBool = Field(
        default=False,
        description="Whether to write a page on the run, _REPORT.html, beside its data: of sequences, not of "
        "observations. Needs the extra 'report'; a page that cannot be made is warned of, and costs no run.",
    )


class OutputFields(Group):
    """What is published, where and how."""

    output_s3_location: Location = Field(
        default="", description="Where to publish: a local path, a file:// URI or s3://bucket/folder. Required to run."
    )
    output: Literal["sequences", "observations"] = Field(
        default="sequences", description="What to publish: sequences, or the observations checked and in order."
    )
    output_format: Literal["parquet", "delta"] = Field(default="parquet", description="Format of the output.")
    layout: Literal["expanded", "indexed"] = Field(
        default="expanded",
        description="How sequences lie: as arrays of L, or indexed, for engine arrow: each session once, and its "
        "windows beside it. Overlapping windows then take little more room than the observations; obs2seq.load reads "
        "either.",
    )
    compression: Literal["snappy", "zstd", "gzip", "none"] = Field(
        default="snappy", description="Compression of the output's files."
    )
    keep_runs: PositiveInt = Field(
        default=2, description="How many runs stay at the output, the current one among them. 1 or more."
    )
    force: StrictBool = Field(default=False, description="Run also where the same run is published already.")
