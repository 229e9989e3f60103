"""What is kept between runs, vocabularies and assignments, is neither begun anew nor misread in silence."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import obs2seq
from obs2seq.bootstrap import run
from obs2seq.domain.manifest import CurrentAssignment, CurrentVocabulary, Manifest
from obs2seq.errors import ConfigurationError, ConflictError, DataNotFoundError, StorageError
from obs2seq.storage.markers import begin
from obs2seq.storage.routing import RoutedStorage
from obs2seq.storage.vocabularies import VocabularyFiles
from tests.small_jobs import CORRECT, answers, published_rows, put_answers, settings_for

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SKILL = {"name": "skill", "column": "skill", "encode": "vocabulary"}
ENCODED = {"features": (SKILL,), "engine": "arrow"}
THREE = {"train": 0.5, "validation": 0.25, "test": 0.25}
STRATIFIED = {"engine": "arrow", "subset_method": "stratified", "subsets": THREE}


def put_skills(place: Path, *skills: str) -> Path:
    """A pupil's answers, each to an exercise of a skill."""
    told = answers(1, [1] * len(skills))
    rows = [answer | {"skill": skill} for answer, skill in zip(told, skills, strict=True)]
    put_answers(f"{place}/in/a.parquet", rows)
    return place / "out" / "_vocabularies" / "skill"


def put_pupils(place: Path, pupils: int) -> Path:
    """Three answers of each of some pupils."""
    put_answers(f"{place}/in/a.parquet", *(answers(n, [1] * 3) for n in range(pupils)))
    return place / "out" / "_assignment"


def made(place: Path, told: dict[str, Any], **changes: Any) -> dict[str, Manifest]:
    """Run; return each subset's manifest."""
    settings = settings_for(f"{place}/in", f"{place}/out", **(told | changes))
    return {name: manifest for name, (manifest, _) in run(settings).items()}


def ids(place: Path) -> list[int]:
    (row,) = published_rows(f"{place}/out/train_sequenced_3")[1]
    return row["skill_sequence"]


def test_a_lost_marker_of_a_vocabulary_stops_the_run(tmp_path: Path) -> None:
    folder = put_skills(tmp_path, "b", "a")
    name = made(tmp_path, ENCODED)["train"].settings["vocabularies"]["skill"]
    (folder / "_VOCABULARY.json").unlink()
    put_skills(tmp_path, "a", "b")

    with pytest.raises(StorageError) as refusal:
        made(tmp_path, ENCODED, force=True)

    assert str(refusal.value) == (
        f"{folder}/_VOCABULARY.json: expected the file that says which vocabulary of 'skill' counts, found none beside "
        f"{name}.parquet. Hint: put it back, or pin the vocabulary that manifests of earlier runs name, such as "
        f"vocabularies: {{skill: {name}}}, or remove {folder} to begin with new ids."
    )
    assert ids(tmp_path) == [3, 4, 0]


def test_a_pinned_vocabulary_needs_no_marker(tmp_path: Path) -> None:
    folder = put_skills(tmp_path, "b", "a")
    pinned = made(tmp_path, ENCODED)["train"].settings["vocabularies"]
    put_skills(tmp_path, "a", "b")

    (folder / "_VOCABULARY.json").write_text("{")
    made(tmp_path, ENCODED, vocabularies=pinned, force=True)
    (folder / "_VOCABULARY.json").unlink()
    made(tmp_path, ENCODED, vocabularies=pinned, force=True)

    assert ids(tmp_path) == [4, 3, 0]
    assert obs2seq.vocabulary(tmp_path / "out", "skill", name=pinned["skill"])[3:] == ["b", "a"]


def test_ids_begin_anew_where_the_folder_is_removed(tmp_path: Path) -> None:
    folder = put_skills(tmp_path, "b", "a")
    made(tmp_path, ENCODED)
    shutil.rmtree(folder)
    put_skills(tmp_path, "a", "b")

    made(tmp_path, ENCODED)

    assert ids(tmp_path) == [3, 4, 0]
    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["a", "b"]


