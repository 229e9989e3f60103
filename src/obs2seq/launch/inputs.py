"""What a run is to read, seen from where it is started."""

from functools import partial

from obs2seq.aws.access import S3Access
from obs2seq.aws.s3 import s3_client
from obs2seq.domain.fingerprint import files_digest
from obs2seq.errors import DataNotFoundError
from obs2seq.settings import Settings
from obs2seq.storage.s3 import S3Storage


def input_digest(settings: Settings, region: str | None) -> str:
    """Return what stands for the files at the data location: other files, other sizes or times, another text.

    Args:
        settings: Name the location, and how to go about it.
        region: Counts where the settings name none.

    Raises:
        DataNotFoundError: No file is there, so that a run could only fail.
        StorageError: S3 refuses to list them.
    """
    access = S3Access(expected_owner=settings.s3_expected_owner, region=settings.s3_region or region)
    files = S3Storage(partial(s3_client, access), access).list_files(settings.s3_data_location)
    if not files:
        problem = "expected files with observations, found nothing there"
        raise DataNotFoundError(settings.s3_data_location, problem, "check the location")
    return files_digest(files)
