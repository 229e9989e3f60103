"""Parquet files on S3, read from their ends alone: how many rows they have, and of which columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow
from pyarrow import parquet

from obs2seq.aws.refusals import refusals
from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import bucket_and_key, join
from obs2seq.errors import DataError

_AT_ONCE = 10
"""As many requests as a client has connections."""
_BLOCK = 64 * 1024
"""Most footers fit into one request of so many bytes."""


@dataclass(frozen=True)
class ParquetFooter:
    """What the end of a file says of it."""

    path: str
    rows: int
    schema: pyarrow.Schema


class ParquetFooters:
    """Reads footers by requests of byte ranges.

    Args:
        make_client: Makes the client for S3; called once, when the first request is made.
    """

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def read(self, location: str, files: Sequence[StoredFile]) -> list[ParquetFooter]:
        """Return the footer of every file, in their order.

        Raises:
            DataError: A file is no Parquet file, or is cut short.
            StorageError: S3 refused.
        """
        client = self._client
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda file: _footer(client, location, file), files))


def _footer(client: Any, location: str, file: StoredFile) -> ParquetFooter:
    place = join(location, file.path)
    with refusals(place):
        try:
            with io.BufferedReader(_Ranges(client, place, file.size), _BLOCK) as opened:
                read = parquet.ParquetFile(opened)
                return ParquetFooter(file.path, read.metadata.num_rows, read.schema_arrow)
        except pyarrow.ArrowException as error:
            raise DataError(
                place,
                "expected a Parquet file, found one that is none, or is corrupt or half-written",
                "write it again, or remove it",
            ) from error


class _Ranges(io.RawIOBase):
    """An object on S3 as a file that can be read from any place."""

    def __init__(self, client: Any, location: str, size: int) -> None:
        self._client, self._size, self._position = client, size, 0
        self._bucket, self._key = bucket_and_key(location)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        first, last = self._position, min(self._position + len(buffer), self._size) - 1
        if last < first:
            return 0
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key, Range=f"bytes={first}-{last}")
        content = answer["Body"].read()
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
