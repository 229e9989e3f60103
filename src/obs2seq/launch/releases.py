"""Which releases of AWS's runtimes the package is made for."""

import logging
import re
from dataclasses import dataclass
from typing import Literal

from obs2seq.errors import ConfigurationError

logger = logging.getLogger(__name__)

Architecture = Literal["x86_64", "arm64"]

_EMR_7 = re.compile(r"emr-7\.(\d+)\.\d+")
_EMR_SPARK_8 = re.compile(r"emr-spark-8\.\d+\.\d+")
_GRAVITON = re.compile(r"[a-z]+\d+g[a-z]*(-[a-z0-9]+)?\..+")
_OLDEST_MINOR, _NEWEST_MINOR = 1, 14
"""EMR 7.0 has no Python 3.11; of what is newer than the last nothing is known yet."""

GLUE_PYTHON = {"5.0": "3.11", "5.1": "3.11", "6.0": "3.13"}
EMR_PYTHON = "3.11"
_HINT = "use emr-7.1.0 or newer, such as emr-7.14.0, or emr-spark-8.0.0"

INSTANCE_TYPES: dict[Architecture, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "arm64": (("m7g.xlarge", "m6g.xlarge"), ("r7g.2xlarge", "r6g.2xlarge", "r7gd.2xlarge", "r6gd.2xlarge")),
    "x86_64": (("m7i.xlarge", "m6i.xlarge"), ("r7i.2xlarge", "r6i.2xlarge", "r6id.2xlarge", "r5.2xlarge")),
}
"""What a cluster is made of where nothing else is asked for: the primary node, and all others. Several, since spot
capacity of one type runs out."""


@dataclass(frozen=True)
class Runtime:
    """What a package has to be made for."""

    python: str
    architecture: Architecture


def emr_runtime(label: str, architecture: Architecture) -> Runtime:
    """Return what a package for a release of EMR, on EC2 or Serverless, has to be made for.

    Raises:
        ConfigurationError: The release has another Python or another Spark than the package is tested with.
    """
    minor = _EMR_7.fullmatch(label)
    if not _EMR_SPARK_8.fullmatch(label) and not (minor and int(minor[1]) >= _OLDEST_MINOR):
        raise ConfigurationError(
            "release_label", f"expected a release with Spark 3.5 or 4.0 and Python 3.11, found {label}", _HINT
        )
    return Runtime(EMR_PYTHON, architecture)


def tell_of_newer(label: str) -> None:
    """Warn of a release that came later than this version of the package, or of none at all."""
    minor = _EMR_7.fullmatch(label)
    if minor and int(minor[1]) > _NEWEST_MINOR:
        logger.warning("release_label: %s is newer than emr-7.%d, the newest that is known here", label, _NEWEST_MINOR)


def glue_runtime(version: str) -> Runtime:
    """Return what a package for a version of Glue has to be made for; Glue has x86_64 workers alone."""
    return Runtime(GLUE_PYTHON[version], "x86_64")


def require_architecture(instance_types: tuple[str, ...], architecture: Architecture) -> None:
    """Raise where an instance type cannot run what is made for the architecture."""
    wrong = [each for each in instance_types if bool(_GRAVITON.fullmatch(each)) != (architecture == "arm64")]
    if wrong:
        found = f"{', '.join(wrong)} beside architecture {architecture}"
        raise ConfigurationError(
            "instance_types", f"expected types of one architecture, found {found}", "change either of the two"
        )
