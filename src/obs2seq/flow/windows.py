"""From positioned observations to windows: the arithmetic of stride and alignment.

Counted from the end that `align` names, window i covers places i·S … i·S + L − 1, whichever end that is: `align = end`
is `align = start` on places that run backwards. A block is S consecutive places: chunks are blocks, and an overlapping
window is the first L places of a few blocks in a row. So no row ever holds more than a window and a stride.
"""

from hamilton.function_modifiers import config
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from obs2seq.domain.spec import N_OBSERVATIONS, SequenceSpec
from obs2seq.flow.arithmetic import kept_windows_of_session, place_of
from obs2seq.flow.checks import ANY, ARRAY, WHOLE, promises
from obs2seq.flow.collecting import collected_blocks, joined_blocks

WINDOWS = {"pupil": ANY, "observations": ARRAY} | dict.fromkeys(
    ("session", "block", "length", "before", "total", N_OBSERVATIONS), WHOLE
)
"""What a window is to whoever describes it."""


@config.when(sessions=False, cut="nothing")
def placed_observations__whole(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and `before` and `total`: the kept sequences of its pupil, before and in all."""
    return positioned_observations.withColumns(
        {"place": place_of(spec), "before": F.lit(0), "total": kept_windows_of_session(spec)}
    )


@config.when(sessions=True, cut="nothing")
def placed_observations__sessions(positioned_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Add each observation's place, and the kept sequences of its pupil: `before` its session, and in `total`."""
    pupil = Window.partitionBy("pupil").orderBy("session", "position")
    so_far = pupil.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    whole = pupil.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    kept = kept_windows_of_session(spec)
    once = F.when(F.col("position") == 0, kept).otherwise(0)
    return positioned_observations.withColumns(
        {"place": place_of(spec), "before": F.sum(once).over(so_far) - kept, "total": F.sum(once).over(whole)}
    )


@config.when(cut="nothing")
def blocks__whole(measured_observations: DataFrame, spec: SequenceSpec, together: list[str]) -> DataFrame:
    """Collect each stride's observations, ordered by place, without a shuffle; see `collected_blocks`."""
    of_context = (F.first(name).alias(name) for name in ("context", "past") if name in measured_observations.columns)
    return collected_blocks(measured_observations, spec, together, *of_context)


@promises(WINDOWS, others=(r"n_following|following|part|is_own|context|past", ANY))
@config.when(window_kind="chunked")
def joined_windows__chunked(blocks: DataFrame) -> DataFrame:
    """Take every block as a window; count its observations."""
    return blocks.withColumn(N_OBSERVATIONS, F.size("observations"))


@promises(WINDOWS, others=(r"n_following|following|part|is_own|context|past", ANY))
@config.when(window_kind="overlapping")
def joined_windows__overlapping(blocks: DataFrame, spec: SequenceSpec, together: list[str]) -> DataFrame:
    """Join each block with those after it, up to the window's length; see `joined_blocks`."""
    return joined_blocks(blocks, spec, together)


@config.when(cut="nothing")
def windows__whole(joined_windows: DataFrame) -> DataFrame:
    """Take every window, since a task holds whole histories."""
    return joined_windows
