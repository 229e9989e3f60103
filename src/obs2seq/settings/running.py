"""The settings of where and how a run goes, which do not shape the result: name, type, default and meaning."""

from typing import Literal

from pydantic import Field, StrictBool

from obs2seq.settings.groups import Group, PositiveInt
from obs2seq.settings.values import (
    Account,
    KmsKey,
    Memory,
    QueryLocation,
    Region,
    SparkSettings,
    Text,
)


class S3Fields(Group):
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


class EngineFields(Group):
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


class SparkFields(Group):
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


class TracingFields(Group):
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


class AthenaFields(Group):
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
