"""What the tests of the flow put in, and an exact form of what comes out."""

import random
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq import SequenceSpec

Row = dict[str, Any]

NAN, NEGATIVE_ZERO = float("nan"), -0.0
DRAWN = "id bigint, pupilid bigint, t timestamp, place double, score double, ratio float, word string, right boolean"
FEATURES = {"id": -1, "score": 0.0, "ratio": -1.5, "word": "", "right": False, "place": NAN, "pupilid": -1}
"""The columns that a drawn specification can name as features, with their pads."""

_WORDS = (None, "", "a", "B", "é", "\ufffd", "\U0001f600", "\U0001d538b")
_NUMBERS = (None, NAN, NEGATIVE_ZERO, 0.0, 1.5, -2.25, float("inf"), float("-inf"))
_SECONDS = (0, 0, 30, 59, 60, 61, 3_600)


def feature(column: str, pad: object = 0, **changes: object) -> Row:
    """Return a feature in JSON form, named for its column."""
    return {"name": column, "column": column, "pad": pad, **changes}


def specification(**changes: object) -> SequenceSpec:
    """Return a small specification over `t` and `v`, with changes."""
    smallest = {"order_by": ["t"], "sequence_length": 3, "features": [feature("v")]}
    return SequenceSpec.model_validate(smallest | changes)


def by_pupil(sequences: DataFrame, pupil: str = "pupilid") -> list[Row]:
    """Run the job; return its rows by pupil, nulls first, and index."""
    return sorted_rows((row.asDict() for row in sequences.collect()), pupil)


def sorted_rows(rows: Iterable[Row], pupil: str = "pupilid") -> list[Row]:
    """Return rows by pupil, nulls first, and index."""
    return sorted(rows, key=lambda row: (row[pupil] is not None, row[pupil] or 0, row["sequence_index"]))


def exact(value: object) -> object:
    """Return a form that tells -0.0 from 0.0, and in which NaN equals itself."""
    match value:
        case float():
            return struct.pack("<d", value)
        case dict():
            return {key: exact(item) for key, item in value.items()}
        case list() | tuple():
            return [exact(item) for item in value]
        case _:
            return value


def drawn(max_examples: int) -> settings:
    """Return settings for tests whose every example costs Spark jobs; a failing one is shown as it is."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


def drawn_observations(seed: int) -> list[Row]:
    """Return observations of a few pupils, one of them null, with ties, nulls, NaN, both zeros and odd texts."""
    draw = random.Random(seed)
    rows: list[Row] = []
    for pupil in (None, 1, 2, 3, -(2**40), 2**40):
        second = draw.randrange(10**9)
        for _ in range(draw.choice((0, 1, 2, 5, 11, 26))):
            second += draw.choice(_SECONDS)
            rows.append(_observation(draw, pupil, second, len(rows)))
    draw.shuffle(rows)
    return rows


def frame_of(spark: SparkSession, rows: Sequence[Row]) -> DataFrame:
    """Return drawn observations as a frame, `t` in whole seconds as a timestamp."""
    names = [part.split()[0] for part in DRAWN.split(", ")]
    values = [tuple(row[name] for name in names) for row in rows]
    frame = spark.createDataFrame(values, DRAWN.replace("t timestamp", "t bigint"))
    return frame.selectExpr(*("timestamp_seconds(t) t" if name == "t" else name for name in names))


def typed(spark: SparkSession, types: dict[str, str], rows: Sequence[tuple[str | None, ...]]) -> DataFrame:
    """Return a frame from texts, cast to each column's type."""
    written = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in types))
    return written.select(*(F.col(name).cast(type_).alias(name) for name, type_ in types.items()))


@st.composite
def specifications(draw: st.DrawFn, *, counting: bool = False) -> Row:
    """Draw a specification over drawn observations, in JSON form; when counting, all windows and ids are kept."""
    length = draw(st.integers(1, 9))
    names = draw(st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=4, unique=True))
    shifts = st.sampled_from((0, 0, 1, -1, 2, -4, 30))
    features = [feature(name, FEATURES[name], shift=draw(shifts)) for name in names]
    spec: Row = {
        "order_by": draw(st.sampled_from((["t"], ["t", "place"], ["t", "word"], ["t", "pupilid", "score", "id"]))),
        "sequence_length": length,
        "stride": draw(st.sampled_from((None, 1, length, (length + 1) // 2, max(1, length - 1)))),
        "align": draw(st.sampled_from(("start", "end"))),
        "pad_side": draw(st.sampled_from(("start", "end"))),
        "features": features,
    }
    gap = draw(st.sampled_from((None, 0.0, 30.5, 60.0)))
    spec |= {} if gap is None else {"session_gap_seconds": gap}
    if counting:
        return spec | {"features": [feature("id", -1)]}
    spec["min_length"] = draw(st.integers(1, length))
    most = draw(st.sampled_from((None, 1, 2, 5)))
    return spec if most is None else spec | {"max_sequences_per_pupil": most}


def _observation(draw: random.Random, pupil: int | None, second: int, number: int) -> Row:
    return {
        "id": number,
        "pupilid": pupil,
        "t": None if draw.random() < 0.1 else second,
        "place": draw.choice(_NUMBERS),
        "score": draw.choice(_NUMBERS),
        "ratio": draw.choice(_NUMBERS),
        "word": draw.choice(_WORDS),
        "right": draw.choice((None, True, False)),
    }
