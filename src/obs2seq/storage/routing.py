"""One storage for every kind of location."""

from functools import cached_property, partial

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.local import LocalStorage


class RoutedStorage(Storage):
    """Hands each location to the storage it belongs to; that for S3 is imported with the first `s3://` location.

    Args:
        access: How to go about S3.
    """

    def __init__(self, access: S3Access = ANY_ACCESS) -> None:
        self._access = access

    @cached_property
    def _local(self) -> Storage:
        return LocalStorage()

    @cached_property
    def _s3(self) -> Storage:
        try:
            from obs2seq.aws.s3 import s3_client
            from obs2seq.storage.s3 import S3Storage
        except ModuleNotFoundError as error:
            problem = f"expected the AWS client to be installed, found no module '{error.name}'"
            raise ConfigurationError("s3", problem, "pip install 'obs2seq[aws]'") from error
        return S3Storage(partial(s3_client, self._access), self._access)

    def _storage(self, location: str) -> Storage:
        return self._s3 if is_s3(location) else self._local

    def list_files(self, location: str) -> list[StoredFile]:
        return self._storage(location).list_files(location)

    def read_text(self, location: str) -> VersionedText | None:
        return self._storage(location).read_text(location)

    def write_text(self, location: str, text: str) -> None:
        self._storage(location).write_text(location, text)

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        self._storage(location).replace_text(location, text, expected)

    def remove(self, location: str) -> None:
        self._storage(location).remove(location)
