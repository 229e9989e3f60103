"""How a run has ended, and what the job itself said about it."""

import re
from collections.abc import Sequence

from obs2seq.aws.states import RunState, Status
from obs2seq.errors import DATA, SERVICE, USAGE, ConfigurationError, DataError, Obs2SeqError, StorageError
from obs2seq.launch.target import Runs

TAIL = 2000
"""How many of a log's last lines are looked through."""

_SAID = re.compile(r"error: (\S.*)")
_EXIT_CODE = re.compile(r"(?:exited with (?:status )?|ExitCode: ?|exitCode: ?|SystemExit: ?)(\d+)")
_TRACEBACK = "Traceback (most recent call last):"
_NAMED = re.compile(r"(?:obs2seq\.errors\.)?(\w+): (.+)", re.DOTALL)
_EXIT_CODES = {
    kind.__name__: kind.exit_code
    for kind in (*Obs2SeqError.__subclasses__(), *DataError.__subclasses__(), *ConfigurationError.__subclasses__())
}
_CLASSES: dict[int, type[Obs2SeqError]] = {DATA: DataError, USAGE: ConfigurationError, SERVICE: StorageError}


def ending_error(runs: Runs, run_id: str, status: Status) -> Obs2SeqError | None:
    """Return what to tell of a run's end; None where it has succeeded.

    Where the job's log is there and ends with the job's own message, the error says that and has the exit code that the
    job had; all else is the service's affair.
    """
    if status.state is RunState.SUCCEEDED:
        return None
    where = f"run {run_id}"
    if status.state is RunState.FAILED:
        return _failure(where, runs, run_id, status)
    found = f"{status.word}{_after_colon(status.reason)}"
    if status.state is RunState.TIMED_OUT:
        return StorageError(where, f"expected it to end in time, found {found}", "allow more with --max-hours")
    return StorageError(where, f"expected it to succeed, found {found}; it was stopped from outside", "submit it again")


def _failure(where: str, runs: Runs, run_id: str, status: Status) -> Obs2SeqError:
    lines = _driver_tail(runs, run_id)
    said, code = job_error(lines), exit_code([*lines, status.reason])
    if not said:
        said, code = _named(status.reason)
    hint = f"see 'obs2seq logs {run_id}'" + ("" if lines else "; they may come minutes late")
    found = f"{status.word}{_after_colon(said or last_line(python_error(lines)) or status.reason)}"
    kind = _CLASSES.get(code or SERVICE, StorageError) if said else StorageError
    return kind(where, f"expected it to succeed, found {found}", hint)


def job_error(lines: Sequence[str]) -> str | None:
    """Return the job's own last message."""
    return next((match[1] for line in reversed(lines) if (match := _SAID.fullmatch(line))), None)


def exit_code(lines: Sequence[str]) -> int | None:
    """Return the exit code of the job, where Spark or the service tells it."""
    told = [int(match[1]) for line in lines for match in _EXIT_CODE.finditer(line)]
    named = [_named(line)[1] for line in lines]
    return next((code for code in (*told, *named) if code), None)


def _named(reason: str) -> tuple[str | None, int | None]:
    """Return what the job said and its exit code from a reason of Glue's, which begins with the error's name."""
    match = _NAMED.fullmatch(reason)
    return (match[2], _EXIT_CODES[match[1]]) if match and match[1] in _EXIT_CODES else (None, None)


def python_error(lines: Sequence[str]) -> list[str]:
    """Return the last traceback, with the line that names the error; none where there is none."""
    starts = [i for i, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    if not starts:
        return []
    end = next((i for i in range(starts[-1] + 1, len(lines)) if not lines[i].startswith(" ")), len(lines) - 1)
    return list(lines[starts[-1] : end + 1])


def last_line(lines: Sequence[str]) -> str:
    """Return the last line, empty where there is none."""
    return lines[-1] if lines else ""


def _driver_tail(runs: Runs, run_id: str) -> list[str]:
    """What cannot be read says nothing: the run's end is told all the same."""
    try:
        return [line for file in runs.log_files(run_id) for line in file.tail(TAIL)]
    except StorageError:
        return []


def _after_colon(text: str) -> str:
    return f": {text.strip().rstrip('.')}" if text.strip() else ""
