"""Vocabularies: who gets which id, that no id ever changes, and what is refused."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import obs2seq
from obs2seq.bootstrap import check, run
from obs2seq.bootstrap.audits import audit_published, changed_future, prepared
from obs2seq.domain.job import Job
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.domain.vocabularies import Vocabulary, id_column
from obs2seq.errors import ConfigurationError, ConflictError, DataError, DataNotFoundError, StorageError
from obs2seq.online import Sequencer
from obs2seq.settings.schema import specification_schema
from obs2seq.storage.routing import RoutedStorage
from obs2seq.storage.vocabularies import VocabularyFiles
from obs2seq.warehouses.arrow.engine import ArrowEngine
from obs2seq.warehouses.vocabularies import require_one_vocabulary
from tests.small_jobs import CORRECT, answers, published_rows, put_answers, settings_for

SKILL = {"name": "skill", "column": "skill", "encode": "vocabulary"}
TWO = {"train": 0.5, "test": 0.5}
ARROW = {"engine": "arrow"}


def skilled(pupil: int, *skills: str | None, start: int = 0) -> list[dict[str, Any]]:
    """One pupil's answers, a minute apart, each to an exercise of a skill."""
    told = answers(pupil, [1] * (start + len(skills)))[start:]
    return [answer | {"skill": skill} for answer, skill in zip(told, skills, strict=True)]


def put_school(place: Path) -> Path:
    """Pupils of train, of whom b comes first, then c, then a; and one of test, who knows more than they do."""
    put_answers(f"{place}/in/train/a.parquet", skilled(2, "c", "a", "b"), skilled(1, "b", None, "a"))
    put_answers(f"{place}/in/test/a.parquet", skilled(9, "a", "d", None, "b"))
    return place


def made(place: Path, **changes: Any) -> dict[str, Manifest]:
    """Run; return each subset's manifest."""
    told = {"features": (SKILL,), "subsets": TWO, "sequence_length": 4} | ARROW | changes
    return {name: manifest for name, (manifest, _) in run(settings_for(f"{place}/in", f"{place}/out", **told)).items()}


def ids(place: Path, subset: str, feature: str = "skill") -> dict[int, list[int]]:
    """Return each pupil's ids."""
    _, rows = published_rows(f"{place}/out/{subset}_sequenced_4")
    return {row["pupilid"]: row[f"{feature}_sequence"] for row in rows}


def kept(place: Path, column: str = "skill") -> tuple[Path, dict[str, Any]]:
    """Return a column's folder of vocabularies, and what says which one counts."""
    folder = place / "out" / "_vocabularies" / column
    return folder, json.loads((folder / "_VOCABULARY.json").read_text())


def test_ids_are_dense_and_by_first_appearance_in_the_first_subset(tmp_path: Path) -> None:
    manifests = made(put_school(tmp_path))

    assert ids(tmp_path, "train") == {1: [3, 1, 5, 0], 2: [4, 5, 3, 0]}
    assert ids(tmp_path, "test") == {9: [5, 2, 1, 3]}
    assert obs2seq.vocabulary(tmp_path / "out", "skill") == [None, None, None, "b", "c", "a"]
    assert manifests["train"].columns["skill_sequence"] == "array<int>"


def test_a_vocabulary_is_a_parquet_file_named_by_a_hash_that_the_manifests_hold(tmp_path: Path) -> None:
    manifests = made(put_school(tmp_path))
    folder, current = kept(tmp_path)
    name = Vocabulary("skill", ("b", "c", "a")).digest

    table = pq.read_table(folder / f"{name}.parquet")

    assert table.to_pydict() == {"id": [3, 4, 5], "value": ["b", "c", "a"]}
    assert (current["vocabulary"], current["column"], current["size"]) == (name, "skill", 3)
    assert [manifest.settings["vocabularies"] for manifest in manifests.values()] == [{"skill": name}] * 2


