"""Clones of the repository that pin a package of a few bytes, as the current folder."""

import shutil
from pathlib import Path

import pytest

from obs2seq.packaging import clone
from tests.small_wheels import put_wheel, use_only

ROOT = Path(__file__).parents[1]
_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
_FOLDERS = ("src", "jobs", "conf")


def enter_clone(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Copy the clone into a folder and go there, as somebody who has obs2seq installed; return its root."""
    root = folder / "clone"
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in _FILES:
        shutil.copyfile(ROOT / name, root / name)
    lock = put_wheel(folder / "index", "six", {"six.py": "six = 6\n"})
    (root / "requirements").mkdir()
    (root / "requirements" / "cluster.txt").write_text(lock)
    use_only(patch, folder / "index")
    enter_installed(patch, folder)
    patch.chdir(root)
    return root


def enter_installed(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Go to a folder, and let the code that runs lie in no clone."""
    installed = folder / "lib" / "python" / "site-packages" / "obs2seq" / "packaging" / "clone.py"
    patch.setattr(clone, "_HERE", installed)
    patch.chdir(folder)