def test_a_run_that_died_before_its_vocabulary_counted_stops_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put_skills(tmp_path, "b", "a")
    publish = VocabularyFiles.publish
    monkeypatch.setattr(VocabularyFiles, "publish", None)
    with pytest.raises(TypeError):
        made(tmp_path, ENCODED)
    assert len(list(folder.glob("*.parquet"))) == 1
    with pytest.raises(DataNotFoundError, match="expected a vocabulary of column 'skill', found none"):
        obs2seq.vocabulary(tmp_path / "out", "skill")
    monkeypatch.setattr(VocabularyFiles, "publish", publish)
    put_skills(tmp_path, "a", "c")

    made(tmp_path, ENCODED)

    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["a", "c"]


def test_no_column_is_fitted_where_another_has_lost_its_marker(tmp_path: Path) -> None:
    exercise = {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}
    folder = put_skills(tmp_path, "b", "a")
    made(tmp_path, ENCODED)
    (folder / "_VOCABULARY.json").unlink()

    with pytest.raises(StorageError, match="which vocabulary of 'skill' counts"):
        made(tmp_path, ENCODED, features=(exercise, SKILL))

    assert not (folder.parent / "exercise_id").exists()


def test_a_lost_marker_of_an_assignment_stops_the_run(tmp_path: Path) -> None:
    folder = put_pupils(tmp_path, 20)
    name = made(tmp_path, STRATIFIED)["train"].settings["assignment"]
    (folder / "_ASSIGNMENT.json").unlink()

    with pytest.raises(StorageError) as refusal:
        made(tmp_path, STRATIFIED, split_salt="other", force=True)

    assert str(refusal.value) == (
        f"{folder}/_ASSIGNMENT.json: expected the file that says which assignment of pupils counts, found none beside "
        f"{name}.parquet. Hint: put it back (docs/splits.md says what it holds), or remove {folder} to assign all "
        "pupils anew."
    )


def test_lost_markers_are_missed_on_s3_too(bucket: str, s3: "S3Client") -> None:
    put_answers(f"s3://{bucket}/in/a.parquet", *(answers(n, [1] * 3) for n in range(20)))
    told = settings_for(f"s3://{bucket}/in", f"s3://{bucket}/out", features=(SKILL,), **STRATIFIED)
    run(told)

    for marker in ("_vocabularies/skill/_VOCABULARY.json", "_assignment/_ASSIGNMENT.json"):
        s3.delete_object(Bucket=bucket, Key=f"out/{marker}")
        with pytest.raises(StorageError, match=rf"^s3://{bucket}/out/{marker}: expected the file that says which"):
            run(told)


def test_a_marker_written_by_hand_brings_the_assignment_back(tmp_path: Path) -> None:
    folder = put_pupils(tmp_path, 20)
    before = made(tmp_path, STRATIFIED)["train"].settings["assignment"]
    (folder / "_ASSIGNMENT.json").write_text(json.dumps({"assignment": before, "made_from": "", "pupils": 20}))

    after = made(tmp_path, STRATIFIED, split_salt="other")["train"].settings["assignment"]

    assert after == before


def test_a_run_that_died_before_its_assignment_counted_stops_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put_pupils(tmp_path, 20)
    monkeypatch.setattr("obs2seq.warehouses.assignments._replace", None)
    with pytest.raises(TypeError):
        made(tmp_path, STRATIFIED)
    assert len(list(folder.glob("*.parquet"))) == 1
    monkeypatch.undo()

    manifests = made(tmp_path, STRATIFIED)

    assert {name: manifest.ledger.sequenced for name, manifest in manifests.items()} == {
        "train": 30,
        "validation": 15,
        "test": 15,
    }