def test_values_that_come_first_together_go_by_code_point(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", *(skilled(n, skill) for n, skill in enumerate(["é", "z", "Z", "10", "9"])))

    made(tmp_path, subsets={"train": 1.0}, order_by=("answered_at",))

    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["10", "9", "Z", "z", "é"]


def test_whole_numbers_are_encoded_and_keep_their_type(tmp_path: Path) -> None:
    put_answers(
        f"{tmp_path}/in/a.parquet", [each | {"exercise_id": 90 - i} for i, each in enumerate(answers(1, [1] * 3))]
    )
    exercise = {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}

    made(tmp_path, subsets={"train": 1.0}, features=(exercise, exercise | {"name": "next", "shift": 1}))

    assert obs2seq.vocabulary(tmp_path / "out", "exercise_id")[3:] == [90, 89, 88]
    assert ids(tmp_path, "train", "exercise") == {1: [3, 4, 5, 0]}
    assert ids(tmp_path, "train", "next") == {1: [4, 5, 0, 0]}


def test_columns_of_the_settings_and_row_rules_come_first(tmp_path: Path) -> None:
    put_school(tmp_path)

    made(tmp_path, columns={"skill": "upper(skill)"}, row_filter="skill <> 'B'", audit="off")

    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["C", "A"]
    assert ids(tmp_path, "test") == {9: [4, 2, 0, 0]}


def test_the_order_of_observations_is_that_of_the_values_not_of_their_ids(tmp_path: Path) -> None:
    together = [answer | {"answered_at": answers(1, [1])[0]["answered_at"]} for answer in skilled(1, "b", "a", "c")]
    put_answers(f"{tmp_path}/in/train/a.parquet", skilled(2, "c", "b", "a"))
    put_answers(f"{tmp_path}/in/test/a.parquet", together)

    made(tmp_path, order_by=("answered_at",))

    assert ids(tmp_path, "test") == {1: [5, 4, 3, 0]}


def test_values_that_differ_are_no_duplicates_where_both_are_unknown(tmp_path: Path) -> None:
    together = [answer | {"answered_at": answers(1, [1])[0]["answered_at"]} for answer in skilled(9, "x", "y", "y")]
    put_answers(f"{tmp_path}/in/train/a.parquet", skilled(2, "c"))
    put_answers(f"{tmp_path}/in/test/a.parquet", together)

    made(tmp_path, order_by=("answered_at",), duplicates="drop")

    assert ids(tmp_path, "test") == {9: [2, 2, 0, 0]}


def test_a_later_run_extends_the_vocabulary_and_changes_no_id(tmp_path: Path) -> None:
    before = made(put_school(tmp_path))
    put_answers(f"{tmp_path}/in/train/b.parquet", skilled(0, "e", "a", "D"))

    after = made(tmp_path)

    assert obs2seq.vocabulary(tmp_path / "out", "skill") == [None, None, None, "b", "c", "a", "e", "D"]
    assert ids(tmp_path, "train") == {0: [6, 5, 7, 0], 1: [3, 1, 5, 0], 2: [4, 5, 3, 0]}
    assert ids(tmp_path, "test") == {9: [5, 2, 1, 3]}
    assert after["test"].run_id != before["test"].run_id
    first = before["test"].settings["vocabularies"]["skill"]
    assert obs2seq.vocabulary(tmp_path / "out", "skill", name=first) == [None, None, None, "b", "c", "a"]


def test_values_that_are_gone_keep_their_ids(tmp_path: Path) -> None:
    made(put_school(tmp_path))
    put_answers(f"{tmp_path}/in/train/a.parquet", skilled(1, "a", "f"))

    made(tmp_path)

    assert ids(tmp_path, "train") == {1: [5, 6, 0, 0]}


def test_the_same_input_again_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made(put_school(tmp_path))
    monkeypatch.setattr(ArrowEngine, "first_values", None)

    assert made(tmp_path) == before
    longer = made(tmp_path, sequence_length=5, duplicates="drop")

    assert longer["train"].settings["vocabularies"] == before["train"].settings["vocabularies"]


def test_two_columns_are_found_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes, look = [], ArrowEngine.first_values
    monkeypatch.setattr(ArrowEngine, "first_values", lambda *told: passes.append(told) or look(*told))

    made(put_school(tmp_path), features=(SKILL, {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}))

    assert [columns for *_, columns in passes] == [("skill", "exercise_id")]


def test_a_pinned_vocabulary_is_taken_as_it_is(tmp_path: Path) -> None:
    first = made(put_school(tmp_path))["train"].settings["vocabularies"]
    put_answers(f"{tmp_path}/in/train/b.parquet", skilled(0, "e", "a"))

    pinned = made(tmp_path, vocabularies=first)

    assert pinned["train"].settings["vocabularies"] == first
    assert ids(tmp_path, "train")[0] == [2, 5, 0, 0]
    assert kept(tmp_path)[1]["size"] == 3


def test_a_pinned_vocabulary_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    current = made(put_school(tmp_path))["train"].settings["vocabularies"]["skill"]
    other = Vocabulary("skill", ("a",)).digest

    with pytest.raises(
        ConfigurationError,
        match=rf"^vocabularies.skill: expected vocabulary {other}, which is pinned, found {current}. Hint: pin one",
    ):
        made(tmp_path, vocabularies={"skill": other})
    with pytest.raises(ConfigurationError, match=r"^vocabularies: expected columns that a feature encodes, found 'sk"):
        made(tmp_path, vocabularies={"skil": current})
    with pytest.raises(ConfigurationError, match=r"^vocabularies.skill: "):
        settings_for("in", "out", vocabularies={"skill": "../../x"})


def test_outputs_can_share_vocabularies(tmp_path: Path) -> None:
    shared = str(tmp_path / "shared")
    made(put_school(tmp_path / "a"), vocabulary_location=shared)
    put_answers(f"{tmp_path}/b/in/train/a.parquet", skilled(1, "new", "a"))
    put_answers(f"{tmp_path}/b/in/test/a.parquet", skilled(2, "c"))

    made(tmp_path / "b", vocabulary_location=shared)

    assert ids(tmp_path / "b", "train") == {1: [6, 5, 0, 0]}
    assert obs2seq.vocabulary(shared, "skill")[3:] == ["b", "c", "a", "new"]
    assert not (tmp_path / "b" / "out" / "_vocabularies").exists()


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    made(put_school(tmp_path))
    folder, current = kept(tmp_path)
    file = folder / f"{current['vocabulary']}.parquet"
    table = pq.read_table(file)

    pq.write_table(table.slice(0, 2), file)
    other = Vocabulary("skill", ("b", "c")).digest
    with pytest.raises(StorageError, match=rf": expected vocabulary {current['vocabulary']}, found {other}. Hint: res"):
        made(tmp_path, force=True)
    pq.write_table(table.slice(1), file)
    with pytest.raises(StorageError, match="expected ids from 3 on, each once and in order, found others"):
        made(tmp_path, force=True)
    file.write_bytes(b"none")
    with pytest.raises(StorageError, match="expected a vocabulary that can be read, found otherwise"):
        obs2seq.vocabulary(tmp_path / "out", "skill")
    (folder / "_VOCABULARY.json").write_text("{")
    with pytest.raises(StorageError, match="expected a JSON document, found broken JSON"):
        made(tmp_path, force=True)


def test_the_vocabulary_of_another_column_is_refused(tmp_path: Path) -> None:
    exercise = {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}
    made(put_school(tmp_path), features=(SKILL, exercise))
    (skills, current), (exercises, other) = kept(tmp_path), kept(tmp_path, "exercise_id")

    shutil.copy(exercises / f"{other['vocabulary']}.parquet", skills / f"{current['vocabulary']}.parquet")
    with pytest.raises(StorageError, match=r"expected the vocabulary of column 'skill', found that of 'exercise_id'"):
        made(tmp_path, force=True)
    shutil.copy(exercises / "_VOCABULARY.json", skills / "_VOCABULARY.json")
    with pytest.raises(StorageError, match=r"_VOCABULARY.json: expected the vocabulary of column 'skill', found that"):
        made(tmp_path, force=True)


def test_a_column_whose_values_are_of_another_kind_is_refused(tmp_path: Path) -> None:
    made(put_school(tmp_path))
    found = "expected column 'skill' to hold texts, as its vocabulary does, found bigint"

    with pytest.raises(DataError, match=found):
        made(tmp_path, columns={"skill": "exercise_id"})
    with pytest.raises(DataError, match=found):
        made(tmp_path, columns={"skill": "exercise_id"}, vocabularies={"skill": kept(tmp_path)[1]["vocabulary"]})


def test_another_run_that_extends_meanwhile_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_school(tmp_path)
    files = VocabularyFiles(RoutedStorage(), f"{tmp_path}/out/_vocabularies", "skill")
    look = ArrowEngine.first_values

    def beside_another(*told: Any) -> Any:
        files.write(Vocabulary("skill", ("other",)))
        files.publish(Vocabulary("skill", ("other",)), ("another",), None)
        return look(*told)

    monkeypatch.setattr(ArrowEngine, "first_values", beside_another)
    with pytest.raises(ConflictError):
        made(tmp_path)

    monkeypatch.setattr(ArrowEngine, "first_values", look)
    made(tmp_path)
    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["other", "b", "c", "a"]


def test_subsets_of_one_run_have_one_vocabulary() -> None:
    train, test = (
        SimpleNamespace(subset=subset, dataset=f"{subset}_sequenced_4", settings={"vocabularies": {"skill": name}})
        for subset, name in (("train", "a1"), ("test", "b2"))
    )

    require_one_vocabulary([train, train])  # type: ignore[list-item]  # what is looked at is there
    with pytest.raises(
        ConflictError, match=r"^test_sequenced_4: expected vocabulary a1 of 'skill', as for train, found"
    ):
        require_one_vocabulary([train, test])  # type: ignore[list-item]


def test_ids_are_the_values_that_would_stand_there(tmp_path: Path) -> None:
    words = ["addition", None, "fractions", "set\nnotation", "", "ü"]
    pupils = [skilled(n, *(words[(n * i + i) % 6] for i in range(n % 7 + 1)), start=n) for n in range(40)]
    put_answers(f"{tmp_path}/in/a.parquet", *pupils[:20])
    put_answers(f"{tmp_path}/in/b.parquet", *pupils[20:])
    raw = {"name": "raw", "column": "skill", "pad": "<pad>"}

    made(tmp_path, features=(SKILL, raw), subsets={"train": 0.8, "test": 0.2}, subset_method="hash", stride=2)

    vocabulary = obs2seq.vocabulary(tmp_path / "out", "skill")
    assert sorted(word for word in vocabulary[3:] if isinstance(word, str)) == sorted(
        word for word in words if word is not None
    )
    for subset in ("train", "test"):
        for row in published_rows(f"{tmp_path}/out/{subset}_sequenced_4")[1]:
            read = ["<pad>" if i < 2 else vocabulary[i] for i in row["skill_sequence"]]
            assert read == row["raw_sequence"]
            assert [i == 0 for i in row["skill_sequence"]] == [bool(pad) for pad in row["is_pad_sequence"]]


def test_audit_and_report_take_encoded_features(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/train/a.parquet", *(skilled(n, "a", "b", "c") for n in range(20)))
    put_answers(f"{tmp_path}/in/test/a.parquet", *(skilled(n, "d", None, "b") for n in range(30, 40)))
    features = (SKILL | {"name": "skill_id"}, {"name": "correct", "column": "correct", "pad": -1})

    made(tmp_path, features=features, audit="fail", report=True)

    told = {"features": features, "subsets": TWO, "sequence_length": 4} | ARROW
    settings = settings_for(f"{tmp_path}/in/train", f"{tmp_path}/out", **told)
    assert audit_published(f"{tmp_path}/out", settings).findings == ()
    assert changed_future(settings, prepared(settings)) == []
    (report,) = (tmp_path / "out" / "train_sequenced_4").glob("**/_REPORT.html")
    assert "skill_id" in report.read_text()


def test_observations_in_order_have_the_ids_beside_the_values(tmp_path: Path) -> None:
    told = settings_for(f"{put_school(tmp_path)}/in", f"{tmp_path}/out", features=(SKILL,), subsets=TWO, **ARROW)

    run(told.model_copy(update={"output": "observations"}))

    _, rows = published_rows(f"{tmp_path}/out/test_prepared")

    assert [(row["skill"], row[id_column("skill")]) for row in rows] == [("a", 5), ("d", 2), (None, 1), ("b", 3)]


def test_the_sequencer_encodes_by_a_vocabulary(tmp_path: Path) -> None:
    made(put_school(tmp_path))
    data = obs2seq.load(tmp_path / "out", "test")
    sequencer = Sequencer(
        data.spec, types=data.types, vocabularies={"skill": obs2seq.vocabulary(tmp_path / "out", "skill")}
    )
    history = skilled(9, "a", "d", None, "b")

    for observation in history:
        sequencer.push(observation)

    assert sequencer.latest()["skill_sequence"] == [5, 2, 1, 3]  # type: ignore[index]  # something was pushed
    assert [row["skill_sequence"] for row in sequencer.sequences(pa.Table.from_pylist(history))] == [[5, 2, 1, 3]]
    with pytest.raises(ConfigurationError, match=r"^vocabularies: expected that of column 'skill', found none"):
        Sequencer(data.spec)


def test_check_needs_no_vocabulary(tmp_path: Path) -> None:
    put_school(tmp_path)
    told = {"features": (SKILL,), "subsets": TWO} | ARROW

    ledgers = check(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told))

    assert ledgers["train"].rows_in == 6
    assert not (tmp_path / "out").exists()


def test_a_vocabulary_that_is_not_there_is_named(tmp_path: Path) -> None:
    made(put_school(tmp_path))

    with pytest.raises(DataNotFoundError, match=r"of column 'skil', found none. Hint: did you mean 'skill'"):
        obs2seq.vocabulary(tmp_path / "out", "skil")
    with pytest.raises(DataNotFoundError, match=r"Hint: name the folder of an output"):
        obs2seq.vocabulary(tmp_path / "nowhere", "skill")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"encode": "one_hot"}, r"unknown encoding 'one_hot' \(known are vocabulary\)"),
        ({"pad": -1}, "expected pad 0 beside encode: vocabulary, found -1"),
        ({"pad": False}, "expected pad 0 beside encode: vocabulary, found False"),
        ({"derive": "position"}, "expected either encode or derive, found both"),
        ({"column": None}, "expected column beside encode: vocabulary, found none"),
        ({"of": "skill"}, "expected column beside encode: vocabulary, found of"),
    ],
)
def test_features_that_cannot_be_encoded_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SequenceSpec(order_by=["at"], sequence_length=3, features=[SKILL | fields])


