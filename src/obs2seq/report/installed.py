"""What the report needs beside what obs2seq itself does."""

from importlib.util import find_spec

from obs2seq.errors import ConfigurationError

_NEEDED = ("jinja2", "matplotlib")


def require_installed() -> None:
    """Raise `ConfigurationError` where the report cannot be drawn."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        problem = f"expected what draws the report to be installed, found no module '{missing[0]}'"
        raise ConfigurationError("report", problem, "pip install 'obs2seq[report]', or set report: false")
