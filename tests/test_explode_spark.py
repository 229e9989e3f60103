"""Exploded observations on Spark: the same elements as everywhere else, and what they cost."""

import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

import obs2seq
from obs2seq import SequenceSpec, sequence_observations
from obs2seq.bootstrap import check, compare, run
from obs2seq.bootstrap.jobs import job
from obs2seq.bootstrap.lineage import graph
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, DataError, SpecificationError
from obs2seq.flow.dataflow import select_and_sequence
from obs2seq.flow.selection import Selection
from obs2seq.flow.tallies import Tally
from obs2seq.lineage.catalogue import catalogue
from obs2seq.settings import Settings
from tests.commands import put_parquet
from tests.explode_oracle import exploded
from tests.flow_inputs import NAN, NEGATIVE_ZERO, Row, by_pupil, exact, feature, specification
from tests.small_jobs import published_rows

pytestmark = pytest.mark.usefixtures("spark")

TYPES = {
    "pupilid": "bigint",
    "t": "bigint",
    "right": "int",
    "ints": "array<int>",
    "words": "array<string>",
    "marks": "array<double>",
    "tags": "string",
}
PADS: dict[str, Any] = {"right": -1, "ints": -1, "words": "<pad>", "marks": -1.5, "tags": "<pad>"}
MEMBERS: dict[str, list[Any]] = {
    "ints": [1, 2, 3, None],
    "words": ["a", "b", "", "é", "\U0001f600", None],
    "marks": [NAN, NEGATIVE_ZERO, 0.0, 1.5, None],
}
TEXTS = [None, "", "  ", ",", "a", "a, b", "b,a", " a ,,b,a ", "é,\U0001f600", "a b"]
OF_ELEMENTS = [
    {"name": "attempt", "derive": "attempt_number", "of": "words", "pad": 0},
    {"name": "since", "derive": "seconds_since_same", "of": "words", "pad": -1.0},
    {"name": "next_attempt", "derive": "attempt_number", "of": "words", "pad": 0, "shift": 1},
]
OF_OBSERVATIONS = [
    {"name": "place", "derive": "position", "pad": -1},
    {"name": "pause", "derive": "seconds_since_previous", "pad": -1.0},
    {"name": "share", "derive": "share_correct_before", "of": "right", "pad": -1.0},
    {"name": "same_answer", "derive": "attempt_number", "of": "right", "pad": 0},
]
CASES: dict[str, Row] = {
    "chunks": {"explode": "ints"},
    "texts, whole chunks": {"explode": "words", "min_length": 3},
    "numbers with NaN and zeros": {"explode": "marks", "order_by": ["pupilid"]},
    "delimited text": {"explode": "tags", "sequence_length": 7, "pad_side": "start"},
    "text cut at a space": {"explode": "tags", "explode_delimiter": " "},
    "shifted": {
        "explode": "words",
        "features": [
            feature("words", "<pad>"),
            feature("words", "<pad>", name="later", shift=2),
            feature("right", -1, name="before", shift=-1),
            {"name": "next_group", "derive": "group", "pad": -1, "shift": 1},
        ],
    },
    "overlapping": {"explode": "ints", "stride": 1, "sequence_length": 3},
    "from the end": {"explode": "ints", "align": "end", "sequence_length": 5, "stride": 2, "min_length": 4},
    "last ones": {"explode": "tags", "align": "end", "max_sequences_per_pupil": 2, "sequence_length": 3},
    "sessions": {"explode": "words", "session_gap_seconds": 30.0},
    "sessions, all rules": {
        "explode": "ints",
        "session_gap_seconds": 30.0,
        "stride": 2,
        "align": "end",
        "min_length": 2,
        "max_sequences_per_pupil": 4,
        "features": [feature("ints", -1), feature("ints", -1, name="next", shift=1), *OF_OBSERVATIONS],
    },
    "derived from elements": {"explode": "words", "features": [feature("words", "<pad>"), *OF_ELEMENTS]},
    "derived from both, in sessions": {
        "explode": "words",
        "session_gap_seconds": 30.0,
        "features": [feature("words", "<pad>"), *OF_ELEMENTS, *OF_OBSERVATIONS],
    },
}


