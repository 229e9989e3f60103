"""Where a session ends, for every type that a time can have: above the gap, not at it."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from obs2seq import sequence_observations
from tests.flow_inputs import by_pupil, feature, specification, typed

LEAST, MOST = str(-(2**63)), str(2**63 - 1)
NINES = "9" * 38

# Type, gap in seconds, times in order, and the session of each.
GAPS = [
    ("timestamp", 1800, ("2026-01-01 00:00:00", "2026-01-01 00:30:00", "2026-01-01 01:00:00.000001"), (0, 0, 1)),
    ("timestamp", 0.5, ("2026-01-01 00:00:00", "2026-01-01 00:00:00.5", "2026-01-01 00:00:01.000001"), (0, 0, 1)),
    ("timestamp", 1e300, ("-290307-01-01 00:00:00", "+294246-12-31 00:00:00"), (0, 0)),
    ("timestamp", 1800, ("-290307-01-01 00:00:00", "+294246-12-31 00:00:00"), (0, 1)),
    ("timestamp_ntz", 1800, ("2026-01-01 00:00:00", "2026-01-01 00:30:00", "2026-01-01 01:00:00.000001"), (0, 0, 1)),
    ("timestamp_ntz", 0.5, ("2026-01-01 00:00:00", "2026-01-01 00:00:00.5", "2026-01-01 00:00:01.000001"), (0, 0, 1)),
    ("timestamp_ntz", 1.5e-6, ("1970-01-01 00:00:00", "1970-01-01 00:00:00.000001"), (0, 0)),
    ("timestamp_ntz", 1.5e-6, ("1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000001"), (0, 1)),
    ("timestamp_ntz", 7.5e7, ("2020-01-01 00:00:00", "2022-05-18 01:20:00", "2024-10-02 02:40:00.000001"), (0, 0, 1)),
    ("timestamp_ntz", 1800, ("-290307-01-01 00:00:00", "+294246-12-31 00:00:00"), (0, 1)),
    ("timestamp_ntz", 1e300, ("0001-01-01 00:00:00", "9999-12-31 00:00:00"), (0, 0)),
    ("date", 86_400, ("2026-03-28", "2026-03-29", "2026-03-31"), (0, 0, 1)),
    ("date", 86_399.5, ("2026-03-28", "2026-03-28", "2026-03-29"), (0, 0, 1)),
    ("tinyint", 254, ("-128", "-128", "127"), (0, 0, 1)),
    ("tinyint", 255, ("-128", "127"), (0, 0)),
    ("smallint", 1e6, ("-32768", "32767"), (0, 0)),
    ("int", 10.5, ("0", "10", "21"), (0, 0, 1)),
    ("int", 2**32 - 1, ("-2147483648", "2147483647"), (0, 0)),
    ("bigint", 2**53, ("0", str(2**53), str(2**54 + 1)), (0, 0, 1)),
    ("bigint", 0, (LEAST, LEAST, MOST), (0, 0, 1)),
    ("bigint", 1e300, (LEAST, MOST), (0, 0)),
    ("double", 0.5, ("0.0", "0.5", "1.0000000000000002"), (0, 0, 1)),
    ("double", 5, ("-Infinity", "-Infinity", "0.0", "Infinity", "Infinity", "NaN", "NaN"), (0, 0, 1, 2, 2, 2, 2)),
    ("float", 16777215.9, ("0.125", "16777216.0"), (0, 0)),
    ("decimal(10,3)", 0.1, ("0.000", "0.100", "0.200", "0.301"), (0, 0, 0, 1)),
    ("decimal(10,3)", 1e300, ("-9999999.999", "9999999.999"), (0, 0)),
    ("decimal(38,18)", 0.5, ("0", "0.5", "1.00000000000000001"), (0, 0, 1)),
    ("decimal(38,0)", 1e30, ("-" + NINES, NINES), (0, 1)),
    ("decimal(38,37)", 1, ("-9.5", "-8.5", "9.5"), (0, 0, 1)),
    ("timestamp", 0, (None, None, "2026-01-01 00:00:00", "2026-01-01 00:00:00.000001"), (0, 0, 0, 1)),
    ("timestamp_ntz", 0, (None, "2026-01-01 00:00:00", "2026-01-01 00:00:00.000001"), (0, 0, 1)),
    ("int", 0, (None, "1", "1", "2"), (0, 0, 0, 1)),
    ("decimal(5,1)", 0, (None, "1", "1", "1.1"), (0, 0, 0, 1)),
    ("double", 0, (None, None, "1", "2"), (0, 0, 0, 1)),
]


@pytest.fixture
def in_berlin(spark: SparkSession) -> Iterator[None]:
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    yield
    spark.conf.set("spark.sql.session.timeZone", "UTC")


@pytest.mark.parametrize(("type_", "gap", "times", "sessions"), GAPS)
def test_session_ends_above_the_gap(
    spark: SparkSession, type_: str, gap: float, times: tuple[str | None, ...], sessions: tuple[int, ...]
) -> None:
    rows = [("1", time, str(place)) for place, time in enumerate(times)]
    observations = typed(spark, {"pupilid": "int", "t": type_, "v": "int"}, rows[::-1])
    spec = specification(sequence_length=9, session_gap_seconds=gap, features=[feature("v", -1)])

    found = by_pupil(sequence_observations(observations, spec))

    session_of = {v: row["session_index"] for row in found for v in row["v_sequence"] if v >= 0}
    assert tuple(session_of[place] for place in range(len(times))) == sessions


@pytest.mark.usefixtures("in_berlin")
def test_time_zone_of_the_session_changes_nothing(spark: SparkSession) -> None:
    """On 29 March 2026 clocks in Berlin leave out the hour from 02:00 to 03:00; in UTC, and without a zone, none do."""
    times = ["2026-03-29 01:30:00", "2026-03-29 02:30:00", "2026-03-29 03:30:00.000001"]
    written = spark.createDataFrame([(time,) for time in times[::-1]], "text string")
    observations = written.selectExpr(
        "1 pupilid", "cast(text as timestamp_ntz) t", "timestamp(concat(text, 'Z')) u", "date(text) d"
    )
    features = [feature("t", times[1]), feature("u", times[1]), feature("d", "1890-01-01")]
    changes = {"session_gap_seconds": 3600, "sequence_length": 2, "features": features}
    shown = [
        "session_index",
        "cast(t_sequence as array<string>) t",
        "transform(u_sequence, x -> unix_micros(x)) u",
        "cast(d_sequence as array<string>) d",
    ]

    for time in ("t", "u"):
        sequences = sequence_observations(observations, specification(order_by=[time], **changes))

        found = sorted(tuple(row) for row in sequences.selectExpr(*shown).collect())
        assert found == [
            (0, times[:2], [1774747800000000, 1774751400000000], ["2026-03-29"] * 2),
            (1, [times[2], times[1]], [1774755000000001, 1774751400000000], ["2026-03-29", "1890-01-01"]),
        ]
