"""Every type and every name that a column can have."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from obs2seq import sequence_observations
from obs2seq.errors import DataError, SpecificationError
from obs2seq.flow.dataflow import select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from tests.flow_inputs import by_pupil, feature, specification, typed

# Type, two values in ascending order and a pad, as Spark writes them, and the pad in JSON.
TYPES = {
    "tinyint": ("-128", "127", "-1", -1),
    "smallint": ("-32768", "32767", "-2", -2.0),
    "int": ("-2147483648", "2147483647", "2147483646", 2**31 - 2),
    "bigint": ("-9223372036854775808", "9223372036854775807", "9223372036854775806", 2**63 - 2),
    "float": ("-0.1", "1.6777216E7", "0.5", 0.5),
    "double": ("-0.1", "1.0E300", "0.30000000000000004", 0.30000000000000004),
    "decimal(10,2)": ("-0.01", "99999999.99", "-1.50", -1.5),
    "decimal(38,18)": ("-1.000000000000000001", "1.000000000000000001", "2.000000000000000001", "2.000000000000000001"),
    "decimal(38,0)": ("-" + "9" * 38, "9" * 38, "9" * 37 + "8", int("9" * 37 + "8")),
    "boolean": ("false", "true", "true", True),
    "string": ("", "\U0001f600 a'b\"c\\d`", "<pad> ß\U0001d538", "<pad> ß\U0001d538"),
    "date": ("0001-01-01", "9999-12-31", "1582-10-10", "1582-10-10"),
    "timestamp": (
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "1970-01-01 00:00:00.5",
        "1970-01-01T02:00:00.5+02:00",
    ),
    "timestamp_ntz": ("1582-10-10 00:00:00", "2026-03-29 02:30:00.000001", "1969-12-31 00:00:00", "1969-12-31"),
}


def texts(name: str) -> str:
    return f"cast({name} as array<string>) {name}"


def test_features_of_every_type_keep_their_type_and_become_their_pads(spark: SparkSession) -> None:
    types = {f"c{i}": type_ for i, type_ in enumerate(TYPES)}
    first, second, pads, _ = zip(*TYPES.values(), strict=True)
    observations = typed(
        spark,
        {"pupilid": "int", "t": "int", **types},
        [("1", "3", *first), ("1", "1", *second), ("1", "2", *[None] * len(types))],
    )
    features = [feature(name, TYPES[type_][3]) for name, type_ in types.items()]

    sequences = sequence_observations(observations, specification(sequence_length=4, features=features))

    names = [f"{name}_sequence" for name in types]
    (row,) = sequences.selectExpr(*map(texts, names)).collect()
    assert [sequences.schema[name].dataType.simpleString() for name in names] == [f"array<{t}>" for t in TYPES]
    assert [row[name] for name in names] == [
        [late, pad, early, pad] for early, late, pad in zip(first, second, pads, strict=True)
    ]


@pytest.mark.parametrize("type_", TYPES)
def test_columns_of_every_type_order_and_name_pupils(spark: SparkSession, type_: str) -> None:
    low, high, *_ = TYPES[type_]
    values = (high, None, low)
    rows = [(pupil, key, str(number)) for pupil in values for number, key in enumerate(values)]
    observations = typed(spark, {"who": type_, "k": type_, "v": "int"}, rows)

    sequences = sequence_observations(observations, specification(pupil="who", order_by=["k"]))

    assert sequences.schema["who"].dataType == observations.schema["who"].dataType
    found = sequences.select(F.col("who").cast("string"), "v_sequence").collect()
    assert sorted((row.who or "", row.who is None, row.v_sequence) for row in found) == sorted(
        (pupil or "", pupil is None, [1, 2, 0]) for pupil in values
    )


def test_numbers_order_nulls_first_and_nan_last_and_texts_by_code_point(spark: SparkSession) -> None:
    numbers = ["NaN", "Infinity", "1.5", "-0.0", "-Infinity", None]
    words = ["\U0001f600", "\ufffd", "ß", "z", "B", ""]
    rows = [("1", number, word, str(5 - i)) for i, (number, word) in enumerate(zip(numbers, words, strict=True))]
    observations = typed(spark, {"pupilid": "int", "n": "float", "w": "string", "v": "int"}, rows)

    by_number = sequence_observations(observations, specification(order_by=["n"], sequence_length=6))
    by_word = sequence_observations(observations, specification(order_by=["w"], sequence_length=6))

    assert [row.v_sequence for row in by_number.union(by_word).collect()] == [[0, 1, 2, 3, 4, 5]] * 2


@pytest.mark.parametrize(
    ("type_", "pad", "hint"),
    [
        ("tinyint", 128, "a whole number from -128 to 127"),
        ("int", 0.5, "a whole number from -2147483648 to 2147483647"),
        ("bigint", "0", "a whole number from -9223372036854775808 to 9223372036854775807"),
        ("float", 0.1, "a number that float holds without rounding"),
        ("double", True, "a number that double holds without rounding"),
        ("decimal(10,2)", 0.001, "a number that decimal(10,2) holds without rounding"),
        ("boolean", 0, "true or false"),
        ("string", 0, "a text, in quotes"),
        ("date", "1970-01-01T00:00:00", "an ISO date as text, such as '1970-01-01'"),
        ("timestamp", 0, "an ISO timestamp as text, such as '1970-01-01T00:00:00Z'"),
        ("timestamp_ntz", "1970-01-01T00:00:00Z", "an ISO timestamp as text, such as '1970-01-01T00:00:00'"),
    ],
)
def test_pad_that_is_no_value_of_the_columns_type_is_refused(
    spark: SparkSession, type_: str, pad: object, hint: str
) -> None:
    observations = spark.range(1).selectExpr("1 pupilid", "1 t", f"cast(null as {type_}) v")

    with pytest.raises(SpecificationError) as refused:
        sequence_observations(observations, specification(features=[feature("v", pad)]))

    assert str(refused.value) == (
        f"feature 'v': expected a pad that column 'v' of type {type_} can hold exactly, found {pad!r}. Hint: {hint}."
    )


ODD_NAMES = [
    *(
        "a.b",
        "a b",
        "`",
        "back`tick",
        'quo"te',
        "it's",
        "größe",
        "straße",
        "strasse",
        "名前",
        "\U0001f600",
        "a,b;c=(d)",
    ),
    *("*", "v[0]", "{v}", "$1", "a\nb", "%s", "--", "/* */", "null", "select", "count(1)", "1", " "),
    *(
        "pupil",
        "position",
        "key_0",
        "value_0",
        "observations",
        "place",
        "block",
        "length",
        "before",
        "total",
        "session",
    ),
    *("rest_0", "n_new", "left_out_by", "is_duplicate", "is_start", "sequence_index", "n_observations", "following"),
]


@pytest.mark.parametrize("way", ["sequences", "counted", "observations"])
def test_names_are_letters_only(spark: SparkSession, way: str) -> None:
    """Names with letters that Spark SQL reads as its own, and names that the flow has inside."""
    columns = [F.lit(i).alias(name) for i, name in enumerate(ODD_NAMES)]
    observations = spark.range(1).select(F.lit(7).alias("who.`is`"), F.lit(8).alias("when\\"), *columns)
    spec = specification(
        pupil="who.`is`",
        order_by=["when\\"],
        sequence_length=2,
        align="end",
        session_gap_seconds=1,
        features=[feature(name, -1) for name in ODD_NAMES],
    )

    if way == "sequences":
        (row,) = sequence_observations(observations, spec).collect()
    else:
        kind = "sequences" if way == "counted" else "observations"
        (row,) = select_and_sequence(observations, spec, Selection(duplicates="drop"), Tally(), kind).collect()

    if way == "observations":
        assert row.asDict() == {"who.`is`": 7, "when\\": 8} | {name: i for i, name in enumerate(ODD_NAMES)}
    else:
        assert row.__fields__ == list(spec.outputs)
        assert [row[f"{name}_sequence"] for name in ODD_NAMES] == [[i, -1] for i in range(len(ODD_NAMES))]


def test_names_match_without_regard_to_case_and_come_out_as_specified(spark: SparkSession) -> None:
    observations = spark.createDataFrame([(1, 2, 3)], "PupilID int, ANSWERED_AT int, `GRÖSSE` int")
    spec = specification(pupil="pupilid", order_by=["answered_at"], features=[feature("grösse")])

    (row,) = by_pupil(sequence_observations(observations, spec))

    assert row["pupilid"] == 1
    assert row["grösse_sequence"] == [3, 0, 0]


def test_names_that_differ_by_more_than_case_are_two_columns(spark: SparkSession) -> None:
    """To Unicode's folding of case, which Spark does not follow, ß is ss."""
    observations = spark.createDataFrame([(1, 2, 3, "x")], "pupilid int, t int, `straße` int, strasse string")
    spec = specification(features=[feature("strasse", ""), feature("straße", 9)])

    (row,) = by_pupil(sequence_observations(observations, spec))

    assert (row["strasse_sequence"], row["straße_sequence"]) == (["x", "", ""], [3, 9, 9])


