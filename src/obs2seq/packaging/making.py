"""Makes the whole package of a clone."""

from pathlib import Path

from obs2seq.packaging.clone import find_clone
from obs2seq.packaging.code import make_code
from obs2seq.packaging.contents import Package, PackageFile, Role
from obs2seq.packaging.dependencies import make_dependencies
from obs2seq.packaging.targets import Target
from obs2seq.version import __version__


def make_package(target: Target, output: Path, *, force: bool = False, has_dependencies: bool = True) -> Package:
    """Make zip, wheel and dependencies, and name the scripts and settings that go with them.

    The same clone gives the same bytes each time: with one setuptools for the wheel, one zlib for the archives.

    Args:
        target: Where the job will run.
        output: Folder for what is made; scripts and settings stay where they are in the clone.
        force: Make the dependencies also where they are there.
        has_dependencies: Whether they are made at all; Glue installs what the lock file names by itself.

    Raises:
        ConfigurationError: There is no clone, no pip, no setuptools, or no wheel for the target.
        StorageError: The package index cannot be reached, or the output cannot be written.
    """
    clone = find_clone()
    code, wheel = make_code(clone, output)
    dependencies = [make_dependencies(clone.lock, target, output, force=force)] if has_dependencies else []
    made = {Role.CODE: [code], Role.WHEEL: [wheel], Role.DEPENDENCIES: dependencies}
    named = {Role.JOB: clone.jobs, Role.CONFIG: clone.settings}
    files = tuple(PackageFile(path, role) for role, paths in (made | named).items() for path in paths)
    return Package(__version__, target, files)
