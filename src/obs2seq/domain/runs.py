"""How the runs of a dataset are named and told apart, as text."""

import re
from collections.abc import Collection, Iterable, Mapping

from obs2seq.domain.files import is_hidden
from obs2seq.domain.fingerprint import HEX_DIGITS

RUN_ID_PATTERN = rf"[0-9a-f]{{{HEX_DIGITS}}}(?:-[1-9][0-9]*)?"
"""A fingerprint, and from the second run of it on, a number."""

CURRENT = "_CURRENT.json"
MANIFEST = "_MANIFEST.json"
QUARANTINE = "_quarantine"
"""The folder of a run's quarantined rows, in the run's own."""
_STARTED = "_STARTED"
_OF_A_RUN = re.compile(rf"run_id=({RUN_ID_PATTERN})/(.+)|{_STARTED}/run_id=({RUN_ID_PATTERN})[.]json", flags=re.DOTALL)


def run_folder(run_id: str) -> str:
    """Return the name of a run's folder, which Spark reads as a partition of a column `run_id`."""
    return f"run_id={run_id}"


def claims(run_id: str) -> tuple[str, str]:
    """Return where a run's claim can lie, relative to the dataset: in its folder, or beside it."""
    return f"{run_folder(run_id)}/{_STARTED}.json", f"{_STARTED}/{run_folder(run_id)}.json"


def run_number(run_id: str) -> int:
    """Return which run of its fingerprint it is, from 1."""
    return int(run_id.partition("-")[2] or 1)


def choose_run(fingerprint: str, finished: Collection[str], *, force: bool) -> str:
    """Return the last finished run of the fingerprint; where there is none, or by force, the run after it.

    Example:
        >>> choose_run("00112233aabbccdd", ["00112233aabbccdd"], force=True)
        '00112233aabbccdd-2'
    """
    last = max((run_number(run_id) for run_id in finished if run_id.partition("-")[0] == fingerprint), default=0)
    number = last + 1 if force or not last else last
    return fingerprint if number == 1 else f"{fingerprint}-{number}"


def runs_among(paths: Iterable[str]) -> dict[str, bool]:
    """Return every run that has files, and whether it is finished; what is no run's is passed over."""
    runs: dict[str, bool] = {}
    for path in paths:
        if match := _OF_A_RUN.fullmatch(path):
            run_id = match[1] or match[3]
            runs[run_id] = runs.get(run_id, False) or match[2] == MANIFEST
    return runs


def is_of_run(path: str) -> bool:
    """Whether a file, named within a run's folder, holds rows: of the output, or quarantined ones."""
    return not is_hidden(path.removeprefix(f"{QUARANTINE}/"))


def difference(expected: Mapping[str, int], found: Mapping[str, int]) -> str:
    """Say how the files found differ from those expected; both map paths to sizes."""
    kinds = {
        "missing": sorted(expected.keys() - found.keys()),
        "unexpected": sorted(found.keys() - expected.keys()),
        "of another size": sorted(path for path in expected.keys() & found.keys() if expected[path] != found[path]),
    }
    parts = [f"{len(paths)} {kind} (such as {paths[0]})" for kind, paths in kinds.items() if paths]
    return f"expected the {len(expected)} files of the manifest, found {', '.join(parts)}"
