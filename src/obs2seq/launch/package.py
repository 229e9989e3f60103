"""The files that a run on AWS is made of, and where they lie there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from obs2seq.domain.fingerprint import HEX_DIGITS, fingerprint
from obs2seq.domain.locations import join
from obs2seq.errors import ConfigurationError


@dataclass(frozen=True)
class PackagedFile:
    """A file of the package, read once."""

    role: str
    """code (a zip for --py-files), wheel, dependencies (an archive), job or glue_job (a script)."""
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
class Package:
    """The files of one package, and where each lies below a folder on S3.

    Keys hold a hash of the content: what is there never changes, and a run keeps the code that it was started with.
    """

    files: tuple[PackagedFile, ...]
    code_location: str

    @classmethod
    def of(cls, paths: Iterable[tuple[str, Path]], code_location: str) -> Package:
        """Read the files, given as role and path."""
        return cls(tuple(PackagedFile.read(role, path) for role, path in paths), code_location)

    @cached_property
    def digest(self) -> str:
        """A hash of all that is in it."""
        return fingerprint(*sorted([file.role, file.digest] for file in self.files))

    @cached_property
    def locations(self) -> Mapping[str, str]:
        """By role, where the file lies."""
        return {file.role: self.location(file) for file in self.files}

    def location(self, file: PackagedFile) -> str:
        """Return where a file lies."""
        return join(self.code_location, file.digest[:HEX_DIGITS], file.path.name)
