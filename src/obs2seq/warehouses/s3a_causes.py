"""What S3A's words mean: Hadoop 3.3 and 3.4, on two generations of the AWS SDK, say the same things differently.

All of it comes before a plain denial: S3A wraps other refusals too, and missing credentials, in that exception.
"""

from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.warehouses.cause import Cause

S3A_CAUSES: tuple[Cause, ...] = (
    Cause(
        r"ExpiredToken|TokenRefreshRequired|[Tt]oken (?:included in the request )?(?:has|is) expired",
        StorageError,
        "expected AWS credentials that last as long as the run, found them expired",
        "renew them, for example with 'aws sso login', and run again; long runs are for a role",
    ),
    Cause(
        r"NoAuthWithAWSException|NoAwsCredentialsException|CredentialInitializationException"
        r"|Unable to load (?:AWS )?credentials",
        StorageError,
        "expected AWS credentials, found none",
        "set AWS_PROFILE, sign in, or run under a role",
    ),
    Cause(
        r"InvalidAccessKeyId|SignatureDoesNotMatch|(?:Error Code: |:)InvalidToken\b",
        StorageError,
        "expected AWS credentials that are valid here, found others",
        "check AWS_PROFILE or the AWS_* variables, and that they belong to this endpoint",
    ),
    Cause(
        r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|AWSRedirectException"
        r"|[Ss]tatus [Cc]ode: 30[17]",
        StorageError,
        "expected a bucket of the region that is asked, found one of another region",
        "set s3_region or AWS_REGION to the region of the bucket, and AWS_ENDPOINT_URL_S3 to none or one of its own",
    ),
    # The older SDK refuses by itself; its message speaks of the customer's own keys, and means KMS keys too.
    Cause(
        r"HTTPS must be used when sending customer encryption keys",
        ConfigurationError,
        "expected an endpoint of https where s3_kms_key is set, found one of http",
        "write AWS_ENDPOINT_URL_S3 as https://<host>, or let the bucket encrypt by default",
    ),
    Cause(
        r"KMS\.\w+Exception|kms:\w+ on resource",
        StorageError,
        "expected a KMS key that the run may use, found one that is not there, not in use or denied",
        "check s3_kms_key, and let the role use it: kms:GenerateDataKey and kms:Decrypt",
    ),
    Cause(
        r"AWSServiceThrottledException|SlowDown|[Ss]tatus [Cc]ode: (?:429|503)",
        StorageError,
        "expected S3 to keep up, found that it asks for fewer requests even after pauses",
        "run again later, with fewer jobs on this bucket at a time, or with fewer shuffle_partitions",
    ),
    Cause(
        r"AWSBadRequestException|[Ss]tatus [Cc]ode: 400",
        StorageError,
        "expected S3 to accept what was asked, found it refused without a reason",
        "credentials may have expired during the run, or the bucket may be of another region: set s3_region",
    ),
)
