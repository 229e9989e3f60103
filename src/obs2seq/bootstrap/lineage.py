"""What a run would take of steps, and what two runs took; no session is started for either."""

from __future__ import annotations

from importlib.util import find_spec

from obs2seq.bootstrap.jobs import job
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.runs import MANIFEST
from obs2seq.domain.validation import closest, nearest
from obs2seq.errors import ConfigurationError
from obs2seq.lineage.catalogue import Entry, catalogue
from obs2seq.lineage.changes import Changes, changes
from obs2seq.lineage.columns import output_columns
from obs2seq.lineage.engines import arrow_graph, task_graph
from obs2seq.lineage.graph import Graph
from obs2seq.lineage.statement import athena_graph
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage


def graph(settings: Settings) -> Graph:
    """Return the steps that the settings' engine takes; on Spark natively, where it may take them either way."""
    if settings.mode == "athena":
        return athena_graph(settings.output)
    if settings.engine == "arrow" or (settings.engine == "auto" and settings.mode == "local"):
        return arrow_graph(job(settings), settings.output)
    if find_spec("pyspark") is None:
        hint = "pip install 'obs2seq[spark35]', or set engine: arrow"
        raise ConfigurationError("engine", "expected Spark to be installed, found no module 'pyspark'", hint)
    from obs2seq.flow.dataflow import flow_graph

    told = job(settings)
    native = flow_graph(told, settings.output)
    if settings.execution != "arrow" and not (settings.output == "sequences" and told.spec.keeps_together):
        return native
    from obs2seq.warehouses.spark_arrow.reading import left_to_spark

    format_ = "parquet" if settings.input_format == "auto" else settings.input_format
    if left_to_spark(told, format_) is None:
        return arrow_graph(told, settings.output)
    return task_graph(told, settings.output, native.path_to("observations"))


def drawn(settings: Settings, to: str | None) -> tuple[Graph, list[str]]:
    """Return the steps to draw, and the output's columns: all, or the path to one step or column alone.

    Raises:
        ConfigurationError: There is no step and no column of that name.
    """
    whole = graph(settings)
    columns = [column.name for column in output_columns(job(settings), settings.output)]
    if to is None:
        return whole, columns
    if to in columns:
        return whole.path_to_column(to), [to]
    if to not in whole.steps:
        hint = _meant(to, [*whole.steps], columns)
        raise ConfigurationError("option --to", f"expected a step or a column, found '{to}'", hint)
    return whole.path_to(to), []


def _meant(to: str, steps: list[str], columns: list[str]) -> str:
    """Name the columns that hold what was asked for, beside what is nearest to it."""
    near = closest(to, [*steps, *columns])
    holding = [column for column in columns if to.lower() in column.lower()]
    names = dict.fromkeys((*([near] if near else []), *holding))
    return f"did you mean {' or '.join(map(repr, names))}" if names else nearest(to, [*steps, *columns])


def listed(settings: Settings) -> list[Entry]:
    """Return every step, and every column of the output."""
    return catalogue(graph(settings), job(settings), settings.output)


def changed(first: str, second: str) -> tuple[Manifest, Manifest, Changes]:
    """Return the manifests of two published datasets, or runs, and what changed from one to the other.

    Raises:
        DataNotFoundError: Nothing is published at one of the locations.
        StorageError: What is published cannot be read.
    """
    runs = [_manifest(location) for location in (first, second)]
    return runs[0], runs[1], changes(runs[0], runs[1])


def _manifest(location: str) -> Manifest:
    """Return the manifest of a run's folder, or of a dataset's current run."""
    where = join(location, MANIFEST)
    stored = RoutedStorage().read_text(where)
    if stored is not None:
        return Manifest.from_text(stored.text, where)
    from obs2seq.bootstrap import published

    return published(location, 0)[0]
