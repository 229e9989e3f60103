"""What is to stand in the catalogue about Parquet files at a location."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from urllib.parse import unquote

from obs2seq.domain.locations import join
from obs2seq.domain.source import Source
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.warehouses.athena.catalogue import Registration
from obs2seq.warehouses.athena.files import ParquetFooter
from obs2seq.warehouses.athena.hive_types import hive_type
from obs2seq.warehouses.athena.statements import registered_name

_NULL = "__HIVE_DEFAULT_PARTITION__"
_OWN_TABLE = "make a table over the location yourself, and name it as athena_table"
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def require_registrable(source: Source) -> None:
    """Raise `ConfigurationError` for what cannot be registered as a table over a folder: anything but Parquet files."""
    found = ""
    if source.format != "parquet":
        found = f"{source.format} data" if source.format != "delta" else "a Delta table"
    elif any(not file.path for file in source.files):
        found = "a single file"
    elif not source.is_all:
        found = "other files beside those of Parquet"
    if found:
        raise ConfigurationError(
            source.location, f"expected a folder of Parquet files, to register as a table, found {found}", _OWN_TABLE
        )


def registration(source: Source, footers: Sequence[ParquetFooter], is_read: Callable[[str], bool]) -> Registration:
    """Return the table over a source: the columns that its files have in common, and one partition a folder.

    Args:
        source: Parquet files in one folder, or in folders named column=value below it.
        footers: Of all of its files.
        is_read: Whether a column is needed; one that is not may differ between the files, and is left out then.

    Raises:
        DataError: A column that is read differs between files, or is of a type that Athena does not know.
    """
    columns = _common_columns(source.location, footers, is_read)
    partitions = _partitions(source)
    keys = {name: _key_type([values[name] for values in partitions.values()]) for name in _key_names(partitions)}
    return Registration(
        name=registered_name(source.location),
        location=source.location.rstrip("/"),
        columns={name: type_ for name, type_ in columns.items() if name not in keys},
        partition_keys=keys,
        partitions=tuple(
            (tuple(values.values()), join(source.location, folder)) for folder, values in sorted(partitions.items())
        ),
    )


def _common_columns(location: str, footers: Sequence[ParquetFooter], is_read: Callable[[str], bool]) -> dict[str, str]:
    first, *others = sorted(footers, key=lambda footer: footer.path)
    columns, different = _types(first), set[str]()
    for other in others:
        there = _types(other)
        for name in sorted(columns.keys() | there.keys()):
            if columns.get(name) != there.get(name):
                _require_unread(location, name, is_read, (first.path, columns), (other.path, there))
                different.add(name)
    return {
        name: type_
        for name, type_ in columns.items()
        if name not in different and _is_known(location, name, type_, is_read)
    }


def _require_unread(
    location: str, name: str, is_read: Callable[[str], bool], *files: tuple[str, dict[str, str]]
) -> None:
    if is_read(name):
        found = " and as ".join(f"{columns.get(name, 'missing')} in {path}" for path, columns in files)
        raise DataError(
            location,
            f"expected files with the same columns and types, found column '{name}' as {found}",
            "name files of one kind alone, or write the older ones again",
        )


def _is_known(location: str, name: str, type_: str, is_read: Callable[[str], bool]) -> bool:
    if not type_ and is_read(name):
        raise DataError(
            location,
            f"expected columns of types that Athena reads, found '{name}' of another",
            "write the files with another type, or map the column in a view, and name that as athena_table",
        )
    return bool(type_)


def _types(footer: ParquetFooter) -> dict[str, str]:
    return {field.name.lower(): hive_type(field.type) or "" for field in footer.schema}


def _partitions(source: Source) -> dict[str, dict[str, str]]:
    """Return the values of each folder that holds files, where folders are named column=value."""
    if not source.has_partition_folders:
        return {}
    folders = sorted({file.path.rpartition("/")[0] for file in source.files})
    return {folder: _values(folder) for folder in folders}


def _values(folder: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in folder.split("/") if "=" in part)
    return {unquote(name).lower(): unquote(value) for name, _, value in pairs}


def _key_names(partitions: dict[str, dict[str, str]]) -> list[str]:
    return list(next(iter(partitions.values()), {}))


def _key_type(values: Sequence[str]) -> str:
    """Tell the type of a partition's values as Spark does: a whole number, a date, or a text."""
    known = [value for value in values if value != _NULL]
    if known and all(_WHOLE.fullmatch(value) for value in known):
        return "int" if all(-(2**31) <= int(value) < 2**31 for value in known) else "bigint"
    return "date" if known and all(_is_date(value) for value in known) else "string"


def _is_date(value: str) -> bool:
    try:
        return len(value) == len("2026-01-01") and bool(date.fromisoformat(value))
    except ValueError:
        return False
