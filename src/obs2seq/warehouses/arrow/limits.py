"""What the embedded engine leaves to Spark."""

from obs2seq.errors import ConfigurationError


def require_fit(mode: str, output_format: str) -> None:
    """Raise `ConfigurationError` for a place to run, or a format to write, that is Spark's alone."""
    if mode != "local":
        problem = f"expected spark where mode is {mode}, found arrow"
        raise ConfigurationError("engine", problem, "set mode: local to compute on this machine")
    if output_format == "delta":
        problem = "expected parquet where engine is arrow, found delta"
        raise ConfigurationError("output_format", problem, "publish Parquet, or set engine: spark")
