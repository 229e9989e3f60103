"""The clone that a package is made of: what is installed lacks the scripts, the settings and the lock file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from obs2seq.errors import ConfigurationError

LOCK = "requirements/cluster.txt"
_SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
_HERE = Path(__file__).resolve()


@dataclass(frozen=True)
class Clone:
    """A clone of the repository, or an unpacked archive of it."""

    root: Path

    @property
    def lock(self) -> Path:
        """The file that pins what a cluster is sent, with a hash of each file."""
        return self.root / LOCK

    @property
    def jobs(self) -> list[Path]:
        """The scripts, in the order of their names."""
        return sorted((self.root / "jobs").glob("*.py"))

    @property
    def settings(self) -> list[Path]:
        """The files of settings, in the order of their names."""
        return sorted((self.root / "conf").glob("*.yaml"))

    @property
    def is_whole(self) -> bool:
        """Whether all is there that goes into a package."""
        needed = ("src/obs2seq/__init__.py", LOCK, *_SOURCES)
        return all((self.root / name).is_file() for name in needed) and bool(self.jobs and self.settings)

    def copy_sources(self, folder: Path) -> None:
        """Copy what a wheel is built of: a build leaves folders behind, and takes what an earlier one left."""
        for name in _SOURCES:
            shutil.copyfile(self.root / name, folder / name)
        shutil.copytree(self.root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))


def find_clone() -> Clone:
    """Return the clone that this code runs from, else the one that is the current folder.

    Raises:
        ConfigurationError: Neither is one.
    """
    for root in (_HERE.parents[3], Path.cwd()):
        if Clone(root).is_whole:
            return Clone(root)
    raise ConfigurationError(
        "packaging",
        f"expected a clone of obs2seq, with its jobs, conf and requirements, found only {_HERE.parents[1]}",
        "run it in the folder of a clone of the version that is installed",
    )
