"""Clients for S3, and what S3 refuses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.aws.clients import aws_client
from obs2seq.aws.refusals import refusals
from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import StorageError

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_s3 import S3Client

_DENIED = {"AccessDenied", "403"}


def s3_client(access: S3Access = ANY_ACCESS) -> S3Client:
    """Make a client whose every request names the owner that the bucket must have, and whose writes the KMS key.

    Raises:
        StorageError: The environment names no profile that there is, or an endpoint that is no URL.
    """
    client: S3Client = aws_client("s3", access.region)
    # S3's own clients of multipart uploads make requests that nobody here sees; this reaches them too.
    complete: Any = partial(_completed, access.parameters())
    client.meta.events.register("provide-client-params.s3", complete)
    return client


@contextmanager
def s3_refusals(location: str, access: S3Access = ANY_ACCESS) -> Iterator[None]:
    """Say what S3 or its client refused as a `StorageError`; S3 itself denies access where the owner is another.

    Args:
        location: What is asked for.
        access: What the client was made with.
    """
    with refusals(location):
        try:
            yield
        except ClientError as error:
            if _is_of_another_owner(location, access, error):
                raise _other_owner(location, access) from error
            raise


def _completed(extra: Mapping[str, str], params: Mapping[str, Any], model: OperationModel, **_: Any) -> dict[str, Any]:
    """Return a request's parameters with those of the extra ones that its operation knows."""
    known = model.input_shape.members if model.input_shape else {}
    return {name: value for name, value in extra.items() if name in known} | dict(params)


def _is_of_another_owner(location: str, access: S3Access, error: ClientError) -> bool:
    """Whether the bucket that is denied answers as soon as nothing is expected of its owner."""
    if access.expected_owner is None or error.response["Error"].get("Code") not in _DENIED:
        return False
    bucket, _ = bucket_and_key(location)
    try:
        s3_client(replace(access, expected_owner=None)).head_bucket(Bucket=bucket)
    except ClientError:
        return False
    return True


def _other_owner(location: str, access: S3Access) -> StorageError:
    problem = f"expected a bucket of the account {access.expected_owner}, found one of another account"
    return StorageError(location, problem, "check the bucket's name, and s3_expected_owner")
