"""What a local session needs before Spark starts: a Java, the jars, and the settings for S3."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from obs2seq import bootstrap
from obs2seq.aws.access import S3Access
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses import session
from obs2seq.warehouses.jars import Jar, cache_folder, jar_paths, pinned_jars
from obs2seq.warehouses.java import ensure_java, find_java, parse_version
from obs2seq.warehouses.java_launcher import launchable_home
from obs2seq.warehouses.lanes import LANES, java_lane_of, lane_of
from obs2seq.warehouses.s3a import access_settings, s3a_settings

SPARK_35, SPARK_41 = LANES["35"], LANES["41"]
JAR = Jar("org.example:some-part:1.2", hashlib.sha256(b"the jar").hexdigest())


def make_java(home: Path, version: str, says: str = "openjdk") -> Path:
    """A Java home whose `java` only tells its version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says} version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java and without a cache."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("SPARK_JARS_CACHE", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Maven repository, in place of Maven Central, for a lane that needs one jar."""
    folder = tmp_path / "repository"
    monkeypatch.setenv("MAVEN_REPOSITORY_URL", folder.as_uri() + "/")
    monkeypatch.setattr("obs2seq.warehouses.jars.pinned_jars", lambda lane, *, delta, s3: [JAR])
    return folder


def put_jar(repository: Path, content: bytes) -> None:
    path = repository / "org" / "example" / "some-part" / "1.2" / "some-part-1.2.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ('java version "1.8.0_402"\nJava(TM) SE Runtime Environment (build 1.8.0_402-b06)', 8),
        ('openjdk version "11.0.22" 2024-01-16 LTS', 11),
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment Temurin-17.0.15+6', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "24-ea" 2025-03-18', 24),
        ('    java.vm.specification.version = 11\nopenjdk version "17.0.9" 2023-10-17', 17),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_parse_version_reads_the_feature_release(answer: str, version: int | None) -> None:
    assert parse_version(answer) == version


