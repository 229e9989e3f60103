from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from obs2seq.domain.locations import join
from obs2seq.errors import ConflictError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.local import LocalStorage
from tests.fakes import InMemoryStorage

Place = tuple[Storage, str]
AWKWARD = ["with space.json", "grün.json", 'it\'s "quoted".json', "a+b.json", "100%.json", "%20.json", "k=v/#?&.json"]


@pytest.fixture(params=["memory", "local", "file_uri", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A storage, and an empty location there."""
    match request.param:
        case "memory":
            return InMemoryStorage(), "memory/folder"
        case "local":
            return LocalStorage(), f"{tmp_path}/folder"
        case "file_uri":
            return LocalStorage(), f"file://{tmp_path}/folder"
        case _:
            return request.getfixturevalue("s3_storage"), f"s3://{request.getfixturevalue('bucket')}/folder"


def paths(storage: Storage, location: str) -> list[str]:
    return [file.path for file in storage.list_files(location)]


def test_nothing_is_there_at_first(place: Place) -> None:
    storage, location = place

    assert storage.list_files(location) == []
    assert storage.read_text(join(location, "file.json")) is None


def test_remove_of_nothing_does_nothing(place: Place) -> None:
    storage, location = place

    storage.remove(location)

    assert storage.list_files(location) == []


def test_text_is_read_as_it_was_written(place: Place) -> None:
    storage, location = place
    text = "Größe: 5 €\r\nzweite Zeile\n"

    storage.write_text(join(location, "deep/er/file.json"), text)
    stored = storage.read_text(join(location, "deep/er/file.json"))

    assert stored is not None
    assert stored.text == text


def test_list_files_is_sorted_and_complete_with_sizes_in_bytes(place: Place) -> None:
    storage, location = place
    for name, text in (("b.txt", "ü"), ("a/c.txt", "abc"), ("_hidden/.x", ""), ("a.txt", "a")):
        storage.write_text(join(location, name), text)

    files = storage.list_files(location)

    assert [(file.path, file.size) for file in files] == [
        ("_hidden/.x", 0),
        ("a.txt", 1),
        ("a/c.txt", 3),
        ("b.txt", 2),
    ]


def test_list_files_of_one_file_gives_that_file_without_a_path(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file.csv"), "abc")
    storage.write_text(join(location, "file.csv.bak"), "other")

    files = storage.list_files(join(location, "file.csv"))

    assert [(file.path, file.size) for file in files] == [("", 3)]


def test_a_slash_at_the_end_changes_nothing(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file.csv"), "abc")

    assert storage.list_files(f"{location}/") == storage.list_files(location)


def test_neighbours_of_the_same_beginning_are_not_below(place: Place) -> None:
    storage, location = place
    for name in ("run/part", "run-2/part", "run.txt"):
        storage.write_text(join(location, name), "x")

    assert paths(storage, join(location, "run")) == ["part"]


def test_remove_leaves_neighbours_of_the_same_beginning(place: Place) -> None:
    storage, location = place
    for name in ("run/part", "run/deep/part", "run-2/part", "run.txt"):
        storage.write_text(join(location, name), "x")

    storage.remove(join(location, "run"))

    assert paths(storage, location) == ["run-2/part", "run.txt"]


def test_remove_takes_one_file(place: Place) -> None:
    storage, location = place
    for name in ("a.txt", "b.txt"):
        storage.write_text(join(location, name), "x")

    storage.remove(join(location, "a.txt"))

    assert paths(storage, location) == ["b.txt"]


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_is_taken_literally(place: Place, name: str) -> None:
    storage, location = place
    storage.write_text(join(location, name), name)

    stored, listed = storage.read_text(join(location, name)), paths(storage, location)
    storage.remove(join(location, name))

    assert stored is not None
    assert (stored.text, listed, paths(storage, location)) == (name, [name], [])


def test_write_text_replaces_what_is_there(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file"), "a longer first text")
    before = storage.read_text(join(location, "file"))

    storage.write_text(join(location, "file"), "second")
    after = storage.read_text(join(location, "file"))

    assert before is not None
    assert after is not None
    assert (after.text, after.version == before.version) == ("second", False)
    assert paths(storage, location) == ["file"]


def test_replace_text_of_an_absent_file_writes_it(place: Place) -> None:
    storage, location = place

    storage.replace_text(join(location, "new/file"), "first", None)

    assert paths(storage, location) == ["new/file"]


def test_replace_text_of_the_file_as_it_was_read_writes_it(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file"), "first")

    storage.replace_text(join(location, "file"), "second", storage.read_text(join(location, "file")))

    stored = storage.read_text(join(location, "file"))
    assert stored is not None
    assert stored.text == "second"


def test_replace_text_refuses_a_file_that_is_there_unexpectedly(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file"), "theirs")

    with pytest.raises(ConflictError, match="changed meanwhile"):
        storage.replace_text(join(location, "file"), "mine", None)

    stored = storage.read_text(join(location, "file"))
    assert stored is not None
    assert stored.text == "theirs"


def test_replace_text_refuses_a_file_that_changed(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file"), "first")
    seen = storage.read_text(join(location, "file"))
    storage.write_text(join(location, "file"), "theirs")

    with pytest.raises(ConflictError):
        storage.replace_text(join(location, "file"), "mine", seen)

    stored = storage.read_text(join(location, "file"))
    assert stored is not None
    assert stored.text == "theirs"


def test_replace_text_refuses_a_file_that_is_gone(place: Place) -> None:
    storage, location = place
    storage.write_text(join(location, "file"), "first")
    seen = storage.read_text(join(location, "file"))
    storage.remove(join(location, "file"))

    with pytest.raises(ConflictError):
        storage.replace_text(join(location, "file"), "mine", seen)

    assert paths(storage, location) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_of_many_who_replace_at_once_exactly_one_wins(place: Place, is_new: bool) -> None:
    storage, location = place
    target = join(location, "file")
    if not is_new:
        storage.write_text(target, "first")
    seen = storage.read_text(target)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda i: _wins(storage, target, f"from {i}", seen), range(16)))

    stored = storage.read_text(target)
    assert won.count(True) == 1
    assert stored == VersionedText(f"from {won.index(True)}", stored.version if stored else "")
    assert paths(storage, location) == ["file"]


def _wins(storage: Storage, location: str, text: str, seen: VersionedText | None) -> bool:
    try:
        storage.replace_text(location, text, seen)
    except ConflictError:
        return False
    return True
