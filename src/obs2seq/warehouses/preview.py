"""A look at the first rows of what is published, without Spark."""

import os
from typing import Any

from obs2seq.domain.locations import bucket_and_key, is_s3, join
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import StorageError


def first_rows(run_location: str, manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Return the first rows of a run's Parquet files, in the order of the manifest.

    Raises:
        StorageError: A file cannot be read.
    """
    import pyarrow
    from pyarrow import parquet

    rows: list[dict[str, Any]] = []
    try:
        for file in manifest.files:
            if len(rows) >= count:
                break
            filesystem, path = _opened(join(run_location, file.path))
            with parquet.ParquetFile(path, filesystem=filesystem) as opened:
                for batch in opened.iter_batches(batch_size=count - len(rows)):
                    rows += batch.to_pylist()
                    break
    except (OSError, pyarrow.ArrowException) as error:
        raise StorageError(
            run_location, "expected Parquet files that can be read, found otherwise", "see --debug"
        ) from error
    return rows


def _opened(location: str) -> tuple[Any, str]:
    from pyarrow import fs

    if not is_s3(location):
        return fs.LocalFileSystem(), location
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return fs.S3FileSystem(endpoint_override=endpoint), "/".join(bucket_and_key(location))
