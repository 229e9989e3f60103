"""Jobs over a handful of answers: what goes in, the settings, and what readers then find."""

import io
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.aws.s3 import s3_client
from obs2seq.domain.locations import bucket_and_key, is_s3, local_path
from obs2seq.domain.manifest import Manifest
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage

FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)
SCHEMA = pa.schema(
    {
        "pupilid": pa.int64(),
        "observation_id": pa.int64(),
        "answered_at": pa.timestamp("us", "UTC"),
        "exercise_id": pa.int64(),
        "skill": pa.string(),
        "correct": pa.int32(),
        "duration_s": pa.float64(),
    }
)
CORRECT = {"name": "correct", "column": "correct", "pad": -1}


def answers(pupil: int, corrects: Iterable[int]) -> list[dict[str, Any]]:
    """One pupil's answers, a minute apart."""
    return [
        {
            "pupilid": pupil,
            "observation_id": pupil * 1000 + i,
            "answered_at": FIRST + timedelta(minutes=i),
            "exercise_id": i,
            "skill": "addition",
            "correct": correct,
            "duration_s": 2.5,
        }
        for i, correct in enumerate(corrects)
    ]


def put_answers(location: str, *pupils: list[dict[str, Any]]) -> None:
    """Write the answers of some pupils as one Parquet file."""
    rows = [answer for pupil in pupils for answer in pupil]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), buffer)
    put(location, buffer.getvalue())


def put(location: str, content: bytes) -> None:
    """Write a file."""
    if is_s3(location):
        bucket, key = bucket_and_key(location)
        _client(os.environ.get("AWS_ENDPOINT_URL")).put_object(Bucket=bucket, Key=key, Body=content)
        return
    path = local_path(location)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def get(location: str) -> bytes:
    """Read a file."""
    if is_s3(location):
        bucket, key = bucket_and_key(location)
        return _client(os.environ.get("AWS_ENDPOINT_URL")).get_object(Bucket=bucket, Key=key)["Body"].read()
    return local_path(location).read_bytes()


def settings_for(data: str, output: str, **changes: object) -> Settings:
    """Settings that make sequences of three of whether answers were correct, of the subset train alone."""
    values: dict[str, object] = {
        "s3_data_location": data,
        "output_s3_location": output,
        "sequence_length": 3,
        "features": (CORRECT,),
        "subsets": {"train": 1.0},
        "mode": "local",
        "audit": "off",
    }
    return Settings(**(values | changes))


def published_rows(location: str) -> tuple[Manifest, list[dict[str, Any]]]:
    """Read what is published as a training run does: by the pointer, the manifest and the files that it names."""
    manifest, run_location = resolve(RoutedStorage(), location)
    tables = [pq.read_table(io.BytesIO(get(f"{run_location}/{file.path}"))) for file in manifest.files]
    return manifest, pa.concat_tables(tables).to_pylist()


def published_sequences(location: str) -> list[tuple[int, list[int]]]:
    """Return each sequence's pupil and answers, in order."""
    return sorted((row["pupilid"], row["correct_sequence"]) for row in published_rows(location)[1])


def files_at(location: str) -> list[str]:
    """Return the paths of all files below a location, as the storage itself tells them, folder markers included."""
    return sorted(_files(location))


def folders_at(location: str) -> set[str]:
    """Return the names of the folders directly below a location, also of empty ones."""
    if is_s3(location):
        return {path.split("/")[0] for path in _files(location) if "/" in path}
    return {path.name for path in local_path(location).iterdir() if path.is_dir()}


def _files(location: str) -> Iterator[str]:
    if is_s3(location):
        bucket, key = bucket_and_key(location)
        for page in (
            _client(os.environ.get("AWS_ENDPOINT_URL"))
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket, Prefix=f"{key}/")
        ):
            yield from (entry["Key"][len(key) + 1 :] for entry in page.get("Contents", []))
    else:
        root: Path = local_path(location)
        for folder, _, names in os.walk(root):  # passes over a folder that a task removes meanwhile
            yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


@cache
def _client(_: str | None) -> Any:
    """Make a client for an endpoint once; each takes a fifth of a second."""
    return s3_client()
