"""What Spark has to be told on EMR so that the package's code runs in the Python that it is made for."""

from collections.abc import Mapping

from obs2seq.launch.releases import EMR_PYTHON

DEPENDENCIES = "dependencies"
"""The folder that the archive of dependencies is unpacked into, in the working folder of each process."""

_PYTHON = {"PYSPARK_PYTHON": f"/usr/bin/python{EMR_PYTHON}", "PYTHONPATH": f"./{DEPENDENCIES}"}
_DRIVER_ENV = {"ec2": "spark.yarn.appMasterEnv", "serverless": "spark.emr-serverless.driverEnv"}

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
_DELTA_JARS = "/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar"


def spark_settings(target: str, locations: Mapping[str, str]) -> dict[str, str]:
    """Return Spark settings by their full names.

    Args:
        target: ec2 (in cluster mode) or serverless.
        locations: Where the package's files lie, by role.
    """
    environment = {
        f"{process}.{name}": value
        for process in (_DRIVER_ENV[target], "spark.executorEnv")
        for name, value in _PYTHON.items()
    }
    # EMR on EC2 has Delta's jars on its class path once a cluster is configured so.
    jars = {"spark.jars": _DELTA_JARS} if target == "serverless" else {}
    return {
        "spark.submit.pyFiles": locations["code"],
        "spark.archives": f"{locations['dependencies']}#{DEPENDENCIES}",
        **environment,
        **jars,
        **DELTA,
    }


def as_conf(settings: Mapping[str, str]) -> list[str]:
    """Return settings as spark-submit takes them."""
    return [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
