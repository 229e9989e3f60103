"""Locations as a warehouse takes them and gives them back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.domain.locations import is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.storage.containment import contains

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath


def require_apart(data_location: str, output_location: str) -> None:
    """Raise `ConfigurationError` where the output lies in the input, or the input in the output."""
    for outer, inner, what in (
        (data_location, output_location, "the output lies in it: the next run would read it as input"),
        (output_location, data_location, "it lies in the output: publishing could remove it"),
    ):
        if contains(outer, inner):
            raise ConfigurationError(
                data_location,
                f"expected input and output apart, found that {what}",
                "name an output beside the input",
            )


def published_path(location: str) -> PublishedPath:
    """Return a location as the path that users open."""
    if not is_s3(location):
        return Path(location)
    from cloudpathlib import S3Path

    return S3Path(location)
