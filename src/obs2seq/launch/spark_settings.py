"""What Spark is told on EMR beside its sizes: the package's files, its Python, and Delta."""

from collections.abc import Mapping

from obs2seq import packaging
from obs2seq.launch.releases import EMR_PYTHON

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# EMR on EC2 has them on its class path once a cluster is configured so.
_DELTA_JARS = {
    "serverless": "/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar",
}


def spark_conf(target: str, locations: Mapping[str, str]) -> list[str]:
    """Return settings as spark-submit takes them.

    Args:
        target: ec2 (in cluster mode) or serverless.
        locations: Where the package's files lie, by role.
    """
    settings = {
        "spark.submit.pyFiles": locations["code"],
        "spark.archives": f"{locations['dependencies']}#{packaging.DEPENDENCIES_FOLDER}",
        **packaging.spark_settings(target, EMR_PYTHON),
        **({"spark.jars": _DELTA_JARS[target]} if target in _DELTA_JARS else {}),
        **DELTA,
    }
    return [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
