"""Whether the expressions in the settings give a row the same values, whenever and wherever they are computed."""

from py4j.java_gateway import JavaObject
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.quality import Predicate
from obs2seq.errors import ConfigurationError
from obs2seq.flow.selection import Selection, mapped_observations

_OUTSIDE_THE_ROW = {
    "CurrentCatalog",
    "CurrentDatabase",
    "CurrentDate",
    "CurrentTime",
    "CurrentTimestamp",
    "CurrentTimeZone",
    "CurrentUser",
    "LocalTimestamp",
    "Now",
    "SparkVersion",
}
"""Spark's names of what depends on the clock or on who runs the job."""


def require_repeatable(raw_observations: DataFrame, selection: Selection) -> None:
    """Raise `ConfigurationError` for the first expression that rests on more than its row.

    Chance, the clock, other rows and other tables are no part of a run's fingerprint: with them, the same run would not
    be the same data.
    """
    for name, text in selection.columns.items():
        _require(raw_observations, f"columns.{name}", text)
    conditions = {rule.setting: rule.predicate for rule in selection.rules if isinstance(rule, Predicate)}
    if selection.row_filter is not None:
        conditions["row_filter"] = selection.row_filter
    mapped = mapped_observations(raw_observations, selection) if conditions else raw_observations
    for setting, text in conditions.items():
        _require(mapped, setting, text)


def _require(frame: DataFrame, setting: str, text: str) -> None:
    if text in frame.columns:
        return
    try:
        plan = frame.where(F.expr(text).isNull())._jdf.queryExecution().analyzed()
    except (AnalysisException, ParseException) as error:
        # Spark takes no window and no aggregate under WHERE; whatever else is wrong, the flow says.
        found = "one over several rows" if "window function" in str(error) else None
    else:
        found = _outside_the_row(plan)
    if found:
        hint = "take what follows from the row's own columns, and nothing else"
        raise ConfigurationError(setting, f"expected an expression over one row, found {found}", hint)


def _outside_the_row(plan: JavaObject) -> str | None:
    if not plan.deterministic():
        return "one that depends on chance, or on how the input lies in files"
    if plan.subqueries().size():
        return "a query of its own"
    while plan.nodeName() != "Filter":
        plan = plan.children().apply(0)
    leaves = plan.condition().collectLeaves()
    names = {str(leaves.apply(i).nodeName()) for i in range(leaves.size())}
    return "the clock, or who runs the job" if names & _OUTSIDE_THE_ROW else None
