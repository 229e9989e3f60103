"""The settings' quality rules: each row judged by all of them in the job's own pass, and the quarantined rows apart."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain import rule_sets
from obs2seq.domain.predicates import kept_where
from obs2seq.domain.quality import BROKEN_RULES, Predicate, PupilRule, RowRule, Unique
from obs2seq.domain.rules import CONTEXT, OTHER_SUBSET
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.flow.columns import named, require_scalars, zeros_in_order
from obs2seq.flow.selection import Selection, condition
from obs2seq.flow.tallies import Tally, where
from obs2seq.flow.verdicts import has_context, input_counts, stays, verdict_name, verdict_of

Rules = Sequence[RowRule | PupilRule]


@config.when_not(rules="none")
def broken_rules(mapped_observations: DataFrame, selection: Selection) -> dict[str, Column]:
    """Return when a row breaks each of the rules that look at it alone, by the rule's name: else it is false or null.

    Raises:
        ConfigurationError: A rule names what is not there, or a predicate is no condition.
    """
    types = {field.name: field.dataType.simpleString() for field in mapped_observations.schema}
    found = {}
    for rule in rule_sets.row_rules(selection.rules):
        kept = kept_where(rule, types, selection.references)
        is_free = isinstance(rule, Predicate)
        column = condition(mapped_observations, rule.setting, kept.text) if is_free else F.expr(kept.text)
        # A bare condition, where null keeps the rule, so that a filter on it can reach the files.
        found[rule.name] = ~column if kept.if_null else ~F.coalesce(column, F.lit(False))
    return found


@config.when_not(rules="none")
def judged_observations__rules(
    assigned_observations: DataFrame,
    row_rules: dict[str, Column],
    broken_rules: dict[str, Column],
    read_columns: list[str],
    selection: Selection,
) -> DataFrame:
    """Select what is read further on; beside it a flag for each rule that the row breaks; last what leaves it out.

    Rules of the settings are tried on rows that no built-in rule leaves out.
    """
    columns = _with_keys(assigned_observations, read_columns, selection.rules)
    judged = assigned_observations.withColumn(verdict_name(columns), verdict_of(row_rules))
    return _flagged(judged, columns, rule_sets.row_rules(selection.rules), broken_rules, row_rules)


@config.when_not(rules="none")
def counted_observations(
    judged_observations: DataFrame, row_rules: dict[str, Column], selection: Selection, tally: Tally
) -> DataFrame:
    """Count the rows in, those that each rule leaves out, and those that break a rule which leaves none out."""
    counts = input_counts(judged_observations.columns[-1], row_rules)
    counts |= _counts(judged_observations, rule_sets.row_rules(selection.rules))
    return tally.counting(judged_observations, "input", counts)


@config.when_not(rules="none")
def row_checked_observations(
    counted_observations: DataFrame, broken_rules: dict[str, Column], row_rules: dict[str, Column]
) -> DataFrame:
    """Take the rows that no rule leaves out, without what is said of them."""
    return _kept(counted_observations, len(broken_rules), row_rules)


@config.when(rules="rows")
def observations__rows(row_checked_observations: DataFrame) -> DataFrame:
    """Take what the rules over single rows leave."""
    return row_checked_observations


@config.when(rules="pupils")
def pupil_judged_observations(
    row_checked_observations: DataFrame, spec: SequenceSpec, selection: Selection, row_rules: dict[str, Column]
) -> DataFrame:
    """Judge each row beside the others of its pupil. Costs the shuffle that a history needs; a sort for each `unique`.

    The order within a pupil is the history's own, so that `max_per_pupil` needs no sort beside it. Context counts as
    part of the history.
    """
    rules = rule_sets.pupil_rules(selection.rules)
    columns = row_checked_observations.columns
    together = row_checked_observations.repartition(named(spec.pupil))
    order = _total_order(together, spec, rules)
    context = {name: is_so for name, is_so in row_rules.items() if name == CONTEXT}
    judged = together.withColumn(verdict_name(columns), verdict_of(context))
    broken = {rule.name: _is_broken(rule, spec, order) for rule in rules}
    return _flagged(judged, columns, rules, broken, row_rules)


@config.when(rules="pupils")
def observations__pupils(
    pupil_judged_observations: DataFrame,
    read_columns: list[str],
    selection: Selection,
    row_rules: dict[str, Column],
    tally: Tally,
) -> DataFrame:
    """Count what breaks a rule over pupils; take what those rules leave."""
    rules = rule_sets.pupil_rules(selection.rules)
    counted = tally.counting(pupil_judged_observations, "pupils", _counts(pupil_judged_observations, rules))
    return _kept(counted, len(rules), row_rules).select(*map(named, read_columns))


@config.when_not(rules="none")
def quarantined_rows(
    judged_observations: DataFrame, quarantining_rules: Sequence[str], selection: Selection
) -> DataFrame:
    """Take the rows that a rule over single rows quarantines, with the names of all such rules that they break.

    Only rows that break one of the rules which are known to quarantine some are looked at further; where a rule is
    simple, Parquet files pass over row groups without such rows.
    """
    rules = rule_sets.row_rules(selection.rules)
    flags, verdict = _flags(judged_observations, rules), named(judged_observations.columns[-1])
    is_suspect = reduce(or_, [flags[name] for name in quarantining_rules])
    return _with_names(judged_observations.where(is_suspect & verdict.isin(*quarantining_rules)), rules)


@config.when(rules="pupils")
def quarantined_rows_of_pupils(pupil_judged_observations: DataFrame, selection: Selection) -> DataFrame:
    """Take the rows that a rule over pupils quarantines, with the names of all such rules that they break."""
    rules = rule_sets.pupil_rules(selection.rules)
    verdict = named(pupil_judged_observations.columns[-1])
    is_aside = verdict.isin(*rule_sets.with_severity(rules, "quarantine"))
    return _with_names(pupil_judged_observations.where(is_aside), rules)


def _with_keys(frame: DataFrame, names: Sequence[str], rules: Rules) -> list[str]:
    """Return the names, and those of the columns that have to be unique."""
    keys = [name for rule in rules if isinstance(rule, Unique) for name in rule.columns]
    require_scalars(frame, tuple(keys))
    known = {name.lower() for name in names}
    return [*names, *dict.fromkeys(name.lower() for name in keys if name.lower() not in known)]


def _flagged(
    frame: DataFrame,
    columns: Sequence[str],
    rules: Rules,
    broken: Mapping[str, Column],
    row_rules: Mapping[str, Column],
) -> DataFrame:
    """Select columns, a flag for each rule, and the verdict: what has left the row out before, or the first rule to.

    Context that breaks a rule is left out as what it is, another subset's, which counts it and keeps it.
    """
    verdict, longest = verdict_name(columns), max(columns, key=len)
    names = {rule.name: f"{longest} breaks {i}" for i, rule in enumerate(rules)}
    flagged = frame.withColumns({names[name]: is_so for name, is_so in broken.items()})
    aside = {name: named(names[name]) for name in rule_sets.with_severity(rules, "quarantine")}
    found = F.coalesce(named(verdict), *(F.when(is_so, F.lit(name)) for name, is_so in aside.items()))
    if has_context(row_rules) and aside:
        is_left_out = named(verdict).eqNullSafe(CONTEXT) & reduce(or_, aside.values())
        found = F.when(is_left_out, F.lit(OTHER_SUBSET)).otherwise(found)
    flags = [(named(verdict).isNull() & named(name)).alias(name) for name in names.values()]
    return flagged.select(*map(named, columns), *flags, found.alias(verdict))


def _flags(judged: DataFrame, rules: Rules) -> dict[str, Column]:
    first = len(judged.columns) - 1 - len(rules)
    return {rule.name: named(judged.columns[first + i]) for i, rule in enumerate(rules)}


def _counts(judged: DataFrame, rules: Rules) -> dict[str, Column]:
    """Count, for a rule that quarantines, rows once; for one that warns those that stay; for one that fails, all."""
    verdict, flags = named(judged.columns[-1]), _flags(judged, rules)
    counted = {
        rule.name: flags[rule.name] & verdict.isNull() if rule.severity == "warn" else flags[rule.name]
        for rule in rules
    }
    counted |= {name: verdict == name for name in rule_sets.with_severity(rules, "quarantine")}
    return {name: where(condition_) for name, condition_ in counted.items()}


def _kept(judged: DataFrame, n_flags: int, row_rules: Mapping[str, Column]) -> DataFrame:
    """Take the rows that stay, and their columns."""
    columns = judged.columns[: -1 - n_flags]
    return judged.where(stays(judged.columns[-1], row_rules)).select(*map(named, columns))


def _with_names(judged: DataFrame, rules: Rules) -> DataFrame:
    """Put one list in the place of the flags."""
    names = [F.when(flag, F.lit(name)) for name, flag in _flags(judged, rules).items()]
    columns = judged.columns[: -1 - len(rules)]
    return judged.select(*map(named, columns), F.array_compact(F.array(*names)).alias(BROKEN_RULES))


def _total_order(frame: DataFrame, spec: SequenceSpec, rules: Rules) -> list[Column]:
    """The history's order, and, where it leaves rows tied, that of the columns which have to be unique."""
    columns = observed_columns(spec)
    further = sorted(_with_keys(frame, columns, rules)[len(columns) :])
    ordering = [*(name for name in columns if name != spec.pupil), *further]
    zeros = [zero for name in (spec.pupil, *ordering) for zero in zeros_in_order(frame, name, named(name))]
    return [named(name).asc_nulls_first() for name in ordering or [spec.pupil]] + zeros


def _is_broken(rule: PupilRule, spec: SequenceSpec, order: list[Column]) -> Column:
    if not isinstance(rule, Unique):
        return F.count(F.lit(1)).over(_whole(Window.partitionBy(named(spec.pupil)).orderBy(*order))) > rule.most
    alike = Window.partitionBy(*map(named, rule.columns)).orderBy(*order)
    is_repeated = F.row_number().over(alike) > 1
    for name in rule.columns:
        is_repeated &= named(name).isNotNull()
    return is_repeated


def _whole(window: WindowSpec) -> WindowSpec:
    return window.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