def test_an_encoded_feature_is_read_back_as_it_was_written() -> None:
    feature = Feature.model_validate(SKILL)

    assert feature.model_dump() == {
        "name": "skill",
        "column": "vocabulary:skill",
        "pad": 0,
        "shift": 0,
        "of": "skill",
        "encode": "vocabulary",
    }
    assert Feature.model_validate(feature.model_dump()) == feature
    assert feature.reads == ("skill",)
    assert "pad" not in specification_schema()["$defs"]["Feature"]["required"]


@pytest.mark.parametrize(("expression", "type_name"), [("duration_s", "double"), ("correct = 1", "boolean")])
def test_columns_of_other_types_are_refused(tmp_path: Path, expression: str, type_name: str) -> None:
    put_school(tmp_path)

    with pytest.raises(
        ConfigurationError, match=f"^features: expected column 'skill' to hold texts or whole numbers, .*{type_name}"
    ):
        made(tmp_path, columns={"skill": expression})


def test_athena_refuses_encoded_features_by_name() -> None:
    spec = SequenceSpec(order_by=["at"], sequence_length=3, features=[SKILL])

    with pytest.raises(
        ConfigurationError, match=r"^feature 'skill': expected columns as they are, .* Athena takes, fou"
    ):
        obs2seq.athena_select(spec, "t")
    assert "vocabulary_location" not in Job(spec, vocabulary_location="x").shape()


