"""Where temporary files may lie."""

from tempfile import TemporaryFile

from obs2seq.errors import ConfigurationError


def require_writable(folder: str | None) -> None:
    """Raise `ConfigurationError` where temporary files cannot be made: else that is found when hours have gone by."""
    if folder is None:
        return
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = f"expected a folder in which files can be made, found '{folder}': {reason}"
        hint = "make the folder, or name another; without one, files lie where TMPDIR says"
        raise ConfigurationError("temporary_folder", problem, hint) from error
