"""Files as the ports name them: what lies at a location, and what a writer left there."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class StoredFile:
    """A file below a location."""

    path: str
    """Relative to the location, with '/' between folders; empty where the location is the file itself."""
    size: int
    """In bytes."""
    modified: str
    """When it was last changed, as an ISO timestamp in UTC: changes whenever the content may have."""


@dataclass(frozen=True, order=True)
class WrittenFile:
    """A data file that a writer left behind."""

    path: str
    """Relative to the run's folder."""
    size: int
    """In bytes."""
    rows: int


def is_hidden(path: str) -> bool:
    """Whether readers of data pass the file over: some part of its path begins with '_' or '.'."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))
