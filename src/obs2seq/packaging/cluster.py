"""What Spark on a cluster is told, so that driver and executors find the dependencies."""

from obs2seq.errors import ConfigurationError

DEPENDENCIES_FOLDER = "deps"
"""Where Spark unpacks the archive, below the working directory of each process: `--archives <archive>#deps`."""

_EXECUTORS = "spark.executorEnv."
_PREFIXES: dict[str, tuple[str, ...]] = {
    "ec2": ("spark.yarn.appMasterEnv.", _EXECUTORS),  # in cluster mode the driver runs in YARN's application master
    "serverless": ("spark.emr-serverless.driverEnv.", _EXECUTORS),
    "glue": (),  # Glue's own pip installs the wheel
}


def spark_settings(target: str, python: str = "3.11") -> dict[str, str]:
    """Return the settings that let a cluster import what `--archives <archive>#deps` brings.

    Args:
        target: ec2 (in cluster mode), serverless or glue.
        python: That of the archive, which the cluster has to run too; EMR's own default is older.

    Returns:
        Names of Spark settings and their values; none for Glue.

    Raises:
        ConfigurationError: No such target.

    Example:
        >>> spark_settings("ec2")["spark.executorEnv.PYTHONPATH"]
        './deps'
    """
    if target not in _PREFIXES:
        raise ConfigurationError("target", f"expected {' or '.join(_PREFIXES)}, found '{target}'")
    variables = {"PYSPARK_PYTHON": f"/usr/bin/python{python}", "PYTHONPATH": f"./{DEPENDENCIES_FOLDER}"}
    return {prefix + name: value for prefix in _PREFIXES[target] for name, value in variables.items()}
