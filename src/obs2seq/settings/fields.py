"""Every setting beside the specification's: its name, type, default and meaning."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from obs2seq.domain.quality import Rules, Share
from obs2seq.domain.spec import ColumnName
from obs2seq.domain.validation import MisfitError
from obs2seq.settings.splits import split_problems
from obs2seq.settings.values import (
    Account,
    Character,
    Choice,
    Columns,
    KmsKey,
    Location,
    Memory,
    QueryLocation,
    Region,
    SparkSettings,
    SplitTimes,
    Subsets,
    Text,
)

PositiveInt = Annotated[StrictInt, Field(ge=1)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFields(_Group):
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


class SplitFields(_Group):
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


class CheckFields(_Group):
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


class AuditFields(_Group):
    """How a run is audited for answers that leak, before it is published."""

    audit: Literal["fail", "warn", "off"] = Field(
        default="fail",
        description="What a leak leads to: pupils in two subsets, sequences repeated in another, features that look "
        "ahead. off: nobody looks.",
    )
    targets: tuple[ColumnName, ...] = Field(
        default=(), description="Names of the features that a model is to predict: these may look ahead."
    )


class ReportFields(_Group):
    """What a person gets to see of a run."""

    report: StrictBool = Field(
        default=False,
        description="Whether to write a page on the run, _REPORT.html, beside its data: of sequences, not of "
        "observations. Needs the extra 'report'; a page that cannot be made is warned of, and costs no run.",
    )


class OutputFields(_Group):
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


class S3Fields(_Group):
    """How S3 is gone about."""

    s3_region: Region | None = Field(
        default=None,
        description="Region of the buckets, such as eu-central-1. null: the environment's.",
    )
    s3_kms_key: KmsKey | None = Field(
        default=None,
        description="KMS key of all that a run writes to S3: its ARN, id, or alias as alias/name. "
        "null: as the bucket does by default.",
    )
    s3_expected_owner: Account | None = Field(
        default=None,
        description="The AWS account, 12 digits in quotes, that the buckets must belong to. null: whichever.",
    )


class EngineFields(_Group):
    """What computes, and within which memory."""

    engine: Literal["spark", "arrow", "auto"] = Field(
        default="spark",
        description="What computes: Spark, or Arrow within this process, for mode local. auto: Arrow where it can, "
        "else Spark; a line of the log says which, and why.",
    )
    execution: Literal["native", "arrow", "auto"] = Field(
        default="native",
        description="How Spark computes: native, within Java; arrow, in Python beside it, which takes less time "
        "and needs obs2seq, pyarrow and NumPy on the executors. auto: arrow where they are there.",
    )
    memory_budget: Memory | None = Field(
        default=None,
        description="What observations may take of memory where Arrow computes, such as 2g; the rest waits in "
        "temporary files, and above a gigabyte wherever they have room. On Spark for each task. null: half of what "
        "the machine has, or a task's share of that.",
    )
    temporary_folder: Text | None = Field(
        default=None, description="Where temporary files lie. null: where the system keeps them (TMPDIR)."
    )


class SparkFields(_Group):
    """Where the job runs, and Spark's own settings."""

    mode: Literal["local", "emr", "athena"] = Field(
        default="emr",
        description="Where the job runs: this machine, EMR, or Athena, where Spark's settings mean nothing.",
    )
    driver_memory: Memory | None = Field(
        default=None,
        description="Memory of the driver, such as 2g. Above spark.driver.memory. null: Spark's own.",
    )
    shuffle_partitions: PositiveInt | None = Field(
        default=None,
        description="Number of partitions after a shuffle. Above spark.sql.shuffle.partitions. null: Spark's own.",
    )
    spread_pupils_above: PositiveInt | None = Field(
        default=None,
        description="Pupils with more observations than this are heavy: Spark cuts their histories into parts of about "
        "so many, by time, and several tasks share them; the result is the same. Looking for them reads the pupils "
        "once more, and the times twice where some are heavy. null: one task a history.",
    )
    spark: SparkSettings = Field(
        default={}, description="Spark settings by their full names, such as spark.executor.memory."
    )


class TracingFields(_Group):
    """What a run tells while it runs; the result does not depend on it."""

    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How log lines are written: text, or JSON, with a line for each node and step and its seconds.",
    )
    progress: StrictBool = Field(
        default=True, description="Whether a terminal shows how far a run is; elsewhere nothing is shown."
    )
    traces: Literal["none", "otel"] = Field(
        default="none",
        description="Where spans of runs, steps and nodes go. otel: to OpenTelemetry, as its environment says.",
    )


class AthenaFields(_Group):
    """What Athena reads, and where it runs; for mode athena alone."""

    athena_table: Text | None = Field(
        default=None,
        description="The table or view to read: name, database.name or catalog.database.name; the files that it "
        "reads lie at s3_data_location. null: a table over s3_data_location is registered, of Parquet files.",
    )
    athena_database: Text = Field(
        default="obs2seq",
        description="The Glue database of a table whose name says none, and of tables that are registered.",
    )
    athena_workgroup: Text = Field(default="primary", description="The workgroup that queries run in.")
    athena_query_location: QueryLocation | None = Field(
        default=None,
        description="Where Athena leaves counts and its own notes: s3://bucket/folder. null: where the workgroup says.",
    )
    athena_deadline_minutes: PositiveInt = Field(
        default=60, description="After so many minutes a query is stopped, and the run fails. 1 or more."
    )
