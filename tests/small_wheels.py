"""Wheels of a few bytes, and an index of them, for tests of what is made of wheels."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ANY = "py3-none-any"
SCRIPT = "[console_scripts]\ntool = numpy:main\n"


def put_wheel(index: Path, name: str, files: Mapping[str, str], tag: str = ANY, scripts: str = "") -> str:
    """Write version 1.0 of a package; return the line of a lock file that pins it."""
    info = f"{name}-1.0.dist-info"
    notes = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **({f"{info}/entry_points.txt": scripts} if scripts else {}),
    }
    path = index / f"{name}-1.0-{tag}.whl"
    index.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        record = "".join(f"{file},,\n" for file in [*files, *notes, f"{info}/RECORD"])
        for file, text in {**files, **notes, f"{info}/RECORD": record}.items():
            wheel.writestr(zipfile.ZipInfo(file), text)  # of 1980, so that its hash stays
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def use_only(patch: pytest.MonkeyPatch, index: Path) -> None:
    """Let pip find the wheels of a folder, and no others."""
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(index))
