"""Which engines make which layout."""

from obs2seq.errors import ConfigurationError
from obs2seq.settings import Settings


def require_expanded(settings: Settings, engine: str) -> None:
    """Raise `ConfigurationError` where an engine is to make a layout that is the embedded engine's alone."""
    if settings.layout != "expanded":
        problem = f"expected expanded where {engine} computes, found {settings.layout}"
        raise ConfigurationError("layout", problem, "set layout: expanded, or engine: arrow with mode: local")


def require_sequences(settings: Settings) -> None:
    """Raise `ConfigurationError` where what is asked for has no place in a layout of windows."""
    for key, found in (("folds", settings.folds), ("split_context", settings.split_context or None)):
        if settings.layout != "expanded" and found is not None:
            problem = f"expected none where layout is {settings.layout}, found {str(found).lower()}"
            raise ConfigurationError(key, problem, "set layout: expanded")
    if settings.layout != "expanded" and settings.output == "observations":
        problem = f"expected expanded where output is observations, found {settings.layout}"
        raise ConfigurationError("layout", problem, "leave layout out: what is indexed is windows over sessions")
