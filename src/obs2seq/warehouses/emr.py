"""The warehouse on an EMR cluster."""

from obs2seq.domain.locations import bucket_and_key, is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.warehouses.service import WarehouseService


class EmrWarehouseService(WarehouseService):
    """Reads and writes S3 from a cluster, whose machines share no other disk."""

    def checked_location(self, location: str) -> str:
        """Return an S3 location as it is; raise `ConfigurationError` for any other."""
        if not is_s3(location):
            raise ConfigurationError(
                location,
                "expected s3://<bucket>/<folder>, which every machine of a cluster reaches, found a local path",
                "set MODE=local to run on this machine",
            )
        bucket_and_key(location)
        return location.rstrip("/")
