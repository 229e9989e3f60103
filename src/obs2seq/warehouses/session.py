"""Spark sessions: one of this machine's own, or the one that a cluster hands over."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark import __version__ as spark_version
from pyspark.sql import SparkSession

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.errors import ConfigurationError
from obs2seq.warehouses.jars import jar_paths
from obs2seq.warehouses.java import ensure_java
from obs2seq.warehouses.lanes import LANES, Lane, java_lane_of, lane_of
from obs2seq.warehouses.s3a import access_settings, s3a_settings

APP_NAME = "obs2seq"
LOOPBACK = "127.0.0.1"
LOGGING = Path(__file__).with_name("log4j2.properties")
EVERYWHERE = {
    "spark.sql.session.timeZone": "UTC",
    # As in Spark 4: a value that cannot be cast stops the run, and does not become a null in silence.
    "spark.sql.ansi.enabled": "true",
    # With this rule a stage that turns out empty is cut from the plan, and with it the metrics observed there.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
}
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Delta writes its optional checksum files through an interface of S3A that, in Hadoop 3.3, knows no scheme but s3a.
DELTA_ON_S3 = {"spark.databricks.delta.writeChecksumFile.enabled": "false"}
HADOOP = "spark.hadoop."
GIVEN_AT_LAUNCH = re.compile(
    r"spark\.(master$|submit\.|driver\.|executor\.|jars|files$|archives$|hadoop\.fs\.s3a\.(endpoint|path\.style\.access)$)"
)


def local_session(
    spark: Mapping[str, str] | None = None,
    *,
    driver_memory: str = "2g",
    shuffle_partitions: int | None = None,
    delta: bool = False,
    s3: bool = False,
    access: S3Access = ANY_ACCESS,
) -> SparkSession:
    """Return a session on this machine, or the one of `spark-submit` where that started the process.

    Java, the jars and the logging are taken care of; the first session with `delta` or `s3` fetches 5 to 19 MB of
    jars. Under `spark-submit` all of that is its business, and left alone. A process has one session: a second call
    returns the first, with the settings that can still change.

    Args:
        spark: Further settings of Spark; they win over those made here.
        driver_memory: The most that Spark may use, as Java writes it: '2g'.
        shuffle_partitions: How many partitions a shuffle makes; Spark's own number where None.
        delta: Whether Delta tables are read or written.
        s3: Whether `s3://` locations are.
        access: How to go about S3.

    Raises:
        ConfigurationError: No usable Java, or no jars are pinned for the installed Spark.
        StorageError: A jar cannot be fetched.
    """
    settings = dict(EVERYWHERE)
    if shuffle_partitions is not None:
        settings["spark.sql.shuffle.partitions"] = str(shuffle_partitions)
    settings |= DELTA if delta else {}
    if not _is_submitted():
        _prepare_process()
        settings |= _machine(driver_memory) | _with_jars(delta=delta, s3=s3)
        settings |= _java_options((spark or {}).get("spark.driver.extraJavaOptions", ""))
    settings |= access_settings(access, os.environ) if s3 else {}
    return _open(settings | dict(spark or {}))


def cluster_session(spark: Mapping[str, str] | None = None, access: S3Access = ANY_ACCESS) -> SparkSession:
    """Return the session of the cluster that runs this process.

    Args:
        spark: Further settings of Spark. Master, memory and jars among them give way to those given to `spark-submit`.
        access: How to go about S3.
    """
    return _open(EVERYWHERE | access_settings(access, os.environ) | dict(spark or {}))


def _open(settings: Mapping[str, str]) -> SparkSession:
    given = _given_at_launch()
    ours = {name: value for name, value in settings.items() if name not in given}
    builder = SparkSession.builder.appName(APP_NAME)
    for name, value in ours.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    _tell_hadoop(session, ours)
    return session


def _tell_hadoop(session: SparkSession, settings: Mapping[str, str]) -> None:
    """Let Hadoop know its settings also in a context that was there before, as in Glue and in notebooks."""
    hadoop = session.sparkContext._jsc.hadoopConfiguration()
    for name, value in settings.items():
        if name.startswith(HADOOP):
            hadoop.set(name.removeprefix(HADOOP), value)


def _is_submitted() -> bool:
    """Whether spark-submit, or what EMR and Glue make of it, started this process."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _given_at_launch() -> set[str]:
    """Return the names of the settings that are spark-submit's: a running JVM cannot change its own; the way to S3."""
    if not _is_submitted():
        return set()
    SparkContext._ensure_initialized()  # without a JVM, SparkConf would know nothing of spark-submit's arguments
    return {name for name, _ in SparkConf().getAll() if GIVEN_AT_LAUNCH.match(name)}


def _prepare_process() -> None:
    """Set what Spark's start script and its Python workers read from the environment."""
    ensure_java(java_lane_of(spark_version))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)


def _machine(driver_memory: str) -> dict[str, str]:
    return {
        "spark.master": "local[*]",
        "spark.driver.memory": driver_memory,
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir(), "spark-warehouse")),  # Spark makes it, tables or not
    }


def _java_options(chosen: str) -> dict[str, str]:
    """Return defaults that `spark.driver.extraJavaOptions` is appended to; Java takes no two garbage collectors."""
    options = [] if re.search(r"-XX:\+Use\w+GC\b", chosen) else ["-XX:+UseParallelGC"]
    if LOGGING.is_file():  # not so inside a zip
        options.append(f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
    return {"spark.driver.defaultJavaOptions": " ".join(options)}


def _with_jars(*, delta: bool, s3: bool) -> dict[str, str]:
    if not (delta or s3):
        return {}
    lane = _pinned_lane()
    jars = ",".join(path.as_uri() for path in jar_paths(lane.name, delta=delta, s3=s3))
    settings = {"spark.jars": jars}
    settings |= s3a_settings(lane.name, os.environ) if s3 else {}
    return settings | (DELTA_ON_S3 if delta and s3 else {})


def _pinned_lane() -> Lane:
    lane = lane_of(spark_version)
    if lane is None:
        known = " or ".join(lane.series for lane in LANES.values())
        hint = "install obs2seq[spark35], or start the job with spark-submit and jars of your own"
        raise ConfigurationError("spark", f"expected Spark {known} for Delta and S3, found {spark_version}", hint)
    return lane
