"""Settings of Spark by which it reads other values than tasks in Python would."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.sql import SparkSession

from obs2seq.warehouses.session import EVERYWHERE

_USUAL: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
}
"""What a session has that reads as tasks do, whoever has set it up: the cluster, spark-submit, or the settings."""
_OF_READING = re.compile(r"spark\.(hadoop\.|sql\.)")
_HARMLESS = re.compile(
    r"spark\.sql\.(adaptive|catalog|catalogImplementation|execution\.arrow|extensions|files\.(maxPartitionBytes|"
    r"openCostInBytes|minPartitionNum)|shuffle|streaming|ui|warehouse)\b"
)


def unknown_setting(settings: Mapping[str, object], session: SparkSession) -> str | None:
    """Return the name of a setting that may change what Spark reads; None where there is none.

    Args:
        settings: Those of Spark that the job names: all that may bear on reading count, also those not known here.
        session: As it is.
    """
    for name, value in settings.items():
        is_ours = EVERYWHERE.get(name, "").lower() == str(value).lower()
        if _OF_READING.match(name) and not _HARMLESS.match(name) and not is_ours:
            return name
    return next((name for name, usual in _USUAL.items() if _differs(session, name, usual)), None)


def _differs(session: SparkSession, name: str, usual: str) -> bool:
    return str(session.conf.get(name, usual)).lower() != usual.lower()
