"""What keeps a run from the arrow execution, so that native has to take it."""

from obs2seq.errors import ConfigurationError

NATIVE = "set execution: native"


class ObstacleError(ConfigurationError):
    """The arrow execution cannot do what is asked for, or the executors lack what it needs."""
