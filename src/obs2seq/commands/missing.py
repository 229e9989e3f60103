"""What is not installed, told by the extra that brings it."""

from obs2seq.errors import ConfigurationError

_EXTRAS = {"boto3": "aws", "botocore": "aws", "numpy": "arrow", "pyarrow": "arrow", "pyspark": "spark35"}


def as_configuration(error: ModuleNotFoundError) -> ConfigurationError | None:
    """Return the message to give where a package is not installed; None of what belongs to no extra."""
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        return None
    problem = f"expected {package} to be installed, found no module '{error.name}'"
    return ConfigurationError("obs2seq", problem, f"pip install 'obs2seq[{_EXTRAS[package]}]'")