def drawn_rows(seed: int, n: int = 90) -> list[Row]:
    """Observations of a few pupils, one of them null, that tie in time, with null and empty lists and repeats."""
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        lists = {
            name: None if draw.random() < 0.1 else [draw.choice(members) for _ in range(draw.choice((0, 1, 1, 2, 4)))]
            for name, members in MEMBERS.items()
        }
        whole = {"pupilid": draw.choice((None, 1, 2, 3)), "t": draw.choice((None, *range(0, 400, 12)))}
        rows.append(whole | {"right": draw.choice((0, 1, None)), **lists, "tags": draw.choice(TEXTS)})
    return rows


def frame_of(spark: SparkSession, rows: list[Row]) -> DataFrame:
    schema = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
    return spark.createDataFrame([tuple(row[name] for name in TYPES) for row in rows], schema)


def spec_of(explode: str, **changes: Any) -> Row:
    """Return a specification in its JSON form."""
    features = [feature(explode, PADS[explode]), feature("right", -1)]
    return {"order_by": ["t"], "sequence_length": 4, "features": features, "explode": explode} | changes


def made_of(spark: SparkSession, rows: list[Row], spec: Row) -> list[Row]:
    return by_pupil(sequence_observations(frame_of(spark, rows), SequenceSpec.model_validate(spec)))


@pytest.mark.parametrize("case", CASES)
def test_sequences_are_those_that_the_words_of_the_rules_give(spark: SparkSession, case: str) -> None:
    rows, spec = drawn_rows(sorted(CASES).index(case)), spec_of(**CASES[case])

    assert exact(made_of(spark, rows, spec)) == exact(exploded(rows, spec).sequences)


def one_pupil(**values: list[Any]) -> list[Row]:
    """Return observations of one pupil, a second apart unless told otherwise."""
    n = len(next(iter(values.values())))
    empty = dict.fromkeys(TYPES) | {"pupilid": 1}
    return [empty | {"t": i, "right": i} | {name: column[i] for name, column in values.items()} for i in range(n)]


def test_each_member_is_an_element_and_nothing_is_lost(spark: SparkSession) -> None:
    rows = one_pupil(words=[["b", "a"], None, [], [None], ["a", "a", ""]])

    (row,) = made_of(spark, rows[::-1], spec_of("words", sequence_length=9))

    assert row["words_sequence"] == ["b", "a", "<pad>", "<pad>", "<pad>", "a", "a", "", "<pad>"]
    assert row["right_sequence"] == [0, 0, 1, 2, 3, 4, 4, 4, -1]
    assert row["group_sequence"] == [0, 0, 1, 2, 3, 4, 4, 4, -1]
    assert row["is_repeat_sequence"] == [0, 1, 0, 0, 0, 0, 1, 1, 0]
    assert (row["first_position"], row["n_observations"]) == (0, 8)


def test_arrays_that_order_stand_by_their_members_nulls_and_shorter_ones_first(spark: SparkSession) -> None:
    in_order = [None, [], [None], [None, 9.0], [NEGATIVE_ZERO], [0.0], [NEGATIVE_ZERO, 1.0], [1.0], [1.0, 0.5], [NAN]]
    rows = one_pupil(marks=in_order)
    shuffled = [row | {"t": 0} for row in random.Random(1).sample(rows, len(rows))]
    features = [feature("marks", -1.5)]

    (row,) = made_of(spark, shuffled, spec_of("marks", sequence_length=13, features=features))

    elements = [member for members in in_order for member in (members or [None])]
    assert exact(row["marks_sequence"]) == exact([-1.5 if each is None else each for each in elements])


@pytest.mark.parametrize("delimiter", [",", "||", ".", "\\E", "\\E|\\Q", "(a", "\n", " ", "é\U0001f600", "$1"])
def test_text_is_cut_where_the_delimiter_stands_letter_by_letter(spark: SparkSession, delimiter: str) -> None:
    texts = [f"x{delimiter} y {delimiter}{delimiter}x", delimiter, "xaz", None]
    spec = spec_of("tags", explode_delimiter=delimiter, sequence_length=9)

    rows = one_pupil(tags=texts)

    assert made_of(spark, rows, spec) == exploded(rows, spec).sequences


