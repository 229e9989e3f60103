"""The package itself, as a wheel and as a zip to import from."""

import tempfile
from pathlib import Path

from obs2seq.errors import ConfigurationError
from obs2seq.packaging.archives import read_zip, write_zip
from obs2seq.packaging.clone import Clone
from obs2seq.packaging.pip import pip
from obs2seq.version import __version__

WHEEL_NAME = f"obs2seq-{__version__}-py3-none-any.whl"
CODE_NAME = f"obs2seq-{__version__}.zip"


def make_code(clone: Clone, output: Path) -> tuple[Path, Path]:
    """Build the wheel with setuptools, and of it the zip; return the paths of zip and wheel.

    Raises:
        ConfigurationError: The clone is of another version, or pip or setuptools is missing.
        StorageError: The output cannot be written.
    """
    code, wheel = output / CODE_NAME, output / WHEEL_NAME
    entries = _built(clone)
    write_zip(wheel, entries)
    write_zip(code, {name: entries[name] for name in sorted(entries) if name.startswith("obs2seq/")})
    return code, wheel


def _built(clone: Clone) -> dict[str, bytes]:
    """Return what is in the wheel. It is written anew, since a built one has the times and modes of its files."""
    with tempfile.TemporaryDirectory() as folder:
        sources, wheels = Path(folder, "sources"), Path(folder, "wheels")
        sources.mkdir()
        clone.copy_sources(sources)
        options = ("--no-deps", "--no-index", "--no-build-isolation", "--check-build-dependencies")
        pip(("wheel", *options, "--wheel-dir", str(wheels), str(sources)), "any Python")
        (wheel,) = wheels.glob("*.whl")
        _check_version(clone, wheel.name)
        return read_zip(wheel)


def _check_version(clone: Clone, name: str) -> None:
    if name != WHEEL_NAME:
        raise ConfigurationError(
            str(clone.root),
            f"expected a clone of version {__version__}, which is the one installed, found {name.split('-')[1]}",
            "install from this clone, or check out the other version",
        )
