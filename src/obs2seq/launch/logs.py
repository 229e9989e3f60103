"""The logs that a driver leaves on S3."""

from __future__ import annotations

import gzip
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from obs2seq.aws.refusals import refusals
from obs2seq.domain.locations import bucket_and_key, join

_GZIP = ".gz"


@dataclass(frozen=True)
class LogFile:
    """One log of a driver."""

    name: str
    """Such as 'stderr' or 'containers/application_1_0001/container_1_0001_01_000001/stderr'."""
    location: str
    read: Callable[[], Iterator[str]]
    """Gives its lines, without their ends, from the first to the last."""

    def tail(self, lines: int) -> list[str]:
        """Return the last lines; the whole log is read for it, and never held."""
        return list(deque(self.read(), maxlen=lines))


def s3_logs(client: Any, folder: str, pattern: str) -> list[LogFile]:
    """Return the logs below a folder whose path there matches, sorted by path.

    Args:
        client: Of S3.
        folder: `s3://bucket/folder`; the schemes that EMR writes instead count too.
        pattern: A regular expression for the whole path below the folder, without `.gz`.
    """
    folder = re.sub(r"^s3[an]://", "s3://", folder)
    bucket, prefix = bucket_and_key(folder)
    with refusals(folder):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    paths = sorted(key.removeprefix(f"{prefix}/") for key in keys)
    return [_s3_log(client, folder, path) for path in paths if re.fullmatch(pattern, path.removesuffix(_GZIP))]


def _s3_log(client: Any, folder: str, path: str) -> LogFile:
    location = join(folder, path)
    return LogFile(path.removesuffix(_GZIP), location, lambda: _lines(client, location))


def _lines(client: Any, location: str) -> Iterator[str]:
    bucket, key = bucket_and_key(location)
    with refusals(location):
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        file = gzip.GzipFile(fileobj=body) if location.endswith(_GZIP) else body
        for line in io.TextIOWrapper(io.BufferedReader(file), "utf-8", errors="replace"):
            yield line.rstrip("\r\n")


def cloudwatch_log(client: Any, name: str, group: str, stream: str) -> LogFile | None:
    """Return a log stream of CloudWatch; None where it is not there.

    Args:
        client: Of CloudWatch Logs.
        name: What to call it.
        group: The log group.
        stream: The stream in it.
    """
    location = f"{group}/{stream}"
    with refusals(location, "CloudWatch Logs"):
        try:
            client.get_log_events(logGroupName=group, logStreamName=stream, limit=1)
        except client.exceptions.ResourceNotFoundException:
            return None
    return LogFile(name, location, lambda: _events(client, group, stream))


def _events(client: Any, group: str, stream: str) -> Iterator[str]:
    """Yield the lines of all events; the last page is where the token stays the same."""
    token: str | None = None
    while True:
        following = {"nextToken": token} if token else {}
        with refusals(f"{group}/{stream}", "CloudWatch Logs"):
            page = client.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **following)
        for event in page["events"]:
            yield from event["message"].splitlines()
        if page["nextForwardToken"] == token:
            return
        token = page["nextForwardToken"]