WAYS: dict[str, tuple[Row, int]] = {
    "chunks": ({"explode": "ints"}, 1),
    "from the end": ({"explode": "ints", "align": "end"}, 1),
    "delimited text, last ones": ({"explode": "tags", "max_sequences_per_pupil": 2, "min_length": 2}, 1),
    "overlapping": ({"explode": "ints", "stride": 1}, 2),
    "shifted": (CASES["shifted"], 2),
    "sessions": ({"explode": "ints", "session_gap_seconds": 9.0}, 2),
    "derived from observations": ({"explode": "ints", "features": [feature("ints"), *OF_OBSERVATIONS[:3]]}, 1),
    "derived from elements": ({"explode": "words", "features": [feature("words", ""), *OF_ELEMENTS[:2]]}, 2),
}
"""Specifications, and how often they sort."""


def operators(frame: DataFrame) -> list[str]:
    """Return the operators' names of the plan before the job, the last to run first."""
    plan = frame._jdf.queryExecution().executedPlan().toString()
    return re.findall(r"^[ :+-]*(?:\*\(\d+\) )?(\w+)", plan, flags=re.MULTILINE)


@pytest.mark.parametrize("way", WAYS)
def test_exploding_costs_no_shuffle_and_a_sort_only_to_look_along_elements(spark: SparkSession, way: str) -> None:
    changes, sorts = WAYS[way]
    frame, spec = frame_of(spark, []), SequenceSpec.model_validate(spec_of(**changes))

    plain = operators(sequence_observations(frame, spec))
    counted = operators(select_and_sequence(frame, spec, Selection(), Tally(), "sequences"))

    for names in (plain, counted):
        assert (names.count("Exchange"), names.count("Sort"), names.count("Generate")) == (1, sorts, 1)
        assert "Window" in names[names.index("Generate") :]
    assert counted.count("CollectMetrics") == plain.count("CollectMetrics") + 4


def test_without_explode_nothing_is_generated(spark: SparkSession) -> None:
    plan = operators(sequence_observations(frame_of(spark, []), specification(features=[feature("right", -1)])))

    assert "Generate" not in plan
    assert not [step for step in graph(settings()).steps if "element" in step or "exploded" in step]


def put(folder: Path, rows: list[Row]) -> None:
    """Write observations as two files."""
    types = [pa.int64(), pa.int64(), pa.int32(), pa.list_(pa.int32()), pa.list_(pa.string()), pa.list_(pa.float64())]
    schema = pa.schema(list(zip(TYPES, [*types, pa.string()], strict=True)))
    for number in range(2):
        put_parquet(folder / f"{number}.parquet", pa.Table.from_pylist(rows[number::2], schema))


def settings(place: Path | str = "", **changes: Any) -> Settings:
    values = {"s3_data_location": f"{place}/in", "output_s3_location": f"{place}/out", "mode": "local", "audit": "off"}
    values |= {"subsets": {"train": 1.0}, "sequence_length": 4, "order_by": ["t"], "engine": "spark"}
    return Settings(**(values | changes))


def exploding(explode: str, **changes: Any) -> Row:
    """Return settings that explode a column."""
    aside = {"null_pupil": "leave_out", "null_time": "leave_out"}
    return {name: value for name, value in spec_of(explode).items() if name != "sequence_length"} | aside | changes


ENGINES: dict[str, Row] = {
    "native": {"execution": "native"},
    "tasks": {"execution": "arrow", "shuffle_partitions": 2},
    "arrow": {"engine": "arrow"},
}


def made(place: Path, engine: str, **changes: Any) -> dict[str, tuple[Manifest, str]]:
    """Run by an engine, into a folder of its own."""
    told = settings(place, **changes, **ENGINES[engine], output_s3_location=str(place / engine))
    return {subset: (manifest, str(location)) for subset, (manifest, location) in run(told).items()}


