"""Which cluster was started for a run: a small file beside the code.

EMR has no token that keeps a cluster from being started twice, and to list an account's clusters by name takes a right
over all of them.
"""

from botocore.exceptions import ClientError

from obs2seq.aws.refusals import refusals
from obs2seq.domain.locations import bucket_and_key, join
from obs2seq.launch.deploy import encryption, owner
from obs2seq.launch.launch import Launch
from obs2seq.launch.target import Clients


def noted_cluster(clients: Clients, launch: Launch) -> str | None:
    """Return the cluster that was last started for the run; None where there is none."""
    location = _location(launch)
    bucket, key = bucket_and_key(location)
    with refusals(location):
        try:
            answer = clients("s3").get_object(Bucket=bucket, Key=key, **owner(launch.values))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return str(answer["Body"].read().decode("ascii")).strip()


def note_cluster(clients: Clients, launch: Launch, cluster: str) -> None:
    """Keep in mind which cluster was started for the run."""
    location = _location(launch)
    bucket, key = bucket_and_key(location)
    with refusals(location):
        options = encryption(launch.values) | owner(launch.values)
        clients("s3").put_object(Bucket=bucket, Key=key, Body=f"{cluster}\n".encode("ascii"), **options)


def _location(launch: Launch) -> str:
    return join(str(launch.values.code_location), "clusters", launch.name)