def test_vocabularies_lie_on_s3_too(bucket: str) -> None:
    put_answers(f"s3://{bucket}/in/train/a.parquet", skilled(1, "b", None, "a"))
    put_answers(f"s3://{bucket}/in/test/a.parquet", skilled(9, "a", "d"))
    told = {"features": (SKILL,), "subsets": TWO, "sequence_length": 4} | ARROW

    for _ in range(2):
        run(settings_for(f"s3://{bucket}/in", f"s3://{bucket}/out", vocabulary_location=f"s3://{bucket}/kept", **told))
        put_answers(f"s3://{bucket}/in/train/b.parquet", skilled(2, "c"))

    assert obs2seq.vocabulary(f"s3://{bucket}/kept", "skill")[3:] == ["b", "a", "c"]
    with pytest.raises(
        ConfigurationError, match=r"^s3_kms_key: expected none where a feature has encode, whose access"
    ):
        run(settings_for("s3://b/in", "s3://b/out", s3_kms_key="alias/pupils", **(told | {"engine": "spark"})))


def test_names_of_columns_may_hold_anything(tmp_path: Path) -> None:
    put_school(tmp_path)
    odd = "../Fähigkeit {1}=%"

    made(tmp_path, columns={odd: "skill"}, features=(SKILL | {"column": odd},))

    assert obs2seq.vocabulary(tmp_path / "out", odd)[3:] == ["b", "c", "a"]
    assert ids(tmp_path, "test") == {9: [5, 2, 1, 3]}
    assert [place.name for place in (tmp_path / "out").iterdir() if "_sequenced_" not in place.name] == [
        "_vocabularies"
    ]