RUNS: dict[str, Row] = {
    "duplicates dropped": exploding("words", duplicates="drop", min_length=2, features=[feature("words", "")]),
    "delimited text": exploding("tags", row_filter="right = 1", stride=2, align="end", max_sequences_per_pupil=3),
    "context, in sessions": exploding(
        "ints",
        subsets={"train": 0.5, "test": 0.5},
        subset_method="time",
        split_times={"test": 200},
        split_context=True,
        session_gap_seconds=30.0,
    ),
    "vocabulary, rules over pupils": exploding(
        "words",
        features=[{"name": "word", "column": "words", "encode": "vocabulary", "shift": 1}, *OF_ELEMENTS],
        rules=[{"name": "few", "kind": "max_per_pupil", "most": 30, "severity": "quarantine"}],
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_spark_and_arrow_publish_the_same_and_account_for_it_alike(case: str, tmp_path: Path) -> None:
    put(tmp_path / "in", drawn_rows(7, 120) + drawn_rows(7, 30))
    # Rules over pupils take a second shuffle, which tasks do not have.
    engines = [name for name in ENGINES if name != "tasks" or "rules" not in RUNS[case]]

    natively, *others = (made(tmp_path, engine, **RUNS[case]) for engine in engines)

    for subset, (manifest, here) in natively.items():
        assert manifest.ledger.expanded > 0
        for other, there in (each[subset] for each in others):
            assert compare(here, there) == []
            assert (other.ledger, other.columns, other.run_id) == (manifest.ledger, manifest.columns, manifest.run_id)


def test_the_ledger_counts_elements_beyond_the_first_of_the_observations_that_are_kept(tmp_path: Path) -> None:
    words = [["a", "b"], ["a", "b"], None, ["c", "d", "e"], ["x", "y"]]
    put(tmp_path / "in", one_pupil(words=words, t=[0, 0, 1, 2, None], right=[1] * 5))

    told = exploding("words", duplicates="drop", min_length=3, sequence_length=5)
    (manifest, _) = made(tmp_path, "native", **told)["train"]

    assert manifest.ledger.to_json() == {
        "rows_in": 5,
        "expanded": 3,
        "sequenced": 5,
        "left_out": {"duplicate": 1, "min_length": 1, "null_time": 1},
        "noted": {},
    }


def test_ids_are_of_elements_by_first_appearance(spark: SparkSession, tmp_path: Path) -> None:
    first, second = one_pupil(words=[["b", None, "a"], [], ["c", "b"]]), one_pupil(words=[["a", "z", None, "c"]])
    for subset, rows in (("train", first), ("test", second)):
        put(tmp_path / "in" / subset, rows)
    word = {"name": "word", "column": "words", "encode": "vocabulary"}
    told = exploding("words", features=[word, word | {"name": "next", "shift": 1}], sequence_length=7)

    made(tmp_path, "native", **told, subsets={"train": 0.5, "test": 0.5})

    (train,), (test,) = (published_rows(f"{tmp_path}/native/{each}_sequenced_7")[1] for each in ("train", "test"))
    assert train["word_sequence"] == [4, 1, 3, 1, 5, 4, 0]
    assert train["next_sequence"] == [1, 3, 1, 5, 4, 0, 0]
    assert test["word_sequence"] == [3, 2, 1, 5, 0, 0, 0]
    assert obs2seq.vocabulary(tmp_path / "native", "words") == [None, None, None, "a", "b", "c"]


def test_ids_of_elements_cost_a_broadcast_and_nothing_else(spark: SparkSession) -> None:
    from obs2seq.domain.vocabularies import Vocabulary
    from obs2seq.flow.selection import Ids

    features = [{"name": "word", "column": "words", "encode": "vocabulary"}]
    spec = SequenceSpec.model_validate(spec_of("words", features=features))
    ids = Ids(Vocabulary("words", ("a",)), spark.createDataFrame([(3, "a")], "id int, value string"))

    names = operators(
        select_and_sequence(frame_of(spark, []), spec, Selection(vocabularies={"words": ids}), Tally(), "sequences")
    )

    assert (names.count("Exchange"), names.count("Sort"), names.count("BroadcastExchange")) == (1, 1, 1)
    assert names.index("BroadcastHashJoin") < names.index("Generate")


def test_whole_observations_keep_their_arrays(tmp_path: Path) -> None:
    words = [["b", "a"], None, [], ["a", None]]
    put(tmp_path / "in", one_pupil(words=words))

    made(tmp_path, "native", **exploding("words"), output="observations")

    manifest, rows = published_rows(f"{tmp_path}/native/train_prepared")
    assert [row["words"] for row in rows] == words
    assert (manifest.ledger.rows_in, manifest.ledger.sequenced, manifest.ledger.expanded) == (4, 4, 0)


def test_engines_put_whole_observations_in_one_order(tmp_path: Path) -> None:
    put(tmp_path / "in", drawn_rows(3))
    word = {"name": "word", "column": "words", "encode": "vocabulary"}
    told = exploding("words", order_by=["pupilid"], features=[word, feature("right", -1)], output="observations")

    natively, *others = (made(tmp_path, engine, **told)["train"] for engine in ENGINES)

    assert "vocabulary:words" not in natively[0].columns
    for manifest, location in others:
        assert compare(natively[1], location) == []
        assert (manifest.ledger, manifest.columns) == (natively[0].ledger, natively[0].columns)


@pytest.mark.parametrize(
    ("column", "found"), [("1", "int"), ("map(1, 2)", "map<int,int>"), ("array(array(1))", "array<array<int>>")]
)
def test_a_column_that_is_neither_array_of_scalars_nor_text_is_refused_before_any_job(
    spark: SparkSession, column: str, found: str
) -> None:
    frame = spark.sql(f"select 1 pupilid, 1 t, 1 right, {column} ints")

    with pytest.raises(DataError) as refused:
        sequence_observations(frame, SequenceSpec.model_validate(spec_of("ints")))

    assert str(refused.value).startswith(
        f"observations: expected column 'ints' to be an array of scalars or a text, to be exploded, found {found}."
    )


def test_what_native_windows_do_not_do_is_refused_by_name(spark: SparkSession, tmp_path: Path) -> None:
    frame, whole = frame_of(spark, []), SequenceSpec.model_validate(spec_of("ints", explode_cuts="keep_together"))
    told = exploding("ints", explode_cuts="keep_together")
    put(tmp_path / "in", one_pupil(ints=[[1, 2]]))

    with pytest.raises(SpecificationError, match=r"^explode_cuts: expected allow where Spark computes natively"):
        sequence_observations(frame, whole)
    with pytest.raises(ConfigurationError, match=r"^explode_cuts: .* where execution is native, .*execution: arrow"):
        made(tmp_path, "native", **told)
    with pytest.raises(ConfigurationError, match=r"^explode_cuts: "):
        check(settings(tmp_path, **told, **ENGINES["native"]))
    assert not (tmp_path / "native").exists()
    with pytest.raises(ConfigurationError, match=r"^spread_pupils_above: expected null where explode "):
        sequence_observations(frame, SequenceSpec.model_validate(spec_of("ints")), spread_pupils_above=10)
    with pytest.raises(ConfigurationError, match=r"^spread_pupils_above: expected null where explode "):
        made(tmp_path, "native", **exploding("ints"), spread_pupils_above=10)


def test_steps_and_columns_of_elements_are_listed_with_what_they_mean() -> None:
    told = settings(**exploding("words", features=[feature("words", ""), *OF_ELEMENTS]))

    entries = catalogue(graph(told), job(told), "sequences")

    steps = {each.name: each for each in entries if each.kind == "step"}
    assert {"parted_observations", "sized_observations", "exploded_observations", "encoded_elements"} <= set(steps)
    assert all(each.meaning and each.version for each in steps.values())
    assert steps["exploded_observations"].unit == "elements"
    columns = {each.name: (each.type, each.unit) for each in entries if each.kind == "column"}
    assert columns["group_sequence"] == ("array<int>", "observations")
    assert columns["is_repeat_sequence"] == ("array<int>", "")
