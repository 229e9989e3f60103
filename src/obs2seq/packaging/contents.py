"""The files of a package, each with what it is for."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from obs2seq.packaging.targets import Target


class Role(StrEnum):
    """What a file is for."""

    CODE = "code"
    """The package as a zip, for `--py-files`: Python imports from a zip, but not from a wheel there."""
    WHEEL = "wheel"
    """The package as a wheel, for `pip` and Glue."""
    DEPENDENCIES = "dependencies"
    """All that the package imports, for `--archives`; Spark is not in it."""
    JOB = "job"
    """A script for spark-submit or Glue."""
    CONFIG = "config"
    """A file of settings, for `--config`; they stay together, since each is read above `base.yaml` beside it."""


@dataclass(frozen=True)
class PackageFile:
    """A file to be uploaded, by its own name."""

    path: Path
    role: Role

    @property
    def size(self) -> int:
        """In bytes, as it is now."""
        return self.path.stat().st_size


@dataclass(frozen=True)
class Package:
    """All that a cluster needs beside Spark and Python.

    Args:
        version: That of obs2seq.
        target: What the dependencies are made for.
        files: One each of code and wheel; one of dependencies where they were asked for; any number of the others.
    """

    version: str
    target: Target
    files: tuple[PackageFile, ...]

    def paths(self, role: Role) -> tuple[Path, ...]:
        """Return the files of a role."""
        return tuple(file.path for file in self.files if file.role is role)
