"""Athena: a run is a few queries, which the process that starts it asks, and whose results it publishes itself."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from obs2seq.aws.refusals import refusals
from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.domain.locations import join
from obs2seq.errors import ConfigurationError
from obs2seq.launch.arguments import job_settings
from obs2seq.launch.launch import require_s3
from obs2seq.launch.logs import LogFile
from obs2seq.launch.target import Request, Runs
from obs2seq.launch.values import LaunchValues
from obs2seq.settings import Settings
from obs2seq.settings.sources import PREFIX
from obs2seq.sql.runs import unload
from obs2seq.warehouses.athena.reasons import failure
from obs2seq.warehouses.athena.statements import InputTable, registered_table, statements_of
from obs2seq.warehouses.engine import Order

NAME = "athena"
_NAMES = ("athena_workgroup", "athena_database")
"""Settings that are names of the account too."""
_STATISTICS = {
    "DataScannedInBytes": "{:,} bytes read",
    "QueryQueueTimeInMillis": "{:,} ms in the queue",
    "EngineExecutionTimeInMillis": "{:,} ms of work",
    "TotalExecutionTimeInMillis": "{:,} ms in all",
}


def athena_settings(
    options: Mapping[str, object], config: Path | None, *, max_hours: float, values: LaunchValues
) -> Settings:
    """Return the settings of a run on Athena.

    Args:
        options: Settings by key, as in `job_arguments`.
        config: A YAML file of settings.
        max_hours: No query gets more time.
        values: The account's names; each counts where no source of settings gives another than the default.

    Raises:
        ConfigurationError: A setting is missing, not allowed, or not for Athena.
    """
    settings = job_settings(options, config, mode=NAME)
    require_s3(settings)
    if settings.output_format != "parquet":
        hint = "leave output_format as it is, or run it with --target serverless"
        raise ConfigurationError("output_format", f"expected parquet on Athena, found {settings.output_format}", hint)
    minutes = min(settings.athena_deadline_minutes, math.ceil(max_hours * 60))
    found = {"athena_deadline_minutes": minutes, "s3_region": settings.s3_region or values.region}
    return settings.model_copy(update=found | _names(settings, options, values))


def _names(settings: Settings, options: Mapping[str, object], values: LaunchValues) -> dict[str, str]:
    """Return the account's names for settings that nobody chose; a file that writes the default out chooses nothing."""
    chosen = {*options, *(key for key in _NAMES if PREFIX + key.upper() in os.environ)}
    return {
        key: name
        for key in _NAMES
        if (name := getattr(values, key)) is not None
        and key not in chosen
        and getattr(settings, key) == Settings.model_fields[key].default
    }


def athena_requests(settings: Settings, orders: Iterable[Order]) -> list[Request]:
    """Return what a run asks for, as far as it is known before anybody looks at the data.

    Args:
        settings: As `athena_settings` gives them.
        orders: What is to be made, in this order.

    Raises:
        ConfigurationError: Athena cannot do what the settings ask for.
    """
    tables: list[Request] = []
    queries: list[Request] = []
    for order in orders:
        table, registered = _input(settings, order)
        tables += [request for request in registered if request not in tables]
        made = statements_of(order, table)
        folder = join(settings.output_s3_location, order.dataset, "run_id=<fingerprint>")
        queries += [
            _query(settings, made.counts, f"run {order.dataset} is not there yet; with the types of the table"),
            _query(settings, unload(made.select, folder, settings.compression), "what was counted can be used"),
        ]
    return [*tables, *queries]


def _input(settings: Settings, order: Order) -> tuple[InputTable, list[Request]]:
    """Return the table to read, and what makes it where it is not there."""
    has_folder = settings.subset_method == "folder"
    if settings.athena_table is not None:
        return InputTable(settings.athena_table, None, has_subset_alone=has_folder), []
    name, location = registered_table(settings.s3_data_location, order.subset, has_own_folder=has_folder)
    described = {"Name": name, "StorageDescriptor": {"Location": location}}
    parameters = {"DatabaseName": settings.athena_database, "TableInput": described}
    made = Request("glue", "CreateTable", parameters, "no table of this name is there; with the columns of the files")
    return InputTable(f"{settings.athena_database}.{name}", None, has_subset_alone=has_folder), [made]


def _query(settings: Settings, statement: str, when: str) -> Request:
    results = settings.athena_query_location
    parameters = {
        "QueryString": statement,
        "QueryExecutionContext": {"Database": settings.athena_database},
        "WorkGroup": settings.athena_workgroup,
        **({"ResultConfiguration": {"OutputLocation": results}} if results else {}),
    }
    return Request("athena", "StartQueryExecution", parameters, when)


class AthenaRuns(Runs):
    """Queries of Athena; a run's id is the query execution's."""

    def status(self, run_id: str) -> Status:
        execution = self._execution(run_id)
        word = execution["Status"]["State"]
        return Status(state_of(word), word, _reason(run_id, execution))

    def cancel(self, run_id: str) -> None:
        with refusals(run_id, "Athena", quoted=True):
            self.clients("athena").stop_query_execution(QueryExecutionId=run_id)

    def log_files(self, run_id: str) -> list[LogFile]:
        """Return what Athena says of the query: it has no driver."""
        execution = self._execution(run_id)
        found = execution.get("Statistics", {})
        told = [form.format(found[name]) for name, form in _STATISTICS.items() if name in found]
        lines = [execution["Status"]["State"], *told, *filter(None, [_reason(run_id, execution)])]
        return [LogFile("query", f"workgroup {execution.get('WorkGroup') or '-'}", lambda: iter(lines))]

    def _execution(self, run_id: str) -> Any:
        with refusals(run_id, "Athena", quoted=True):
            return self.clients("athena").get_query_execution(QueryExecutionId=run_id)["QueryExecution"]


def _reason(run_id: str, execution: Any) -> str:
    """Return why a query failed, in words that hold nothing of a row."""
    if state_of(execution["Status"]["State"]) is not RunState.FAILED:
        return ""
    problem = failure(run_id, execution, execution.get("Query", "")).problem
    return problem.partition("found ")[2].removeprefix("that it failed: ")