def test_observations_that_were_encoded_before_are_encoded_anew(tmp_path: Path) -> None:
    put_school(tmp_path)
    for path in (tmp_path / "in").glob("*/a.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column("Vocabulary:skill", pa.repeat("old", len(table))), path)

    made(tmp_path)

    assert ids(tmp_path, "test") == {9: [5, 2, 1, 3]}


def test_only_what_is_not_pinned_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = (SKILL, {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"})
    skill = made(put_school(tmp_path))["train"].settings["vocabularies"]
    passes, look = [], ArrowEngine.first_values
    monkeypatch.setattr(ArrowEngine, "first_values", lambda *told: passes.append(told) or look(*told))

    both = made(tmp_path, features=features, vocabularies=skill)["train"].settings["vocabularies"]
    made(tmp_path, features=features, vocabularies=both, force=True)

    assert [columns for *_, columns in passes] == [("exercise_id",)]
    assert ids(tmp_path, "test", "exercise") == {9: [3, 4, 5, 2]}


def test_whole_numbers_that_come_first_together_go_by_their_text(tmp_path: Path) -> None:
    numbers = (10, 9, -1, 100)
    pupils = [[answers(n, [1])[0] | {"exercise_id": number}] for n, number in enumerate(numbers)]
    put_answers(f"{tmp_path}/in/a.parquet", *pupils)
    exercise = {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}

    made(tmp_path, subsets={"train": 1.0}, features=(exercise,), order_by=("answered_at",))

    assert obs2seq.vocabulary(tmp_path / "out", "exercise_id")[3:] == [-1, 10, 100, 9]


RULES = (
    {"name": "in_time", "kind": "range", "column": "duration_s", "most": 90, "severity": "quarantine"},
    {"name": "once", "kind": "unique", "columns": ["pupilid", "observation_id"], "severity": "quarantine"},
    {"name": "robots", "kind": "max_per_pupil", "most": 4, "severity": "quarantine"},
)


def put_with_robots(place: Path) -> Path:
    """Ten answers of a robot, one that took too long, and one that is there twice: wrong, of another skill."""
    known = skilled(3, "b", "slow", "a", "a")
    known[1]["duration_s"] = 1000.0
    known[3] |= known[0] | {"skill": "z again", "correct": 0}
    robot = skilled(1, *(["early"] * 10))
    put_answers(f"{place}/in/train/a.parquet", robot, known)
    put_answers(f"{place}/in/test/a.parquet", skilled(9, "slow", "a", "early", "b"))
    return place


@pytest.mark.parametrize("rules", [RULES[:1], RULES], ids=["rows", "pupils"])
def test_what_a_rule_puts_aside_gives_no_id(rules: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    made(put_with_robots(tmp_path), features=(SKILL, CORRECT), rules=rules)

    found = obs2seq.vocabulary(tmp_path / "out", "skill")[3:]

    assert found == (["early", "b", "z again", "a"] if len(rules) == 1 else ["z again", "a"])
    (aside,) = (tmp_path / "out" / "train_sequenced_4").glob("*/_quarantine/*.parquet")
    assert "slow" in pq.read_table(aside)["skill"].to_pylist()


def test_a_stratified_split_says_whose_values_are_known(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", *(skilled(n, f"of {n}", "all") for n in range(10)))

    made(tmp_path, subset_method="stratified", audit="off")

    known = obs2seq.vocabulary(tmp_path / "out", "skill")[3:]
    assert len(known) == 5 + 1
    assert {row[0] for row in ids(tmp_path, "train").values()} == {
        i for i, each in enumerate(known, 3) if each != "all"
    }
    assert {row[0] for row in ids(tmp_path, "test").values()} == {2}
