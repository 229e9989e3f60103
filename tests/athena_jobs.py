"""Runs on a stand-in for Athena, with moto's Glue and S3."""

import uuid
from typing import Any

from obs2seq.bootstrap import job
from obs2seq.storage.s3 import S3Storage
from obs2seq.warehouses.athena.catalogue import GlueCatalogue
from obs2seq.warehouses.athena.files import ParquetFooters
from obs2seq.warehouses.athena.queries import AthenaQueries, QueryPlace
from obs2seq.warehouses.athena.service import AthenaWarehouseService
from tests.athena_fakes import FakeAthena, client
from tests.small_jobs import settings_for


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def new_database() -> str:
    """Make a database in the catalogue; return its name."""
    name = f"school_{uuid.uuid4().hex}"
    client("glue").create_database(DatabaseInput={"Name": name})
    return name


def athena_service(
    athena: Any, root: str, database: str, *, deadline_s: float = 600, clock: Clock | None = None, **changes: Any
) -> AthenaWarehouseService:
    """Make the service as bootstrap does, but for the client and the clock."""
    table = changes.pop("athena_table", None)
    settings = settings_for(f"{root}/in", f"{root}/out", mode="athena", **changes)
    clock = clock or Clock()
    place = QueryPlace("primary", database, f"{root}/queries", deadline_s)
    queries = AthenaQueries(place, lambda: athena, clock=clock, sleep=clock.sleep)
    catalogue = GlueCatalogue(database, lambda: client("glue"))
    footers = ParquetFooters(lambda: client("s3"))
    return AthenaWarehouseService(
        job(settings), S3Storage(lambda: client("s3")), queries, catalogue, footers, table=table
    )


def a_school(bucket: str, *states: str, **changes: Any) -> tuple[AthenaWarehouseService, FakeAthena, str]:
    """Return a service, its Athena, and the location below which its data is and its output comes."""
    athena, root = FakeAthena(*states), f"s3://{bucket}/deep"
    return athena_service(athena, root, new_database(), **changes), athena, root