def test_files_of_other_names_beside_an_assignment_are_passed_over(tmp_path: Path) -> None:
    put_pupils(tmp_path, 20)
    kept = tmp_path / "kept"
    put_answers(f"{kept}/answers.parquet", answers(1, [1]))
    put_answers(f"{kept}/below/0123456789abcdef.parquet", answers(1, [1]))

    made(tmp_path, STRATIFIED, split_assignment=str(kept))

    assert (kept / "_ASSIGNMENT.json").exists()


def test_two_that_begin_at_once_cannot_both_count(tmp_path: Path) -> None:
    marker, storage = str(tmp_path / "_ASSIGNMENT.json"), RoutedStorage()

    first, second = begin(storage, marker, "none yet"), begin(storage, marker, "none yet")
    storage.replace_text(marker, "the first's", first)

    with pytest.raises(ConflictError):
        storage.replace_text(marker, "the second's", second)
    with pytest.raises(ConflictError):
        begin(storage, marker, "none yet")


def test_a_broken_marker_of_a_vocabulary_says_what_helps(tmp_path: Path) -> None:
    folder = put_skills(tmp_path, "b", "a")
    made(tmp_path, ENCODED)
    (folder / "_VOCABULARY.json").write_text("{")

    with pytest.raises(
        StorageError,
        match=r"_VOCABULARY.json: expected a JSON document, found broken JSON at line 1, column 2. Hint: restore the "
        r"file, or pin the vocabulary that manifests of earlier runs name, by vocabularies: \{column: hash\}, or "
        r"remove the file's folder to begin with new ids\.$",
    ):
        made(tmp_path, ENCODED, force=True)


def test_a_broken_marker_of_an_assignment_says_what_helps(tmp_path: Path) -> None:
    folder = put_pupils(tmp_path, 20)
    made(tmp_path, STRATIFIED)
    (folder / "_ASSIGNMENT.json").write_text("{}")

    with pytest.raises(
        StorageError, match=r"Hint: restore the file, or remove its folder to assign all pupils anew\.$"
    ):
        made(tmp_path, STRATIFIED, force=True)


def test_a_broken_pointer_to_the_current_run_is_made_anew_once_it_is_removed(tmp_path: Path) -> None:
    put_pupils(tmp_path, 4)
    told = {"engine": "arrow", "features": (CORRECT,)}
    before = made(tmp_path, told)
    pointer = tmp_path / "out" / "train_sequenced_3" / "_CURRENT.json"
    pointer.write_text("{")

    with pytest.raises(StorageError, match=r"Hint: restore the file, or remove it and run again\.$"):
        made(tmp_path, told, force=True)
    pointer.unlink()

    assert made(tmp_path, told) == before


def test_an_assignment_to_subsets_that_settings_do_not_name_stops_the_run(tmp_path: Path) -> None:
    folder = put_pupils(tmp_path, 20)
    made(tmp_path, STRATIFIED)
    marker = (folder / "_ASSIGNMENT.json").read_text()

    with pytest.raises(ConfigurationError) as refusal:
        made(tmp_path, STRATIFIED, subsets={"train": 0.5, "dev": 0.5})

    assert str(refusal.value) == (
        f"subsets: expected all those that pupils are assigned to at {folder}, test, train, validation, found train, "
        "dev. Hint: name them all, or another split_assignment, where pupils are assigned anew."
    )
    assert (folder / "_ASSIGNMENT.json").read_text() == marker
    put_pupils(tmp_path, 40)
    four = {"train": 0.4, "validation": 0.2, "test": 0.2, "dev": 0.2}
    assert made(tmp_path, STRATIFIED, subsets=four).keys() == four.keys()


def test_what_holds_nothing_yet_can_be_read_back() -> None:
    begun = CurrentVocabulary(vocabulary="0" * 16, column="skill", size=0, fitted_on=())
    assigned = CurrentAssignment(assignment="0" * 16, made_from="", pupils=0)

    assert begun.is_begun
    assert assigned.is_begun
    assert not begun.model_copy(update={"fitted_on": ("ab",)}).is_begun
    assert not assigned.model_copy(update={"made_from": "ab"}).is_begun
