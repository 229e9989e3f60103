"""pip, and what it refuses in words that say what to do."""

import re
import subprocess
import sys
from collections.abc import Sequence

from obs2seq.errors import ConfigurationError, Obs2SeqError, StorageError

_WHERE = "packaging"
_REFUSALS: tuple[tuple[str, type[Obs2SeqError], str, str], ...] = (
    (
        r"No module named pip",
        ConfigurationError,
        "expected pip beside this Python, found none",
        "run 'python -m ensurepip', or use the environment that make creates",
    ),
    (
        r"Some build dependencies",
        ConfigurationError,
        "expected setuptools as pyproject.toml asks for, found that it is old or missing",
        "run 'python -m pip install --upgrade setuptools', or use the environment that make creates",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        StorageError,
        "expected the files that requirements/cluster.txt names, found others at the package index",
        "check the package index ('pip config list'), or make the lock anew with 'make lock'",
    ),
    (
        r"Could not fetch URL \S+ ((?!404)\d{3} \w+ Error: .+?) for url",
        StorageError,
        "expected the package index to answer, found {0}",
        "check the credentials and the index that pip is told of ('pip config list')",
    ),
    (
        r"Could not fetch URL \S+ (?!404)|Retrying \(Retry\(|Max retries exceeded|ReadTimeoutError|ConnectionError",
        StorageError,
        "expected the package index to answer, found no connection",
        "check the network and the index that pip is told of ('pip config list')",
    ),
    (
        r"No matching distribution found for (\S+)",
        ConfigurationError,
        "expected a wheel of {0} for {wanted}, found none at the package index",
        "try another --python or --architecture, or add the wheel to the index ('pip config list')",
    ),
    (
        r"No space left on device",
        StorageError,
        "expected room for the packages in the folder for temporary files, found none",
        "free space there, or name another folder with TMPDIR",
    ),
)
"""From the special to the general: pip says that there is no match also where it has reached nothing."""


def pip(arguments: Sequence[str], wanted: object) -> None:
    """Run this Python's pip, with its own configuration and `PIP_…` variables.

    Args:
        arguments: Such as `install`, and what follows it.
        wanted: What the packages are for, for messages.

    Raises:
        ConfigurationError: pip or setuptools is missing, or no wheel fits.
        StorageError: The package index cannot be reached, or has other files than were locked.
    """
    # Isolated from the current folder, whose modules would hide pip's. Only at -vv pip tells no network from no wheel.
    command = [sys.executable, "-I", "-m", "pip", *arguments, "-vv", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise _refusal(done.stderr + done.stdout, str(wanted))


def _refusal(said: str, wanted: str) -> Obs2SeqError:
    for pattern, kind, problem, hint in _REFUSALS:
        if match := re.search(pattern, said):
            return kind(_WHERE, problem.format(*match.groups(), wanted=wanted), hint)
    errors = re.findall(r"^ERROR: (.+?)\.?$", said, re.MULTILINE) or ["no reason"]
    return StorageError(_WHERE, f"expected pip to finish, found: {errors[-1]}", "see what pip itself says about it")
