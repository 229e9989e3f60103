"""What S3 and the AWS client refuse, in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws

from obs2seq.errors import StorageError

_SIGN_IN = "renew them, for example with 'aws sso login', and run again"
_REACH = "check the network, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION"

_CODES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("NoSuchBucket", "InvalidBucketName"),
        "no bucket of this name",
        "check the name in s3://<bucket>/..., the account and the endpoint",
    ),
    (
        ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden"),
        "access denied",
        "let the role list the bucket, read, and below the output also write and delete; and use the bucket's KMS key",
    ),
    (
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
        "expired credentials",
        _SIGN_IN,
    ),
    (
        ("InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException"),
        "credentials that are not valid here",
        "check AWS_PROFILE or the AWS_* variables, and that they belong to this endpoint",
    ),
    (
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"),
        "a bucket of another region",
        "set AWS_REGION to the region of the bucket",
    ),
    (
        ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "429"),
        "too many requests",
        "run again later, or with fewer jobs on this bucket at a time",
    ),
    (
        ("InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504"),
        "a service that fails for the moment",
        "run again later",
    ),
    (("RequestTimeTooSkewed",), "a clock that differs from the service's", "set this machine's clock"),
    (("InvalidObjectState",), "an archived object", "restore it from the archive first"),
    (
        ("NotImplemented",),
        "a request that this store does not know",
        "use a store with conditional writes (If-Match and If-None-Match)",
    ),
)
_BY_CODE = {code: (meaning, hint) for codes, meaning, hint in _CODES for code in codes}

_EXCEPTIONS: tuple[tuple[type[Exception], str, str], ...] = (
    (aws.NoCredentialsError, "no AWS credentials", "set AWS_PROFILE, sign in, or run under a role"),
    (aws.PartialCredentialsError, "half of the AWS credentials", "set the access key and the secret key together"),
    (aws.ProfileNotFound, "no such AWS profile", "check AWS_PROFILE"),
    (aws.CredentialRetrievalError, "no way to get AWS credentials", "sign in again, or check the role"),
    (aws.SSOError, "expired credentials", _SIGN_IN),
    (aws.TokenRetrievalError, "expired credentials", _SIGN_IN),
    (aws.ParamValidationError, "a name that S3 does not allow", "check the bucket in s3://<bucket>/..."),
    (aws.NoRegionError, "no AWS region", "set AWS_REGION"),
    (aws.ConnectionError, "no connection", _REACH),
    (aws.HTTPClientError, "no answer", _REACH),
    (ValueError, "an endpoint that is no URL", "write AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL as https://<host>"),
)
"""From the special to the general."""


def refusal(location: str, operation: str, code: str) -> StorageError:
    """Return the error for an error code of S3."""
    meaning, hint = _BY_CODE.get(code, ("a refusal", "look the code up under 'Amazon S3 error responses'"))
    return StorageError(location, f"expected S3 to answer {operation}, found {meaning} ({code})", hint)


@contextmanager
def refusals(location: str) -> Iterator[None]:
    """Say what S3 or the client refused as a `StorageError`."""
    try:
        yield
    except aws.ClientError as error:
        raise refusal(location, error.operation_name, str(error.response["Error"].get("Code"))) from error
    except aws.BotoCoreError as error:
        raise _client_refusal(location, error) from error


@contextmanager
def endpoint_refusals() -> Iterator[None]:
    """Say what keeps a client from being made as a `StorageError`."""
    try:
        yield
    except (aws.BotoCoreError, ValueError) as error:
        raise _client_refusal("s3", error) from error


def _client_refusal(location: str, error: Exception) -> StorageError:
    found = ((meaning, hint) for kind, meaning, hint in _EXCEPTIONS if isinstance(error, kind))
    meaning, hint = next(found, ("a failure of the AWS client", "run with --debug to see it"))
    return StorageError(location, f"expected S3 to answer, found {meaning} ({type(error).__name__})", hint)
