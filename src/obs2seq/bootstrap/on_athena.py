"""Runs on Athena."""

from functools import partial

from obs2seq.bootstrap.jobs import job, s3_access
from obs2seq.bootstrap.layouts import require_expanded
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.settings import Settings
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.service import WarehouseService


def on_athena(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> WarehouseService:
    """Return the warehouse; raise where what it needs is not installed."""
    require_expanded(settings, "Athena")
    try:
        from obs2seq.aws.clients import aws_client
        from obs2seq.aws.s3 import s3_client
        from obs2seq.warehouses.athena.catalogue import GlueCatalogue
        from obs2seq.warehouses.athena.files import ParquetFooters
        from obs2seq.warehouses.athena.queries import AthenaQueries, QueryPlace
        from obs2seq.warehouses.athena.service import AthenaWarehouseService
    except ModuleNotFoundError as error:
        problem = f"expected what Athena needs to be installed, found no module '{error.name}'"
        raise ConfigurationError("mode", problem, "pip install 'obs2seq[athena]'") from error
    access = s3_access(settings)
    place = QueryPlace(
        workgroup=settings.athena_workgroup,
        database=settings.athena_database,
        query_location=settings.athena_query_location,
        deadline_s=settings.athena_deadline_minutes * 60.0,
        access=access,
    )
    catalogue = GlueCatalogue(settings.athena_database, partial(aws_client, "glue", access.region))
    footers = ParquetFooters(partial(s3_client, access))
    queries = AthenaQueries(place, partial(aws_client, "athena", access.region))
    return AthenaWarehouseService(
        job(settings), storage, queries, catalogue, footers, table=settings.athena_table, watch=watch
    )
