"""The errors a user can cause: one tree, one form of message, one exit code each."""

DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3
"""Exit codes of every entrypoint."""
INTERRUPTED = 130
"""What shells give a program that was stopped by Ctrl-C."""
TERMINATED = 143
"""The same of SIGTERM."""


class Obs2SeqError(Exception):
    """Base of all deliberate errors.

    The message says where, what was expected, what was found and what to do. It never holds a row's
    contents (they are children's data) or a secret.

    Args:
        where: The file, setting or step that is at fault.
        problem: What was expected and what was found, as one sentence without a full stop.
        hint: What the user can do about it, as one sentence without a full stop.
    """

    exit_code = DATA

    def __init__(self, where: str, problem: str, hint: str = "") -> None:
        self.where, self.problem, self.hint = where, problem, hint
        super().__init__(where, problem, hint)

    def __str__(self) -> str:
        hint = f" Hint: {self.hint}." if self.hint else ""
        return f"{self.where}: {self.problem}.{hint}"


class DataError(Obs2SeqError, ValueError):
    """The observations are not what the settings say they are."""


class DataNotFoundError(DataError, FileNotFoundError):
    """A location that should hold data does not exist, or is empty."""


class LedgerError(DataError):
    """Rows in and rows out do not balance: the result cannot be trusted."""


class CheckError(DataError):
    """A step did not give what it promises, by its schema or by its counts: the result cannot be trusted."""


class ConfigurationError(Obs2SeqError, ValueError):
    """The settings, the specification or the arguments cannot be used."""

    exit_code = USAGE


class SpecificationError(ConfigurationError):
    """A value of the sequence specification is not allowed."""


class StorageError(Obs2SeqError, OSError):
    """A file system, an object store or a service refused, or did not answer."""

    exit_code = SERVICE


class ConflictError(StorageError):
    """Somebody else changed what was about to be replaced."""
