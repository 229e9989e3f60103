"""Spark's settings for `s3://` locations: what a local session lacks beside a cluster's, and what a run asks for."""

from __future__ import annotations

from collections.abc import Mapping

from obs2seq.aws.access import S3Access

FILE_SYSTEM = {
    "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
}
# A machine on its own either reaches the endpoint or does not: the SDK's and S3A's retries multiply, and by default
# take minutes to say so. Throttling is retried by limits of its own.
PATIENCE = {
    "fs.s3a.attempts.maximum": "2",
    "fs.s3a.retry.limit": "2",
    "fs.s3a.connection.timeout": "60000",
}
# In milliseconds; Hadoop 3.4 raises anything less to this, with a warning.
CONNECT_TIMEOUT = {"35": "5000", "41": "15000"}
# A task's files move to their place at once, not again at the job's end: a move on S3 is a copy. What a failed job
# leaves is harmless, as its folder is nobody's current one.
COMMIT = {"mapreduce.fileoutputcommitter.algorithm.version": "2"}
# Keys in the settings come first, then the chain that boto3 follows too: environment, profile, container, machine.
CREDENTIALS = {
    "35": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
    "41": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
}
OWN_CREDENTIALS = (
    "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
    "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
)


def s3a_settings(lane: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a local session lacks for S3, with the region that the environment gives to boto3 too."""
    providers = ",".join((*OWN_CREDENTIALS, CREDENTIALS[lane]))
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    hadoop = FILE_SYSTEM | PATIENCE | COMMIT | _region(region)
    hadoop["fs.s3a.aws.credentials.provider"] = providers
    hadoop["fs.s3a.connection.establish.timeout"] = CONNECT_TIMEOUT[lane]
    return _of_spark(hadoop)


def access_settings(access: S3Access, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a run asks of S3, with the endpoint that the environment gives to boto3 too.

    S3A is told, and of the key also EMRFS, EMR's own client before release 7.10. Neither knows of expected owners.
    """
    return _of_spark(_endpoint(environment) | _region(access.region) | _encryption(access.kms_key))


def _of_spark(hadoop: Mapping[str, str]) -> dict[str, str]:
    return {f"spark.hadoop.{name}": value for name, value in hadoop.items()}


def _endpoint(environment: Mapping[str, str]) -> dict[str, str]:
    """Stand-ins for S3 have no DNS name for each bucket, hence the path style."""
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    return {"fs.s3a.endpoint": endpoint, "fs.s3a.path.style.access": "true"} if endpoint else {}


def _region(region: str | None) -> dict[str, str]:
    return {"fs.s3a.endpoint.region": region} if region else {}


def _encryption(kms_key: str | None) -> dict[str, str]:
    if kms_key is None:
        return {}
    return {
        "fs.s3a.encryption.algorithm": "SSE-KMS",
        "fs.s3a.encryption.key": kms_key,
        "fs.s3.enableServerSideEncryption": "true",
        "fs.s3.serverSideEncryption.kms.keyId": kms_key,
    }
