"""What every request to S3 says beside what it asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Access:
    """How a run goes about S3; credentials and endpoints come from the environment."""

    kms_key: str | None = None
    """The KMS key of all that is written, by its ARN, id or alias; None: as the bucket does by default."""
    expected_owner: str | None = None
    """The account, of twelve digits, that every bucket must belong to; None: whichever."""
    region: str | None = None
    """The buckets' region; None: the environment's."""

    def parameters(self) -> dict[str, str]:
        """Return, by boto3's names, what each request that knows such a parameter is sent with."""
        owner = {"ExpectedBucketOwner": self.expected_owner} if self.expected_owner else {}
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        return owner | encryption


ANY_ACCESS = S3Access()
"""Whatever the environment and the buckets do by default."""
