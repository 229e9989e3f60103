import argparse
from collections.abc import Sequence
from typing import Any, NoReturn


class GlueArgumentError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:  # noqa: N802  # Glue's name
    """Return the options, each of which has to be there, and those that Glue reserves to itself."""
    parser = _Parser()
    for reserved in ("JOB_ID", "JOB_RUN_ID", "TempDir"):
        parser.add_argument(f"--{reserved}")
    parser.add_argument("--job-bookmark-option", default="job-bookmark-disable")
    for option in options:
        parser.add_argument(f"--{option}", required=True)
    return vars(parser.parse_known_args(args[1:])[0])
