"""What every adapter says of small text files."""

from obs2seq.errors import ConflictError, StorageError


def decoded(location: str, content: bytes) -> str:
    """Return a file's text; raise `StorageError` where it is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"expected UTF-8 text, found other bytes at position {error.start}"
        raise StorageError(location, problem, "restore the file, or remove it") from error


def changed_meanwhile(location: str) -> ConflictError:
    """Return the error for a file that is no longer what it was when it was read."""
    return ConflictError(
        location,
        "expected the file as it was read before, found it changed meanwhile",
        "another run writes to the same output; wait for it and run again",
    )
