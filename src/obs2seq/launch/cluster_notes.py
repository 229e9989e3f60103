"""Which cluster was started for a run: a small file beside the code.

EMR has no token that keeps a cluster from being started twice, and to list an account's clusters by name takes a right
over all of them.
"""

from functools import partial

from obs2seq.aws.s3 import s3_client
from obs2seq.domain.locations import join
from obs2seq.launch.deploy import code_access
from obs2seq.launch.launch import Launch
from obs2seq.storage.s3 import S3Storage


def noted_cluster(launch: Launch) -> str | None:
    """Return the cluster that was last started for the run; None where there is none."""
    note = _storage(launch).read_text(_location(launch))
    return note.text.strip() if note else None


def note_cluster(launch: Launch, cluster: str) -> None:
    """Keep in mind which cluster was started for the run."""
    _storage(launch).write_text(_location(launch), f"{cluster}\n")


def _storage(launch: Launch) -> S3Storage:
    access = code_access(launch.values)
    return S3Storage(partial(s3_client, access), access)


def _location(launch: Launch) -> str:
    return join(str(launch.values.code_location), "clusters", launch.name)
