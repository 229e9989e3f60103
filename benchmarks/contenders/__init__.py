"""The ways to make sequences that are compared, one module each.

Every module has `sequences(data, out)`: reads the Parquet files in the folder `data`, writes into the new folder `out`.
Nothing is imported here, so that a process holds what its own contender needs, and no more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Contender:
    """A way to make sequences, and what to know of it before it runs."""

    name: str
    """Of its module, unless that is told."""
    title: str
    makes: Literal["sequences", "observations", "text"] = "sequences"
    """The contract's columns; the observations in order, one row each; or text in columns of its own."""
    is_spark: bool = False
    most: int | None = None
    """Above so many observations it is left out."""
    least: int = 0
    """Below so many, too."""
    module: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """What its module's function is given beside data and out."""
    takes: str = "all"
    """Which observations: the outputs of those who take the same are compared."""
    often: int = 1
    """So many times it runs in each turn: what is short is told the less exactly by one."""

    def sequences(self) -> Callable[[Path, Path], None]:
        """Import the contender's library and return what does the work."""
        made: Callable[..., None] = import_module(f"{__name__}.{self.module or self.name}").sequences
        return partial(made, **self.settings)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("polars_lazy", "polars, lazy, sink_parquet"),
        Contender("duckdb_list", "DuckDB, list(… ORDER BY)"),
        Contender("obs2seq_arrow", "obs2seq, engine: arrow"),
        Contender("obs2seq_arrow_1g", "obs2seq, engine: arrow, memory_budget: 1g", least=30_000_000),
        Contender("obs2seq_table", "obs2seq.sequence_table between pyarrow's reader and writer"),
        Contender("spark_floor", "Spark's floor: scan, shuffle, sort, flat write", makes="observations", is_spark=True),
        Contender("obs2seq_spark", "obs2seq on Spark, the whole job", is_spark=True),
        Contender("obs2seq_spread", "obs2seq on Spark, pupils above a million spread over tasks", is_spark=True),
        Contender("obs2seq_spark_arrow", "obs2seq on Spark, the whole job, execution: arrow", is_spark=True),
        Contender("obs2seq_flow", "obs2seq.sequence_observations between Spark's reader and writer", is_spark=True),
        Contender("spark_naive", "Spark as people write it: row_number, collect_list, transform", is_spark=True),
        Contender("pandas_loop", "pandas, a loop over pupils", most=1_000_000),
        Contender("pykt_text", "pyKT's way: text files, a loop over pupils", makes="text", most=1_000_000),
    )
}
"""By name, in the order in which they take turns."""
