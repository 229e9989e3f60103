"""The job as Glue starts it: its arguments, its session, and what Glue is told about the run.

Where Glue is not, it runs all the same: with Glue's library alone, and without that.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from obs2seq.cli import guarded
from obs2seq.commands.runs import run
from obs2seq.domain.validation import closest
from obs2seq.errors import ConfigurationError, Obs2SeqError, StorageError
from obs2seq.settings import Settings, load_settings

logger = logging.getLogger(__name__)
JOB_NAME = "JOB_NAME"
"""The option by which Glue names the job, on every run."""
_GLUES = {"mode"}
"""Settings whose names Glue uses for options of its own."""


def run_glue_job(argv: Sequence[str]) -> int:
    """Run the job, and commit Glue's run of it once everything is published.

    Glue takes an exception for a failed run and shows its message; of an exit code it shows the number at most.

    Args:
        argv: The script's name, then settings as `--name value` (also `--force true`: Glue gives every option a
            value). What is no setting is Glue's own and passed over, with a warning where a setting may be meant.

    Returns:
        The exit code, for runs that Glue did not start; 0 for those that it did.

    Raises:
        Obs2SeqError: A run that Glue started has failed. It has no cause: a traceback of Spark's errors may quote rows.
    """
    failures: list[Obs2SeqError] = []

    def job() -> None:
        try:
            _run(argv)
        except Obs2SeqError as error:
            failures.append(error)
            raise

    code = guarded(job, is_debug=False)
    if code and _is_started_by_glue(argv):
        raise (
            _without_cause(failures[0]) if failures else StorageError("obs2seq", f"expected exit code 0, found {code}")
        )
    return code


def _run(argv: Sequence[str]) -> None:
    options = _options(argv)
    given = {name: value for name, value in options.items() if name in _settings(argv)}
    settings = load_settings(given, os.environ, None)
    with _committed(settings, options):
        run(settings)


def _settings(argv: Sequence[str]) -> set[str]:
    return set(Settings.model_fields) - (_GLUES if _is_started_by_glue(argv) else set())


def _options(argv: Sequence[str]) -> Mapping[str, Any]:
    """Return the options by name, with _ for -: the settings among them, and those that Glue's library knows."""
    given = dict.fromkeys(word.removeprefix("--").partition("=")[0] for word in argv[1:] if word.startswith("--"))
    known = _settings(argv)
    options = _resolved(argv, [name for name in given if _key(name) in {*known, JOB_NAME}])
    for name in given:
        if _key(name) not in options and (meant := closest(_key(name), known)):
            logger.warning("passed over unknown option --%s (did you mean --%s?)", name, meant)
    return options


def _key(name: str) -> str:
    return name.replace("-", "_")


def _resolved(argv: Sequence[str], names: Sequence[str]) -> Mapping[str, Any]:
    """Ask Glue's library for the options, which needs every one that it is asked for; parse them where it is not."""
    try:
        from awsglue.utils import GlueArgumentError, getResolvedOptions
    except ImportError:
        parser = _Parser(allow_abbrev=False)
        for name in names:
            parser.add_argument(f"--{name}")
        return vars(parser.parse_known_args(argv[1:])[0])
    try:
        options: dict[str, Any] = getResolvedOptions(list(argv), list(names))
    except GlueArgumentError as error:
        _refuse(str(error))
    return options


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _refuse(message)


def _refuse(found: str) -> NoReturn:
    hint = "give every option one value, flags too: --force true"
    raise ConfigurationError("arguments", f"expected pairs --name value, found: {found}", hint) from None


@contextmanager
def _committed(settings: Settings, options: Mapping[str, Any]) -> Iterator[None]:
    """Tell Glue that the run begins and, after a block that ends well, that it is done."""
    job = _glue_job(settings)
    if job is None:
        yield
        return
    job.init(options.get(JOB_NAME, "obs2seq"), options)
    yield
    job.commit()


def _glue_job(settings: Settings) -> Any:
    """Return Glue's own account of the run, on the session that the run will use; None where Glue is not."""
    try:
        from awsglue.context import GlueContext
        from awsglue.job import Job
    except ImportError:
        return None
    from obs2seq.bootstrap import session_source
    from obs2seq.storage.routing import RoutedStorage

    session = session_source(settings, RoutedStorage())()
    try:
        return Job(GlueContext(session.sparkContext))
    except TypeError as error:
        if "JavaPackage" not in str(error):
            raise
        return None  # Glue's library is installed, its Java classes are not


def _is_started_by_glue(argv: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == f"--{JOB_NAME}" for word in argv)


def _without_cause(error: Obs2SeqError) -> Obs2SeqError:
    return type(error)(error.where, error.problem, error.hint)
