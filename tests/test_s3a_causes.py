"""What S3 refuses to Spark, as S3A of Hadoop 3.3 and of 3.4 put it, in the project's words."""

import pytest

from obs2seq.errors import StorageError
from obs2seq.warehouses.failures import explanation

HADOOP_33 = "(Service: Amazon S3; Status Code: {status}; Error Code: {code}; Request ID: X; S3 Extended Request ID: Y)"
HADOOP_34 = "(Service: S3, Status Code: {status}, Request ID: X, Extended Request ID: Y)"
BAD_REQUEST = "org.apache.hadoop.fs.s3a.AWSBadRequestException: PUT 0-byte object on run/part-0"
DENIED = "java.nio.file.AccessDeniedException: s3://bucket/run/part-0: "


def _words(error: str, status: int, code: str) -> list[str]:
    """Return an error of S3 as either Hadoop tells it."""
    old = HADOOP_33.format(status=status, code=code)
    new = HADOOP_34.format(status=status)
    return [
        f"{error} com.amazonaws.services.s3.model.AmazonS3Exception: said {old}, S3 Extended Request ID: Y:{code}",
        f"{error} software.amazon.awssdk.services.s3.model.S3Exception: said {new}:{code}",
    ]


EXPIRED = "expected AWS credentials that last as long as the run, found them expired. Hint: renew them"
NONE = "expected AWS credentials, found none. Hint: set AWS_PROFILE"
INVALID = "expected AWS credentials that are valid here, found others. Hint: check AWS_PROFILE"
REGION = "expected a bucket of the region that is asked, found one of another region. Hint: set s3_region"
KMS = "expected a KMS key that the run may use, found one that is not there, not in use or denied. Hint: check s3_kms_"
BUSY = "expected S3 to keep up, found that it asks for fewer requests even after pauses. Hint: run again later"
BAD = "expected S3 to accept what was asked, found it refused without a reason. Hint: credentials may have expired"
NOT_ALLOWED = "expected the right to read and write here, found it denied"
KMS_DENIAL = "User: x is not authorized to perform: kms:GenerateDataKey on resource: y"

NO_PROVIDER = (
    "java.nio.file.AccessDeniedException: bucket: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS "
    "Credentials provided by TemporaryAWSCredentialsProvider : com.amazonaws.SdkClientException: Unable to load AWS "
    "credentials from any provider in the chain"
)
NO_TOKEN = (
    "java.nio.file.AccessDeniedException: s3://bucket/x: org.apache.hadoop.fs.s3a.CredentialInitializationException: "
    "Provider TemporaryAWSCredentialsProvider has no credentials"
)
NO_CHAIN = "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of them"

CASES = [
    *((words, NONE) for words in (NO_PROVIDER, NO_TOKEN, NO_CHAIN)),
    *((words, EXPIRED) for words in _words(BAD_REQUEST, 400, "ExpiredToken")),
    *((words, INVALID) for words in _words(DENIED, 403, "InvalidAccessKeyId")),
    *((words, INVALID) for words in _words(DENIED, 403, "SignatureDoesNotMatch")),
    *((words, REGION) for words in _words("org.apache.hadoop.fs.s3a.AWSRedirectException:", 301, "PermanentRedirect")),
    *((words, REGION) for words in _words(BAD_REQUEST, 400, "AuthorizationHeaderMalformed")),
    *((words, KMS) for words in _words(BAD_REQUEST, 400, "KMS.NotFoundException")),
    *((words, KMS) for words in _words(DENIED + KMS_DENIAL, 403, "AccessDenied")),
    *((words, BUSY) for words in _words("org.apache.hadoop.fs.s3a.AWSServiceThrottledException:", 503, "SlowDown")),
    *((words, BAD) for words in _words(BAD_REQUEST, 400, "400 Bad Request")),
    *((words, NOT_ALLOWED) for words in _words(DENIED, 403, "AccessDenied")),
]


@pytest.mark.parametrize(("words", "said"), CASES)
def test_what_s3_refuses_to_spark_is_said_in_the_projects_words(words: str, said: str) -> None:
    error = explanation(Exception(f"An error occurred while calling o1.save.\n: {words}"), "in", "out")

    assert type(error) is StorageError
    assert error.where in {"out", "s3://bucket/run/part-0", "s3://bucket/x"}
    assert said in str(error)
