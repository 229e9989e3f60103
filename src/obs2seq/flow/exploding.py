"""Observations as elements: each becomes the members of one of its columns, and these count as positions from there on.

All that looks at rows comes first, on whole observations: rules, duplicates, the order, sessions, what is derived. An
element's position is the number of elements before its observation, a sum that runs along the order that numbering has
made, and its place within. So elements cost no shuffle, and no sort but where something looks along them: sessions,
shifts, context, and what is derived from the elements themselves.
"""

from hamilton.function_modifiers import config, tag
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.derived import features_of_elements, features_of_observations
from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow.arithmetic import keys, needs_length
from obs2seq.flow.checks import ANY, ARRAY, WHOLE, promises
from obs2seq.flow.columns import type_of
from obs2seq.flow.derived import source_keys, with_derived
from obs2seq.flow.elements import elements_of
from obs2seq.flow.histories import POSITIONED, VALUES
from obs2seq.flow.tallies import Tally

EXPANDED = "expanded"
_OBSERVATIONS = {"pupil": ANY, "session": WHOLE, "position": WHOLE, "elements": ARRAY}
_OTHERS = (r"(key|derived)_\d+|place(_in_history)?|is_start", ANY)


@promises(_OBSERVATIONS, others=_OTHERS)
@config.when(exploded=True)
def parted_observations(numbered_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add `elements`, the members of the exploded column: at least one, which is null where there is none."""
    key = keys(spec)[str(spec.explode)]
    elements = elements_of(F.col(key), type_of(numbered_observations, key), spec.explode_delimiter)
    return numbered_observations.withColumn("elements", elements)


@config.when(exploded=True, counted=False)
def expanded_observations__uncounted(parted_observations: DataFrame) -> DataFrame:
    """Take the observations as they are."""
    return parted_observations


@config.when(exploded=True, counted=True)
def expanded_observations__counted(parted_observations: DataFrame, is_no_context: Column, tally: Tally) -> DataFrame:
    """Count the elements beyond the first of each observation that is the subset's own."""
    further = F.when(is_no_context, F.size("elements") - 1).otherwise(0)
    return tally.counting(parted_observations, "elements", {EXPANDED: further})


@config.when(exploded=True, sessions=False)
def sized_observations__whole(expanded_observations: DataFrame, history: WindowSpec, spec: SequenceSpec) -> DataFrame:
    """Add `before` and `first`, the elements before each observation, and `length`, all of its history's."""
    whole = history.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    length = F.sum(F.size("elements")).over(whole) if needs_length(spec) else F.lit(None)
    before = _elements_before(history)
    return expanded_observations.withColumns({"before": before, "first": before, "length": length.cast("int")})


@config.when(exploded=True, sessions=True)
def sized_observations__sessions(expanded_observations: DataFrame, history: WindowSpec) -> DataFrame:
    """Add the elements before each observation: `before` in its history, `first` in its session."""
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    sized = expanded_observations.withColumn("before", _elements_before(history))
    start = F.max(F.when(F.col("position") == 0, F.col("before"))).over(so_far)
    return sized.withColumn("first", F.col("before") - start)


@config.when(exploded=True)
def described_observations(sized_observations: DataFrame, history: WindowSpec, spec: SequenceSpec) -> DataFrame:
    """Add what is derived from whole observations, as `derived_0` …; all elements of one have it."""
    return with_derived(sized_observations, list(features_of_observations(spec).values()), history, spec)


@tag(unit="elements")
@promises(
    {"pupil": ANY} | dict.fromkeys(("session", "position", "group", "index", "before"), WHOLE),
    others=(rf"length|{_OTHERS[0]}", ANY),
)
@config.when(exploded=True)
def exploded_observations(described_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Make each element a row, in the place of its observation: no shuffle, no sort.

    Columns added: `index`, the element's place in its observation, and `group`, the observation's in its session;
    `position` is the element's own from here on, and the exploded column holds the element.
    """
    key = keys(spec)[str(spec.explode)]
    shared = [name for name in described_observations.columns if name not in (key, "elements")]
    elements = described_observations.select(*shared, F.posexplode("elements").alias("index", key))
    position = (F.col("first") + F.col("index")).cast("int")
    return elements.withColumns({"group": F.col("position"), "position": position}).drop("first")


@config.when(exploded=True, element_ids=False)
def encoded_elements__as_they_are(exploded_observations: DataFrame) -> DataFrame:
    """Take the elements as they are."""
    return exploded_observations


@config.when(exploded=True)
def derived_observations__elements(encoded_elements: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add what is derived from elements. Costs a sort for each column that tells what is the same, no shuffle."""
    features = features_of_elements(spec)
    numbers = {"group": F.col("group"), "is_repeat": (F.col("index") > 0).cast("int")}
    found = {name: numbers[each.derive] for name, each in features.items() if each.derive in numbers}
    numbered = encoded_elements.withColumns({source_keys(spec)[name]: number for name, number in found.items()})
    others = [each for name, each in features.items() if name not in found]
    in_order = Window.partitionBy("pupil").orderBy("before", "index")
    place = F.col("before") + F.col("index")
    return with_derived(numbered, others, in_order, spec, place)


@config.when(exploded=True, sessions=False)
def session_order__elements() -> WindowSpec:
    """The elements of one history, in order. Costs a second sort where something looks along it, no shuffle."""
    return Window.partitionBy("pupil").orderBy("position")


@tag(unit="elements")
@promises(POSITIONED, others=VALUES)
@config.when(lengths="summed")
def positioned_observations__summed(
    derived_observations: DataFrame, feature_values: list[Column], context_columns: list[Column]
) -> DataFrame:
    """Put the values beside each element's place; the length of its history is known."""
    return derived_observations.select("pupil", "session", "position", "length", *context_columns, *feature_values)


def _elements_before(history: WindowSpec) -> Column:
    earlier = history.rowsBetween(Window.unboundedPreceding, -1)
    return F.coalesce(F.sum(F.size("elements")).over(earlier), F.lit(0))
