import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from obs2seq.domain.locations import bucket_and_key, is_s3, join, local_path
from obs2seq.errors import ConfigurationError
from obs2seq.storage.containment import contains
from obs2seq.storage.local import LocalStorage
from obs2seq.storage.routing import RoutedStorage
from obs2seq.storage.s3 import S3Storage


def test_each_location_goes_to_its_own_storage(tmp_path: Path, bucket: str, s3_storage: S3Storage) -> None:
    routed = RoutedStorage()
    for location, storage in ((str(tmp_path), LocalStorage()), (f"s3://{bucket}", s3_storage)):
        for name in ("kept", "removed"):
            routed.write_text(join(location, name), "first")
        routed.replace_text(join(location, "kept"), "second", routed.read_text(join(location, "kept")))
        routed.remove(join(location, "removed"))

        assert routed.list_files(location) == storage.list_files(location)
        assert routed.read_text(join(location, "kept")) == storage.read_text(join(location, "kept"))
        assert [file.path for file in storage.list_files(location)] == ["kept"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("s3a://bucket/x", "Hint: write s3://bucket/x."),
        ("s3n://bucket/x", "Hint: write s3://bucket/x."),
        ("hdfs://host/x", "expected a local path, a file:// URI or an s3:// URI, found hdfs:."),
        ("S3://bucket/x", "found S3:."),
        ("", "found an empty text"),
    ],
)
def test_other_kinds_are_refused_by_every_operation(location: str, message: str) -> None:
    storage = RoutedStorage()
    acts: list[Callable[[], object]] = [
        lambda: storage.list_files(location),
        lambda: storage.read_text(location),
        lambda: storage.write_text(location, "x"),
        lambda: storage.replace_text(location, "x", None),
        lambda: storage.remove(location),
    ]

    for act in acts:
        with pytest.raises(ConfigurationError) as refused:
            act()
        assert message in str(refused.value)


def test_the_s3_adapter_is_imported_with_the_first_s3_location(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from obs2seq.storage.routing import RoutedStorage\n"
        "RoutedStorage().list_files(sys.argv[1])\n"
        "print('obs2seq.storage.s3' in sys.modules, 'pyspark' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    printed = subprocess.check_output([sys.executable, "-c", script, str(tmp_path)], env=environment, text=True)

    assert printed.split() == ["False", "False"]


def test_without_the_aws_client_s3_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("obs2seq.storage.s3", "obs2seq.aws.s3", "obs2seq.aws.clients"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(ConfigurationError, match=r"obs2seq\[aws\]"):
        RoutedStorage().list_files("s3://bucket/x")


@pytest.mark.parametrize("location", ["data", "/data", "../data", "file:///data", "file:/data", "a/b:c", "C:/x"])
def test_a_location_without_s3_is_local(location: str) -> None:
    assert not is_s3(location)


@pytest.mark.parametrize("location", ["s3://", "s3:///key", "s3:/bucket/key", "s3:bucket"])
def test_an_s3_location_without_a_bucket_is_refused(location: str) -> None:
    with pytest.raises(ConfigurationError, match="found no bucket"):
        bucket_and_key(location)


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("s3://b", ""),
        ("s3://b/", ""),
        ("s3://b/a", "a"),
        ("s3://b//a//c/", "a/c"),
        ("s3://b/a/../c/./d", "c/d"),
        ("s3://b/ü %20+?#=", "ü %20+?#="),
    ],
)
def test_a_key_is_read_as_hadoop_reads_it(location: str, key: str) -> None:
    assert bucket_and_key(location) == ("b", key)


@pytest.mark.parametrize("location", ["file://host/data", "file:data", "file:"])
def test_a_file_uri_needs_an_absolute_path(location: str) -> None:
    with pytest.raises(ConfigurationError, match="no absolute path"):
        local_path(location)


def test_a_file_uri_is_taken_literally() -> None:
    assert local_path("file:///data/a%20b") == Path("/data/a%20b")


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("s3://b", "x"), "s3://b/x"),
        (("s3://b/", "/x/", "y"), "s3://b/x/y"),
        (("/", "x"), "/x"),
        (("data", "", "x"), "data/x"),
        (("data/", ""), "data/"),
    ],
)
def test_join(parts: tuple[str, ...], joined: str) -> None:
    assert join(*parts) == joined


@pytest.mark.parametrize(
    ("outer", "inner", "is_within"),
    [
        ("s3://b/in", "s3://b/in", True),
        ("s3://b/in/", "s3://b/in/out", True),
        ("s3://b", "s3://b/in", True),
        ("s3://b/in", "s3://b/x/../in/out", True),
        ("s3://b/in", "s3://b/in-2", False),
        ("s3://b/in", "s3://b", False),
        ("s3://b/in", "s3://c/in/out", False),
        ("s3://b/in", "b/in", False),
        ("in", "in/out", True),
        ("in", "./in/", True),
        ("in/", "other/../in/out", True),
        ("in", "in-2", False),
        ("in/out", "in", False),
        ("link", "in/out", True),
        ("in", "link/out", True),
    ],
)
def test_contains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outer: str, inner: str, is_within: bool) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)

    assert contains(outer, inner) is is_within
    if not outer.startswith("s3:") and not inner.startswith("s3:"):
        assert contains(f"file://{tmp_path}/{outer}", inner) is is_within