def test_find_java_prefers_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_java(tmp_path, "17.0.1")
    home = make_java(tmp_path / "a java", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(home))

    java = find_java(SPARK_35)

    assert java is not None
    assert (java.path, java.version) == (home, 17)


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "21.0.8", "25.0.2"])
def test_find_java_passes_over_versions_that_spark_cannot_use(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_java(tmp_path, "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "other", version)))

    java = find_java(SPARK_35)

    assert java is not None
    assert java.path == tmp_path


def test_find_java_follows_links_to_the_home(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk-17", "17.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")

    java = find_java(SPARK_35)

    assert java is not None
    assert java.path == home


def test_find_java_passes_over_a_java_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    program = make_java(tmp_path, "17.0.1") / "bin" / "java"
    program.write_text("#!/bin/sh\necho 'version \"17.0.1\"' >&2\nexit 1\n")

    assert find_java(SPARK_35) is None


def test_java_21_is_for_spark_4_only(tmp_path: Path) -> None:
    make_java(tmp_path, "21.0.8")

    assert find_java(SPARK_35) is None
    assert find_java(SPARK_41) is not None


def test_ensure_java_sets_java_home(tmp_path: Path) -> None:
    make_java(tmp_path, "17.0.1")

    ensure_java(SPARK_35)

    assert os.environ["JAVA_HOME"] == str(tmp_path)


def test_ensure_java_says_what_it_found_and_what_helps(tmp_path: Path) -> None:
    make_java(tmp_path, "11.0.22")

    with pytest.raises(ConfigurationError) as caught:
        ensure_java(SPARK_35)

    assert str(caught.value) == (
        f"java: expected Java 17 to 20 for Spark 3.5, found Java 11 in {tmp_path}. "
        "Hint: pip install 'obs2seq[java]', or set JAVA_HOME to a Java in that range."
    )


def test_a_java_without_the_vector_module_gets_a_launcher_that_drops_the_option(tmp_path: Path) -> None:
    home = tmp_path / "a trimmed java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text('MODULES="java.base java.sql"\n')

    launcher = launchable_home(home) / "bin" / "java"

    command = [str(launcher), "--add-modules=jdk.incubator.vector", "-Da=b c", "-version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "<-Da=b c><-version>"


def test_a_whole_java_is_launched_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "release").write_text('MODULES="java.base jdk.incubator.vector"\n')

    assert launchable_home(tmp_path) == tmp_path


def test_lanes_are_told_by_the_release_series() -> None:
    assert lane_of("3.5.6") is SPARK_35
    assert lane_of("4.1.4") is SPARK_41
    assert lane_of("4.0.1") is None
    assert java_lane_of("4.0.1") is SPARK_41
    assert java_lane_of("3.4.4") is SPARK_35


def test_pinned_jars_are_those_of_the_lane() -> None:
    delta = [jar.coordinates for jar in pinned_jars("35", delta=True, s3=False)]

    assert delta == ["io.delta:delta-spark_2.12:3.3.3", "io.delta:delta-storage:3.3.3"]
    assert len(pinned_jars("35", delta=True, s3=True)) == 7
    assert pinned_jars("41", delta=False, s3=False) == []


def test_jar_paths_fetches_once(repository: Path) -> None:
    put_jar(repository, b"the jar")

    first = jar_paths("35", delta=True, s3=False)
    (repository / JAR.address).unlink()
    second = jar_paths("35", delta=True, s3=False)

    assert first == second == [cache_folder() / "some-part-1.2.jar"]
    assert first[0].read_bytes() == b"the jar"
    assert [path.name for path in cache_folder().iterdir()] == ["some-part-1.2.jar"]


def test_jar_paths_takes_files_put_there_by_hand(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_JARS_CACHE", str(tmp_path))
    (tmp_path / "some-part-1.2.jar").write_bytes(b"the jar")

    assert jar_paths("35", delta=True, s3=False) == [tmp_path / "some-part-1.2.jar"]


def test_jar_paths_replaces_a_damaged_file(repository: Path) -> None:
    put_jar(repository, b"the jar")
    cache_folder().mkdir(parents=True)
    (cache_folder() / JAR.name).write_bytes(b"half of the")

    assert jar_paths("35", delta=True, s3=False)[0].read_bytes() == b"the jar"


def test_jar_paths_refuses_another_content(repository: Path) -> None:
    put_jar(repository, b"something else")

    with pytest.raises(StorageError, match="SHA-256"):
        jar_paths("35", delta=True, s3=False)

    assert list(cache_folder().iterdir()) == []


def test_jar_paths_says_what_to_do_offline(repository: Path) -> None:
    with pytest.raises(StorageError) as caught:
        jar_paths("35", delta=True, s3=False)

    message = str(caught.value)
    assert message.startswith(
        f"jars: expected org.example:some-part:1.2 in {cache_folder()} or from the Maven repository"
    )
    assert "Hint: without a network, put some-part-1.2.jar into that folder" in message


ENDPOINTS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2"}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012"


def test_s3a_settings_follow_the_environment_that_boto3_reads() -> None:
    settings = s3a_settings("35", {"AWS_DEFAULT_REGION": "eu-west-1"})

    assert settings["spark.hadoop.fs.s3.impl"] == "org.apache.hadoop.fs.s3a.S3AFileSystem"
    assert settings["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"


def test_s3a_settings_leave_the_real_s3_its_own_addresses() -> None:
    settings = s3a_settings("41", {}) | access_settings(S3Access(), {})

    assert not {name for name in settings if "endpoint" in name or "path.style" in name or "encryption" in name}


def test_access_settings_name_the_endpoint_that_boto3_uses() -> None:
    assert access_settings(S3Access(), ENDPOINTS) == {
        "spark.hadoop.fs.s3a.endpoint": "http://127.0.0.1:2",
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }


def test_access_settings_name_region_and_key_to_both_clients_of_emr() -> None:
    assert access_settings(S3Access(kms_key=KEY, expected_owner="111122223333", region="eu-west-1"), {}) == {
        "spark.hadoop.fs.s3a.endpoint.region": "eu-west-1",
        "spark.hadoop.fs.s3a.encryption.algorithm": "SSE-KMS",
        "spark.hadoop.fs.s3a.encryption.key": KEY,
        "spark.hadoop.fs.s3.enableServerSideEncryption": "true",
        "spark.hadoop.fs.s3.serverSideEncryption.kms.keyId": KEY,
    }


def test_a_cluster_is_told_how_s3_is_gone_about(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, str]] = []
    monkeypatch.setattr(session, "_open", opened.append)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(mode="emr", s3_kms_key=KEY, s3_region="eu-west-1", spark={"spark.hadoop.fs.s3a.threads.max": 9})

    bootstrap.session_source(settings, RoutedStorage())()

    (given,) = opened
    assert {name: given[name] for name in given if name.startswith("spark.hadoop.fs.s3a.")} == {
        "spark.hadoop.fs.s3a.endpoint.region": "eu-west-1",
        "spark.hadoop.fs.s3a.encryption.algorithm": "SSE-KMS",
        "spark.hadoop.fs.s3a.encryption.key": KEY,
        "spark.hadoop.fs.s3a.threads.max": "9",
    }


@pytest.mark.parametrize("mode", ["emr", "local"])
def test_shuffle_partitions_stand_above_both_of_sparks_own_settings(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, str]] = []
    monkeypatch.setattr(session, "_open", opened.append)
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")  # as under spark-submit, where no Java is looked for
    initial = "spark.sql.adaptive.coalescePartitions.initialPartitionNum"
    settings = Settings(mode=mode, shuffle_partitions=20_000, spark={"spark.sql.shuffle.partitions": 7, initial: 1000})

    bootstrap.session_source(settings, RoutedStorage())()

    assert (opened[0]["spark.sql.shuffle.partitions"], opened[0][initial]) == ("20000", "20000")


def test_what_spark_settings_say_of_s3_stands_above_the_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, str]] = []
    monkeypatch.setattr(session, "_open", opened.append)

    session.cluster_session({"spark.hadoop.fs.s3a.encryption.algorithm": "DSSE-KMS"}, S3Access(kms_key=KEY))

    assert opened[0]["spark.hadoop.fs.s3a.encryption.algorithm"] == "DSSE-KMS"
