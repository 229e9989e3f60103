"""`sql`: the statements that a run would send to Athena."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.domain.locations import join
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError
from obs2seq.settings import Settings, add_settings_arguments, given_settings, load_settings
from obs2seq.settings.yaml_text import yaml_file

if TYPE_CHECKING:
    from obs2seq.sql.runs import RunStatements
    from obs2seq.warehouses.engine import Order

_ON_ATHENA = {"mode": "athena"}
_ANY_DATA, _ANY_OUTPUT = "s3://<bucket>/<data>", "s3://<bucket>/<output>"
_FROM_GLUE = "glue"


def add_sql(parser: argparse.ArgumentParser) -> None:
    """Print the statements that a run on Athena would send, without sending them."""
    add_settings_arguments(parser, _ON_ATHENA)
    parser.add_argument("--subset", metavar="NAME", help="of which subset; None: the first that is configured")
    parser.add_argument(
        "--types",
        metavar="FILE|glue",
        help="YAML file of the table's columns, each with its type; glue: look them up; None: not known",
    )
    parser.add_argument("--select-only", action="store_true", help="print the SELECT that makes the data, alone")
    parser.set_defaults(command=_print)


def _print(arguments: argparse.Namespace) -> None:
    settings = load_settings(given_settings(arguments), os.environ, arguments.config, _ON_ATHENA, required=[])
    order = order_for(settings, arguments.subset or next(iter(settings.subsets)))
    _require_fit(settings, order)
    made = _statements(settings, order, arguments.types)
    if arguments.select_only:
        print(made.select, end="")
        return
    from obs2seq.sql.runs import unload

    target = join(settings.output_s3_location or _ANY_OUTPUT, order.dataset, "run_id=<run>")
    print(f"-- What is counted before anything is written\n{_ended(made.counts)}")
    print(f"-- What is written\n{_ended(unload(made.select, target, settings.compression))}", end="")


def order_for(settings: Settings, subset: str) -> Order:
    """Return what is to be made of a subset; raise `ConfigurationError` where it is none of the configured ones."""
    from obs2seq.bootstrap import job
    from obs2seq.warehouses.engine import Order

    if subset not in settings.subsets:
        raise ConfigurationError(
            "option --subset",
            f"expected one of {', '.join(settings.subsets)}, found '{subset}'",
            nearest(subset, settings.subsets),
        )
    return Order.of(job(settings), subset, settings.output)


def _require_fit(settings: Settings, order: Order) -> None:
    """Raise what a run would raise of these settings alone."""
    from obs2seq.bootstrap.layouts import require_expanded
    from obs2seq.warehouses.athena.limits import (
        require_no_rules,
        require_one_table,
        require_parquet,
        require_production,
        require_split,
        s3_location,
    )
    from obs2seq.warehouses.locations import require_apart

    require_expanded(settings, "Athena")
    require_parquet(order.job)
    require_production(order.job)
    require_split(order.job)
    require_no_rules(order.job)
    data, output = settings.s3_data_location, settings.output_s3_location
    locations = [s3_location(each) for each in (data, output) if each]
    if len(locations) > 1:
        require_apart(*locations)
    if settings.athena_table is not None:
        require_one_table(data or _ANY_DATA, has_own_folder=_has_folders(settings))


def _statements(settings: Settings, order: Order, types: str | None) -> RunStatements:
    from obs2seq.warehouses.athena.statements import InputTable, statements_of

    table = settings.athena_table or _registered(settings, order)
    known, is_text = _types(settings, table, types)
    return statements_of(order, InputTable(table, known, is_text, _has_folders(settings)))


def _registered(settings: Settings, order: Order) -> str:
    """Return the name of the table that a run registers over the subset's data."""
    from obs2seq.warehouses.athena.statements import registered_table

    location = settings.s3_data_location
    if not location:
        raise ConfigurationError(
            "athena_table",
            "expected the table or view to read, found none",
            "name one; or name s3_data_location, over which a run registers a table",
        )
    name, _ = registered_table(location, order.subset, has_own_folder=_has_folders(settings))
    return f"{settings.athena_database}.{name}"


def _has_folders(settings: Settings) -> bool:
    return settings.subset_method == "folder"


def _ended(statement: str) -> str:
    return f"{statement.rstrip()};\n"


def _types(settings: Settings, table: str, source: str | None) -> tuple[Mapping[str, str] | None, bool]:
    """Return the types of the table's columns, as far as they are told, and whether they are decoded from text."""
    if source is None:
        return None, False
    if source == _FROM_GLUE:
        return _looked_up(settings, table)
    content = yaml_file(Path(source), hint="check --types")
    if not isinstance(content, dict) or not all(isinstance(type_, str) for type_ in content.values()):
        raise ConfigurationError(source, "expected names of columns with their types, such as 'pupilid: bigint'")
    return {str(name): type_ for name, type_ in content.items()}, False


def _looked_up(settings: Settings, table: str) -> tuple[Mapping[str, str], bool]:
    try:
        from obs2seq.aws.clients import aws_client
        from obs2seq.warehouses.athena.catalogue import GlueCatalogue
    except ModuleNotFoundError as error:
        problem = f"expected the AWS client to be installed, found no module '{error.name}'"
        raise ConfigurationError("option --types", problem, "pip install 'obs2seq[athena]'") from error
    found = GlueCatalogue(settings.athena_database, lambda: aws_client("glue", settings.s3_region)).table(table)
    return found.types, found.is_text
