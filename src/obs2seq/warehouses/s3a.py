"""The settings that let a local Spark session read and write `s3://` locations, as a cluster does."""

from __future__ import annotations

from collections.abc import Mapping

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
    """Return the settings of Spark for S3, with the endpoint and the region that boto3 finds in the environment."""
    providers = ",".join((*OWN_CREDENTIALS, CREDENTIALS[lane]))
    hadoop = FILE_SYSTEM | PATIENCE | COMMIT | _endpoint(environment) | _region(environment)
    hadoop["fs.s3a.aws.credentials.provider"] = providers
    hadoop["fs.s3a.connection.establish.timeout"] = CONNECT_TIMEOUT[lane]
    return {f"spark.hadoop.{name}": value for name, value in hadoop.items()}


def _endpoint(environment: Mapping[str, str]) -> dict[str, str]:
    """Stand-ins for S3 have no DNS name for each bucket, hence the path style."""
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    return {"fs.s3a.endpoint": endpoint, "fs.s3a.path.style.access": "true"} if endpoint else {}


def _region(environment: Mapping[str, str]) -> dict[str, str]:
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return {"fs.s3a.endpoint.region": region} if region else {}
