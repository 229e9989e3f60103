"""What a service of AWS and its client refuse, in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws

from obs2seq.errors import StorageError

_SIGN_IN = "renew them, for example with 'aws sso login', and run again"
_REACH = "check the network, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION"

_CODES_OF_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301")
_CODES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("NoSuchBucket", "InvalidBucketName", "404"),
        "no bucket of this name",
        "check the name in s3://<bucket>/..., the account and the endpoint",
    ),
    (
        ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden"),
        "access denied",
        "let the role list the bucket, read, and below the output also write and delete; and use the bucket's KMS key",
    ),
    (
        ("AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"),
        "access denied",
        "let the caller's role do this: the policies in emr/iam suffice",
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
        _CODES_OF_REGION,
        "a bucket of another region",
        "set s3_region or AWS_REGION to the region of the bucket, and AWS_ENDPOINT_URL_S3 to none or one of its own",
    ),
    (
        ("KMS.NotFoundException", "KMS.DisabledException", "KMS.KMSInvalidStateException"),
        "a KMS key that is not there or not in use",
        "check s3_kms_key: a key of the bucket's region that is enabled; an alias is one of the caller's own account",
    ),
    (
        (
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequests",
            "TooManyRequestsException",
            "429",
        ),
        "too many requests",
        "run again later, with fewer jobs at a time, or with AWS_MAX_ATTEMPTS=10",
    ),
    (
        (
            *("InternalError", "InternalFailure", "InternalServerError", "InternalServerException"),
            *("InternalServiceException", "ServiceUnavailable", "ServiceUnavailableException"),
            *("OperationTimeoutException", "RequestTimeout", "500", "502", "503", "504"),
        ),
        "a service that fails for the moment",
        "run again later",
    ),
    (
        ("ValidationException", "InvalidRequestException", "InvalidInputException", "ValidationError"),
        "a request that it does not accept",
        "check the names that were given, that they exist in this region and account, and the roles' trust",
    ),
    (
        ("ResourceNotFoundException", "EntityNotFoundException", "NotFoundException"),
        "nothing of this name",
        "check the name, the region and the account",
    ),
    (
        ("ConcurrentRunsExceededException", "ResourceNumberLimitExceededException", "ServiceQuotaExceededException"),
        "more than the account may run at a time",
        "run again when others have ended, or ask AWS for a higher quota",
    ),
    (
        ("ConflictException", "IdempotentParameterMismatchException", "ConcurrentModificationException"),
        "another request on the same thing",
        "run again",
    ),
    (("RequestTimeTooSkewed",), "a clock that differs from the service's", "set this machine's clock"),
    (("InvalidObjectState",), "an archived object", "restore it from the archive first"),
    (
        ("NotImplemented",),
        "a request that this store does not know",
        "use a store with conditional writes (If-Match and If-None-Match)",
    ),
)
_DOCUMENTED = "Amazon {} error responses"
_BY_CODE = {code: (meaning, hint) for codes, meaning, hint in _CODES for code in codes}

_EXCEPTIONS: tuple[tuple[type[Exception], str, str], ...] = (
    (aws.NoCredentialsError, "no AWS credentials", "set AWS_PROFILE, sign in, or run under a role"),
    (aws.PartialCredentialsError, "half of the AWS credentials", "set the access key and the secret key together"),
    (aws.ProfileNotFound, "no such AWS profile", "check AWS_PROFILE"),
    (aws.CredentialRetrievalError, "no way to get AWS credentials", "sign in again, or check the role"),
    (aws.SSOError, "expired credentials", _SIGN_IN),
    (aws.TokenRetrievalError, "expired credentials", _SIGN_IN),
    (aws.ParamValidationError, "a name or a value that is not allowed", "check the names, as in s3://<bucket>/..."),
    (aws.NoRegionError, "no AWS region", "set AWS_REGION"),
    (aws.ConnectionError, "no connection", _REACH),
    (aws.HTTPClientError, "no answer", _REACH),
    (ValueError, "an endpoint that is no URL", "write AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL as https://<host>"),
)
"""From the special to the general."""


def refusal(where: str, operation: str, code: str, *, service: str = "S3", said: str = "") -> StorageError:
    """Return the error for an error code of a service.

    Args:
        where: The location or the resource that was asked for.
        operation: By the API's name.
        code: The service's own.
        service: Its name for people.
        said: What the service said beside its code; never anything that may hold rows.
    """
    meaning, hint = _BY_CODE.get(code, ("a refusal", f"look the code up under '{_DOCUMENTED.format(service)}'"))
    words = " ".join(said.split()).rstrip(".")
    found = f"{meaning} ({code})" + (f": {words}" if words else "")
    return StorageError(where, f"expected {service} to answer {operation}, found {found}", hint)


@contextmanager
def refusals(where: str, service: str = "S3", *, quoted: bool = False) -> Iterator[None]:
    """Say what a service or its client refused as a `StorageError`.

    Args:
        where: The location or the resource that is asked for.
        service: Its name for people.
        quoted: Whether the service's own words are added.
    """
    try:
        yield
    except aws.ClientError as error:
        told = error.response["Error"]
        said = str(told.get("Message", "")) if quoted else _region_of_bucket(error)
        code = str(told.get("Code"))
        raise refusal(where, error.operation_name, code, service=service, said=said) from error
    except aws.BotoCoreError as error:
        raise _client_refusal(where, error, service) from error


def _region_of_bucket(error: aws.ClientError) -> str:
    """Return what S3 says of a bucket that was looked for in another region; empty where it says nothing."""
    told = error.response["Error"]
    if told.get("Code") not in _CODES_OF_REGION:
        return ""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = told.get("Region") or headers.get("x-amz-bucket-region")
    return f"it lies in {region}" if region else ""


@contextmanager
def client_refusals(service: str) -> Iterator[None]:
    """Say what keeps a client from being made as a `StorageError`."""
    try:
        yield
    except (aws.BotoCoreError, ValueError) as error:
        raise _client_refusal(service, error, service) from error


def _client_refusal(where: str, error: Exception, service: str) -> StorageError:
    found = ((meaning, hint) for kind, meaning, hint in _EXCEPTIONS if isinstance(error, kind))
    meaning, hint = next(found, ("a failure of the AWS client", "run with --debug to see it"))
    return StorageError(where, f"expected {service} to answer, found {meaning} ({type(error).__name__})", hint)