def test_pupil_may_order_its_own_history(spark: SparkSession) -> None:
    """Sessions go by the first column that orders, whichever it is."""
    observations = spark.createDataFrame([(1, 100, 2), (1, 0, 1)], "pupilid int, t int, v int")
    pupil_alone = specification(order_by=["pupilid"], features=[feature("pupilid")])
    pupil_first = specification(order_by=["pupilid", "t"], session_gap_seconds=5)

    (alone,) = by_pupil(sequence_observations(observations, pupil_alone))
    (first,) = by_pupil(sequence_observations(observations, pupil_first))

    assert (alone["pupilid_sequence"], first["v_sequence"]) == ([1, 1, 0], [1, 2, 0])


@pytest.mark.parametrize(
    ("columns", "change", "words"),
    [
        ("1 pupilid, 1 anwsered_at, 1 v", {"order_by": ["answered_at"]}, "did you mean 'anwsered_at'; map it under"),
        ("1 pupil_id, 1 t, 1 v", {}, "expected column 'pupilid', found ['pupil_id', 't', 'v']. Hint: did you mean"),
        ("1 pupilid, 1 t, 1 `maße`", {"features": [feature("masse")]}, "expected column 'masse', found"),
        ("1 pupilid, 1 t, 1 v, 2 V", {}, "expected one column 'v', found ['V', 'v'], which Spark does not tell apart"),
        ("1 pupilid, 1 t, array(1) v", {}, "expected column 'v' to be a number, boolean, text, date or timestamp"),
        ("1 pupilid, 1 t, map(1, 2) v", {}, "found map<int,int>"),
        ("1 pupilid, 1 t, named_struct('a', 1) v", {}, "found struct<a:int>"),
        ("1 pupilid, 1 t, binary('a') v", {}, "found binary"),
        ("1 pupilid, 1 t, null v", {}, "found void"),
        ("array(1) pupilid, 1 t, 1 v", {}, "'pupilid'"),
        ("1 pupilid, binary('a') t, 1 v", {}, "'t'"),
        ("1 pupilid, '1' t, 1 v", {"session_gap_seconds": 5}, "expected the time column 't' to be a timestamp, a date"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    spark: SparkSession, columns: str, change: dict[str, object], words: str
) -> None:
    observations = spark.sql(f"select {columns}")

    with pytest.raises((DataError, SpecificationError)) as refused:
        sequence_observations(observations, specification(**change))

    assert words in str(refused.value)
