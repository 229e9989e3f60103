"""Clients of AWS's services, made from the environment as every AWS tool makes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from obs2seq.aws.refusals import client_refusals
from obs2seq.errors import ConfigurationError

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 30
ATTEMPTS = 3


def aws_client(service: str, region: str | None = None) -> Any:
    """Make a client that gives up on an endpoint which cannot be reached within ten seconds.

    Retries are botocore's standard ones, with back-off, as many as `AWS_MAX_ATTEMPTS` says. Endpoints come from
    `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL`, credentials from the AWS credential chain.

    Args:
        service: By boto3's name, such as `s3` or `emr-serverless`.
        region: None: that of `AWS_REGION`, which boto3 alone passes over, or of boto3's chain.

    Raises:
        ConfigurationError: `AWS_MAX_ATTEMPTS` is no number of attempts.
        StorageError: The environment gives no region, names no profile that there is, or an endpoint that is no URL.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": _attempts()},
        s3={"addressing_style": "path" if _has_endpoint() else "auto"},
    )
    with client_refusals(service):
        make: Callable[..., Any] = boto3.Session(region_name=region or os.environ.get("AWS_REGION")).client
        return make(service, config=config)


def _attempts() -> int:
    given = os.environ.get("AWS_MAX_ATTEMPTS") or str(ATTEMPTS)
    if not (given.isdecimal() and int(given) > 0):
        raise ConfigurationError("AWS_MAX_ATTEMPTS", f"expected a whole number from 1, found '{given}'")
    return int(given)


def _has_endpoint() -> bool:
    """Stand-ins for S3 have no DNS name for each bucket."""
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
