"""The packages that the job imports, as one archive for `--archives`. No interpreter is in it, and no Spark."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.packaging.archives import write_tar_gz
from obs2seq.packaging.pip import pip
from obs2seq.packaging.targets import Target

logger = logging.getLogger(__name__)

_RECIPE = 1  # enters the name: raise it where other files are left out
# 26 MB of 326 MB unpacked. Other packages' folders of this name may be what they import.
_TESTED = {"numpy", "pandas", "pyarrow"}
_OF_THIS_MACHINE = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}


def dependencies_name(lock: str, target: Target) -> str:
    """Return the archive's name, which says what goes in: the text of the lock file, the Python, the architecture."""
    return f"deps-{fingerprint(_RECIPE, lock, target.python, target.architecture)}.tar.gz"


def make_dependencies(lock: Path, target: Target, output: Path, *, force: bool = False) -> Path:
    """Fetch the wheels that a lock file pins and archive what they hold; return the archive's path.

    Args:
        lock: pip's requirements, each with its version and hashes, and all that they require.
        target: Where they will run, which need not be this machine.
        output: Folder of the archive. One that is there is kept, since its name says what is in it.
        force: Make it also where it is there.

    Raises:
        ConfigurationError: pip is missing, or there is no wheel for the target.
        StorageError: The package index cannot be reached, or the output cannot be written.
    """
    archive = output / dependencies_name(lock.read_text(encoding="utf-8"), target)
    if archive.is_file() and not force:
        logger.info("keeping %s, which holds the same already", archive)
        return archive
    logger.info("fetching what %s pins, for %s", lock.name, target)
    with tempfile.TemporaryDirectory() as folder:
        pip(("install", *_options(target), "--target", folder, "--requirement", str(lock)), target)
        logger.info("writing %s", archive)
        write_tar_gz(archive, Path(folder), _kept(Path(folder)))
    return archive


def _options(target: Target) -> list[str]:
    platforms = [option for platform in target.platforms for option in ("--platform", platform)]
    wheels = ["--only-binary=:all:", "--implementation", "cp", "--python-version", target.python, *platforms]
    return ["--no-deps", "--require-hashes", "--no-compile", *wheels]


def _kept(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not _is_left_out(PurePosixPath(name)):
            yield name


def _is_left_out(name: PurePosixPath) -> bool:
    """Whether a file is of no use on a cluster: a script for this machine's Python, a test, or pip's own note."""
    top, *folders = name.parts[:-1] or (".",)
    if top == "bin" or "__pycache__" in folders:
        return True
    if top.endswith(".dist-info") and not folders:
        return name.name in _OF_THIS_MACHINE
    return top in _TESTED and "tests" in folders
