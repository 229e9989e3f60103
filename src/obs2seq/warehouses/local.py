"""The warehouse on one machine."""

from obs2seq.domain.locations import bucket_and_key, is_s3, local_path
from obs2seq.warehouses.service import WarehouseService


class LocalWarehouseService(WarehouseService):
    """Reads and writes local paths, and `s3://` as AWS does, from this machine."""

    def checked_location(self, location: str) -> str:
        """Return a local path as an absolute one; an S3 location as it is."""
        if is_s3(location):
            bucket_and_key(location)
            return location.rstrip("/")
        return str(local_path(location).absolute())
