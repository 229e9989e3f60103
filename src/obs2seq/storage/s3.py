"""The small files beside the data on S3, or on a store that speaks its language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.aws.refusals import refusal
from obs2seq.aws.s3 import s3_client, s3_refusals
from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.texts import changed_meanwhile, decoded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

MAX_KEYS_PER_DELETE = 1000
"""The API allows no more."""

_FOLDER_SUFFIX = "_$folder$"
"""EMRFS and old Hadoop clients leave an empty object of this name beside each folder."""


class S3Storage(Storage):
    """Locations of the form `s3://bucket/key`; keys are taken literally, a text's version is its ETag.

    The time of change has a resolution of one second on AWS.

    Args:
        make_client: Called once, when the first request is made.
        access: What that client is made with.
    """

    def __init__(self, make_client: Callable[[], S3Client] = s3_client, access: S3Access = ANY_ACCESS) -> None:
        self._make_client = make_client
        self._access = access

    @cached_property
    def _client(self) -> S3Client:
        return self._make_client()

    def list_files(self, location: str) -> list[StoredFile]:
        bucket, key = bucket_and_key(location)
        with s3_refusals(location, self._access):
            entries = self._entries(bucket, key)
            return sorted(_stored_file(entry, key) for entry in entries if not _is_folder_marker(entry))

    def read_text(self, location: str) -> VersionedText | None:
        bucket, key = bucket_and_key(location)
        with s3_refusals(location, self._access):
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key)
            except self._client.exceptions.NoSuchKey:
                return None
            return VersionedText(decoded(location, answer["Body"].read()), answer["ETag"])

    def write_text(self, location: str, text: str) -> None:
        bucket, key = bucket_and_key(location)
        with s3_refusals(location, self._access):
            self._client.put_object(Bucket=bucket, Key=key, Body=text.encode("utf-8"))

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        bucket, key = bucket_and_key(location)
        body = text.encode("utf-8")
        with s3_refusals(location, self._access):
            try:
                if expected is None:
                    self._client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
                else:
                    self._client.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=expected.version)
            except ClientError as error:
                if _is_conflict(error):
                    raise changed_meanwhile(location) from error
                raise

    def remove(self, location: str) -> None:
        bucket, key = bucket_and_key(location)
        if not key:
            raise ConfigurationError(location, "expected a file or a folder to remove, found a whole bucket")
        with s3_refusals(location, self._access):
            keys = [entry["Key"] for entry in self._entries(bucket, key)]
            keys += [entry["Key"] for entry in self._object(bucket, key + _FOLDER_SUFFIX)]
            for start in range(0, len(keys), MAX_KEYS_PER_DELETE):
                self._delete(location, bucket, keys[start : start + MAX_KEYS_PER_DELETE])

    def _entries(self, bucket: str, key: str) -> Iterator[ObjectTypeDef]:
        """Yield the object of this key, and all below it."""
        if key:
            yield from self._object(bucket, key)
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=f"{key}/" if key else ""):
            yield from page.get("Contents", [])

    def _object(self, bucket: str, key: str) -> list[ObjectTypeDef]:
        """Return the object of this key or nothing; of all keys that begin with it, it comes first in a listing."""
        first = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return [entry for entry in first if entry["Key"] == key]

    def _delete(self, location: str, bucket: str, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        answer = self._client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
        for failure in answer.get("Errors", []):
            raise refusal(location, "DeleteObjects", failure.get("Code", "unknown"))


def _stored_file(entry: ObjectTypeDef, key: str) -> StoredFile:
    path = entry["Key"].removeprefix(key).removeprefix("/")
    return StoredFile(path, entry["Size"], entry["LastModified"].isoformat())


def _is_folder_marker(entry: ObjectTypeDef) -> bool:
    return entry["Size"] == 0 and entry["Key"].endswith(("/", _FOLDER_SUFFIX))


def _is_conflict(error: ClientError) -> bool:
    """Whether a conditional write met another content, another write, or nothing where a file was expected."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in {409, 412} or error.response["Error"]["Code"] == "NoSuchKey"
