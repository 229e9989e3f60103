"""The jars that a local Spark session adds to Spark's own, pinned in `jars.json`: for Delta, and for S3 through S3A.

Each list is what Spark itself does not ship of the closure; for S3 that of the parts of the AWS SDK that S3A calls,
rather than the bundle of 281 MB. Files beat `spark.jars.packages`: nothing is resolved when a session starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path

from obs2seq.errors import StorageError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
DOWNLOADS_AT_ONCE = 8
ANSWER_WITHIN_S = 30


@dataclass(frozen=True)
class Jar:
    """A pinned file of a Maven repository."""

    coordinates: str
    """`group:artifact:version`."""
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, the same in the repository and in the cache."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def address(self) -> str:
        """The file's path below the repository's root."""
        group, artifact, version = self.coordinates.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.name}"


def jar_paths(lane: str, *, delta: bool, s3: bool) -> list[Path]:
    """Return the absolute paths of a lane's jars, after fetching those that are not in the cache folder.

    The folder is `SPARK_JARS_CACHE`, else `~/.cache/obs2seq/jars`; the repository `MAVEN_REPOSITORY_URL`, else Maven
    Central. Every file is checked against its pinned SHA-256, whether fetched or found.

    Raises:
        StorageError: A file cannot be fetched, or is not the pinned one.
    """
    folder = cache_folder()
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        return list(pool.map(partial(_cached, folder), pinned_jars(lane, delta=delta, s3=s3)))


def pinned_jars(lane: str, *, delta: bool, s3: bool) -> list[Jar]:
    """Return what `jars.json` lists for a lane."""
    lists = json.loads(files(__package__).joinpath("jars.json").read_text(encoding="utf-8"))[lane]
    wanted = [name for name, is_wanted in (("delta", delta), ("s3", s3)) if is_wanted]
    return [Jar(coordinates, sha256) for name in wanted for coordinates, sha256 in lists[name].items()]


def cache_folder() -> Path:
    """Return the folder that holds the jars; it need not exist."""
    given = os.environ.get("SPARK_JARS_CACHE")
    return Path(given).expanduser().absolute() if given else Path.home() / ".cache" / "obs2seq" / "jars"


def _cached(folder: Path, jar: Jar) -> Path:
    path = folder / jar.name
    if not (path.is_file() and _sha256(path) == jar.sha256):
        try:
            _fetch(jar, path)
        except (OSError, HTTPException, ValueError) as error:
            raise _unavailable(jar, folder, error) from error
    return path


def _fetch(jar: Jar, path: Path) -> None:
    """Put the file in its place in one step, and only if it is the pinned one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _fresh_file(path.parent) as fetched:
        with urllib.request.urlopen(_url(jar), timeout=ANSWER_WITHIN_S) as answer, fetched.open("wb") as file:
            shutil.copyfileobj(answer, file)
        found = _sha256(fetched)
        if found != jar.sha256:
            raise ValueError(f"its SHA-256 is {found}, not {jar.sha256}")
        fetched.replace(path)


@contextmanager
def _fresh_file(folder: Path) -> Iterator[Path]:
    """Yield an empty file of this process's own, which is gone afterwards unless it was moved."""
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _url(jar: Jar) -> str:
    return f"{os.environ.get('MAVEN_REPOSITORY_URL', MAVEN_CENTRAL).rstrip('/')}/{jar.address}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unavailable(jar: Jar, folder: Path, error: Exception) -> StorageError:
    problem = f"expected {jar.coordinates} in {folder} or from the Maven repository, found neither ({error})"
    hint = f"without a network, put {jar.name} into that folder; MAVEN_REPOSITORY_URL names another repository"
    return StorageError("jars", problem, hint)
