"""What Arrow refuses, in the project's words: Arrow itself may quote a row."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from obs2seq.errors import DataError, Obs2SeqError, StorageError

_HINTS = {
    errno.ENOSPC: "free space there, or choose another location",
    errno.EDQUOT: "free space within the quota, or choose another location",
    errno.EROFS: "choose a location on a file system that can be written to",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
_RIGHTS = (
    (("ACCESS_DENIED", "403"), "the right to read and write here, found it denied", "check the permissions there"),
    (("NO_SUCH_BUCKET", "NO_SUCH_KEY"), "the bucket to exist, found none of that name", "check the location"),
    (("NETWORK_CONNECTION", "curlCode"), "the storage service to answer, found it unreachable", "check the network"),
)
"""What stands in Arrow's words where S3 refuses."""


@contextmanager
def unreadable(where: str) -> Iterator[None]:
    """Say what goes wrong with a file that is read as an error of the project's own."""
    try:
        yield
    except FileNotFoundError as error:
        raise changed(where) from error
    except pa.ArrowMemoryError as error:
        raise _no_memory(where) from error
    except OSError as error:
        if _is_service(error):
            raise _refusal(where, error) from error
        raise corrupt(where) from error
    except pa.ArrowException as error:
        raise corrupt(where) from error


@contextmanager
def unwritable(where: str) -> Iterator[None]:
    """Say what goes wrong with a file that is written as an error of the project's own."""
    try:
        yield
    except pa.ArrowMemoryError as error:
        raise _no_memory(where) from error
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, Obs2SeqError):
            raise
        raise _refusal(where, error) from error


def corrupt(where: str) -> DataError:
    """Return the error for a file that is not what its format asks for."""
    return DataError(
        where,
        "expected files that are whole, found one that is corrupt or half-written",
        "write the file again, or take it away",
    )


def changed(where: str) -> DataError:
    """Return the error for a file that is no longer the one that was listed."""
    return DataError(
        where,
        "expected the files that were listed at the start, found one gone or changed",
        "run again when nobody writes to the location",
    )


def _is_service(error: OSError) -> bool:
    """Whether it is the place that refuses: what is wrong with the content comes without a number, but from S3."""
    return error.errno is not None or "AWS Error" in str(error)


def _refusal(where: str, error: Exception) -> StorageError:
    number = getattr(error, "errno", None)
    for marks, problem, hint in _RIGHTS:
        if any(mark in str(error) for mark in marks):
            return StorageError(where, f"expected {problem}", hint)
    reason = getattr(error, "strerror", None) or type(error).__name__
    reason = reason.partition("Detail:")[2].strip() or reason
    return StorageError(
        where,
        f"expected to read and write here, found: {reason[:200]}",
        _HINTS.get(number or 0, "check the location and its permissions"),
    )


def _no_memory(where: str) -> StorageError:
    return StorageError(
        where, "expected enough memory, found none left", "lower memory_budget, or give the machine more memory"
    )
