"""The interfaces between the use case and the technologies that carry it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.domain.files import StoredFile as StoredFile
from obs2seq.domain.files import WrittenFile as WrittenFile
from obs2seq.domain.source import Source as Source

if TYPE_CHECKING:
    from cloudpathlib import S3Path
    from pyspark.sql import DataFrame

    from obs2seq.domain.manifest import Manifest

    PublishedPath = S3Path | Path
    """Where a published output lies: an `S3Path`, or a `Path` for a local location."""


@dataclass(frozen=True)
class VersionedText:
    """A small file's text, and a token that changes with it."""

    text: str
    version: str


class Storage(ABC):
    """The files beside the data. A location is a local path or an `s3://` URI, as text."""

    @abstractmethod
    def list_files(self, location: str) -> list[StoredFile]:
        """Return every file at or below the location, sorted by path; none where nothing is there."""

    @abstractmethod
    def read_text(self, location: str) -> VersionedText | None:
        """Return a small UTF-8 file, or None where there is none."""

    @abstractmethod
    def write_text(self, location: str, text: str) -> None:
        """Write a small file in one atomic step, over whatever is there."""

    @abstractmethod
    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        """Write a small file in one atomic step if it still is as expected (None: absent), else `ConflictError`."""

    @abstractmethod
    def remove(self, location: str) -> None:
        """Remove the file, or the folder and all below it; nothing where nothing is there."""


@dataclass(frozen=True)
class FinishedRun:
    """The data of one subset, complete and not published yet."""

    manifest: Manifest
    location: str
    """Its folder."""
    previous: Manifest | None = None
    """Of the run that readers have so far, if it is another."""


Inspection = Callable[[Sequence[FinishedRun]], None]
"""Looks at all subsets of a run before any is published; what it raises keeps them from being so."""


def all_columns(_: str) -> bool:
    """Say of every column that it is read."""
    return True


class ObservationReader(ABC):
    """Raw observations, from sources of one format."""

    @abstractmethod
    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:
        """Return a lazy frame over the source's files, after checking that they can be read as one table.

        Columns that are not read may differ between the files, where the format allows it; the frame is without those.
        """


class SequenceWriter(ABC):
    """Sequences, or observations in order, to files."""

    @abstractmethod
    def write(self, frame: DataFrame, location: str) -> list[WrittenFile]:
        """Write the frame into a folder that holds no data yet; return its files. The one action of a run."""

    @abstractmethod
    def read_back(self, location: str, files: Sequence[WrittenFile]) -> DataFrame:
        """Return a lazy frame over files that `write` left in a folder."""


class WarehouseServiceInterface(ABC):
    """Makes one subset of a data location ready for training, and publishes it."""

    @abstractmethod
    def sequence_dataset(
        self, s3_data_location: str, sequence_length: int, output_s3_location: str, subset_name: str
    ) -> PublishedPath:
        """Publish the subset's sequences below `<output>/<subset>_sequenced_<L>`; return that location."""

    @abstractmethod
    def prepare_dataset(self, s3_data_location: str, output_s3_location: str, subset_name: str) -> PublishedPath:
        """Publish the subset's observations, checked and in order, below `<output>/<subset>_prepared`; return that."""

    @abstractmethod
    def all_or_none(self) -> AbstractContextManager[None]:
        """Hold back what is made within the block, and publish all of it at its end, or nothing after an error."""
