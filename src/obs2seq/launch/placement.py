"""The files that a run on AWS is made of, and where they lie there."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from obs2seq.domain.fingerprint import HEX_DIGITS, fingerprint
from obs2seq.domain.locations import join
from obs2seq.errors import ConfigurationError
from obs2seq.packaging import Package, Role
from obs2seq.packaging.clone import find_clone

ROLES = ("code", "dependencies", "job", "wheel", "requirements", "glue_job")
"""A zip, an archive and a script for EMR; a wheel, a list of what it needs and a script for Glue."""


_SCRIPTS = {"job": "sequence_observations.py", "glue_job": "glue_sequence_observations.py"}


@dataclass(frozen=True)
class PackagedFile:
    """A file of the package, read once."""

    role: str
    """One of `ROLES`."""
    path: Path
    size: int
    digest: str

    @classmethod
    def read(cls, role: str, path: Path) -> PackagedFile:
        """Read a file's size and digest; raise `ConfigurationError` where it is not there."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(role, path, path.stat().st_size, digest)
        except OSError as error:
            hint = "make it with 'obs2seq package'"
            raise ConfigurationError(str(path), "expected a file of the package, found none", hint) from error


@dataclass(frozen=True)
class Placement:
    """The files that a target needs, and where each lies below a folder on S3.

    Keys hold a hash of the content: what is there never changes, and a run keeps the code that it was started with.
    """

    files: tuple[PackagedFile, ...]
    code_location: str

    @cached_property
    def digest(self) -> str:
        """A hash of all that is in them."""
        return fingerprint(*sorted([file.role, file.digest] for file in self.files))

    @cached_property
    def locations(self) -> Mapping[str, str]:
        """By role, where the file lies."""
        return {file.role: self.location(file) for file in self.files}

    def location(self, file: PackagedFile) -> str:
        """Return where a file lies."""
        return join(self.code_location, file.digest[:HEX_DIGITS], file.path.name)


def placed(package: Package, roles: Collection[str], code_location: str) -> Placement:
    """Return those of a package's files that a target needs, placed below a folder.

    Raises:
        ConfigurationError: One of them is not there.
    """
    scripts = {path.name: path for path in package.paths(Role.JOB)}
    paths = {
        "code": package.paths(Role.CODE),
        "dependencies": package.paths(Role.DEPENDENCIES),
        "wheel": package.paths(Role.WHEEL),
        "requirements": (find_clone().lock,),
        **{role: (scripts.get(name, Path("jobs", name)),) for role, name in _SCRIPTS.items()},
    }
    return Placement(tuple(PackagedFile.read(role, path) for role in roles for path in paths[role]), code_location)
