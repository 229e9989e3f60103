import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.ports import Storage
from obs2seq.storage.local import LocalStorage


def paths(storage: Storage, location: str) -> list[str]:
    return [file.path for file in storage.list_files(location)]


def test_of_many_processes_that_replace_at_once_exactly_one_wins(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from obs2seq.errors import ConflictError\n"
        "from obs2seq.storage.local import LocalStorage\n"
        "won = 0\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "for turn in range(100):\n"
        "    try:\n"
        "        LocalStorage().replace_text(f'{sys.argv[1]}/{turn}', sys.argv[2], None)\n"
        "        won += 1\n"
        "    except ConflictError:\n"
        "        pass\n"
        "print(won)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment, "text": True}

    processes = [subprocess.Popen([*command, str(i)], **pipes) for i in range(2)]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [int(process.communicate()[0]) for process in processes]

    assert sum(won) == 100
    assert len(paths(LocalStorage(), str(tmp_path))) == 100


def test_what_a_killed_process_left_does_no_harm(tmp_path: Path) -> None:
    for name in (".file.tmp", ".file.lock"):
        (tmp_path / name).write_text("half")

    LocalStorage().replace_text(f"{tmp_path}/file", "whole", None)

    assert (tmp_path / "file").read_text() == "whole"
    assert paths(LocalStorage(), str(tmp_path)) == ["file"]


def test_a_lock_that_its_last_holder_removed_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, locks = fcntl.flock, []

    def flock_after_another(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        locks.append(descriptor)
        if len(locks) == 1:
            (tmp_path / ".file.lock").unlink()

    monkeypatch.setattr(fcntl, "flock", flock_after_another)

    LocalStorage().write_text(f"{tmp_path}/file", "text")

    assert len(locks) == 2
    assert paths(LocalStorage(), str(tmp_path)) == ["file"]


def test_who_is_reading_the_former_text_gets_all_of_it(tmp_path: Path) -> None:
    LocalStorage().write_text(f"{tmp_path}/file", "former")

    with (tmp_path / "file").open() as reader:
        LocalStorage().write_text(f"{tmp_path}/file", "new")

        assert reader.read() == "former"


def test_a_failed_write_leaves_the_former_text_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage()
    storage.write_text(f"{tmp_path}/file", "former")
    _fail(monkeypatch, os, "fsync", errno.ENOSPC)

    with pytest.raises(StorageError):
        storage.write_text(f"{tmp_path}/file", "new")

    assert (tmp_path / "file").read_text() == "former"
    assert paths(storage, str(tmp_path)) == ["file"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "free space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "that can be written to"),
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
        (errno.ESTALE, "file server"),
        (errno.ENODEV, "check the location"),
    ],
)
def test_a_refusal_says_where_what_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, hint: str
) -> None:
    _fail(monkeypatch, os, "open", code)

    with pytest.raises(StorageError) as refused:
        LocalStorage().write_text(f"{tmp_path}/file", "text")

    assert refused.value.where == f"{tmp_path}/file"
    assert os.strerror(code) in refused.value.problem
    assert hint in refused.value.hint
    assert isinstance(refused.value.__cause__, OSError)


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match="a part of the path is a file"):
        LocalStorage().write_text(f"{tmp_path}/file/below", "text")

    assert LocalStorage().read_text(f"{tmp_path}/file/below") is None
    assert LocalStorage().list_files(f"{tmp_path}/file/below") == []


def test_reading_a_folder_as_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="name a file, not a folder"):
        LocalStorage().read_text(str(tmp_path))


def test_text_that_is_no_utf8_is_refused_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret \xff")

    with pytest.raises(StorageError, match="expected UTF-8 text") as refused:
        LocalStorage().read_text(f"{tmp_path}/file")

    assert "secret" not in str(refused.value)


def test_list_files_follows_links_and_passes_over_broken_ones(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/part").write_text("abc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/linked").symlink_to(tmp_path / "real")
    (tmp_path / "folder/broken").symlink_to(tmp_path / "nowhere")

    files = LocalStorage().list_files(f"{tmp_path}/folder")

    assert [(file.path, file.size) for file in files] == [("linked/part", 3)]


def test_list_files_refuses_a_folder_linked_into_itself(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("abc")
    (tmp_path / "again").symlink_to(tmp_path)

    with pytest.raises(StorageError, match="link"):
        LocalStorage().list_files(str(tmp_path))


def test_remove_of_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/part").write_text("abc")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    LocalStorage().remove(f"{tmp_path}/link")

    assert paths(LocalStorage(), str(tmp_path)) == ["real/part"]


def test_the_time_of_change_has_nanoseconds(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("abc")
    os.utime(tmp_path / "file", ns=(0, 1_700_000_000_000_000_007))

    (file,) = LocalStorage().list_files(str(tmp_path))

    assert file.modified == "2023-11-14T22:13:20.000000007Z"


def test_other_users_may_read_what_is_written(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        LocalStorage().write_text(f"{tmp_path}/file", "abc")
    finally:
        os.umask(former)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_remove_refuses_the_root() -> None:
    with pytest.raises(ConfigurationError, match="the root"):
        LocalStorage().remove("/")


def _fail(monkeypatch: pytest.MonkeyPatch, module: object, name: str, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, name, fail)


def test_a_folder_that_is_left_without_files_goes_and_its_neighbours_stay(tmp_path: Path) -> None:
    storage = LocalStorage()
    storage.write_text(f"{tmp_path}/out/a/run/file", "text")
    storage.write_text(f"{tmp_path}/out/b/file", "text")

    storage.remove(f"{tmp_path}/out/a/run")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_a_folder_that_another_process_removes_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, folder = os.open, tmp_path / "out"
    found: list[bool] = []

    def open_after_removal(path: str | Path, *options: int) -> int:
        if not found:
            found.append(folder.is_dir())
            folder.rmdir()
        return opened(path, *options)

    monkeypatch.setattr(os, "open", open_after_removal)
    LocalStorage().write_text(f"{folder}/file", "text")

    assert found == [True]
    assert (folder / "file").read_text() == "text"
