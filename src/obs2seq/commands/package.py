"""`package`: what a cluster is sent."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obs2seq.packaging import Package


def add_package(parser: argparse.ArgumentParser) -> None:
    """Make the files that a cluster needs to run the job: code, dependencies, script, settings."""
    parser.add_argument("--python", default="3.11", metavar="X.Y", help="the cluster's Python: 3.11, 3.12 or 3.13")
    parser.add_argument("--architecture", default="x86_64", metavar="NAME", help="x86_64, or arm64 for Graviton")
    parser.add_argument("--output", type=Path, default=Path("dist"), metavar="FOLDER", help="where to put them")
    parser.add_argument("--force", action="store_true", help="make the dependencies also where they are there")
    parser.set_defaults(command=_package)


def _package(arguments: argparse.Namespace) -> None:
    from obs2seq.packaging import make_package, target_for

    target = target_for(arguments.python, arguments.architecture)
    _print(make_package(target, arguments.output, force=arguments.force))


def _print(package: Package) -> None:
    paths = [_short(file.path) for file in package.files]
    width = max(map(len, paths))
    for file, path in zip(package.files, paths, strict=True):
        print(f"{file.role:12}  {path:{width}}  {file.size:>11,} bytes")
    print(f"obs2seq {package.version} for {package.target}. Next: 'obs2seq deploy' puts these files on S3.")


def _short(path: Path) -> str:
    """Write a path as from the current folder where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
