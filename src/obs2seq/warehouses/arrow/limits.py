"""What the embedded engine leaves to Spark."""

from obs2seq.errors import ConfigurationError


class UnfitError(ConfigurationError):
    """The embedded engine does not do what is asked, and Spark does. Raised before anything is written."""


def require_fit(mode: str, output_format: str) -> None:
    """Raise `UnfitError` for a place to run, or a format to write, that is Spark's alone."""
    if mode != "local":
        problem = f"expected spark where mode is {mode}, found arrow"
        raise UnfitError("engine", problem, "set mode: local to compute on this machine")
    if output_format == "delta":
        problem = "expected parquet where engine is arrow, found delta"
        raise UnfitError("output_format", problem, "publish Parquet, or set engine: spark")
