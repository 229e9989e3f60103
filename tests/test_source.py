"""What lies at a location, told by names alone; and which of its columns a job needs."""

import pytest

from obs2seq.domain.files import StoredFile
from obs2seq.domain.job import Job
from obs2seq.domain.reading import reads
from obs2seq.domain.source import Source, is_data, is_table, require_plain_names, source_at, top_folders
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.errors import DataError, DataNotFoundError

LOG = "_delta_log/0000000000000000000"


def _files(*paths: str) -> list[StoredFile]:
    return [StoredFile(path, 10, "2026-01-05T08:00:00Z") for path in paths]


def _source(*paths: str, format_: str = "auto") -> Source:
    return source_at("here", _files(*paths), format_)


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("a.parquet", "parquet"),
        ("deep/er/A.PARQUET", "parquet"),
        ("part-0.snappy.parquet", "parquet"),
        ("a.csv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.json", "json"),
        ("a.jsonl", "json"),
        ("a.ndjson.gz", "json"),
    ],
)
def test_the_ending_tells_the_format(path: str, format_: str) -> None:
    assert _source(path).format == format_


def test_a_single_file_is_known_by_its_location() -> None:
    source = source_at("folder/a.csv.gz", _files(""))

    assert (source.format, source.is_all, source.files) == ("csv", True, tuple(_files("")))


@pytest.mark.parametrize("path", ["/a.parquet", "x//a.parquet", "./a.parquet", "x/../a.parquet", "x/./_a", "x//"])
def test_a_key_that_hadoop_reads_as_another_is_refused(path: str) -> None:
    with pytest.raises(DataError) as refused:
        require_plain_names("s3://bucket/in", _files("good.parquet", path))

    assert str(refused.value) == (
        f"s3://bucket/in: expected keys that Hadoop can read, found '{path}' with an empty folder, '.' or '..' in it. "
        "Hint: copy the object to a key without them, or take it away."
    )


def test_other_names_are_plain() -> None:
    require_plain_names("in", _files("", "a.parquet", "...", ".hidden/a..b", "8:30/ %20+#?=ü😀.parquet"))


def test_hidden_files_count_for_nothing() -> None:
    source = _source("_SUCCESS", ".a.parquet.crc", "_temporary/0/b.parquet", "a.parquet", "sub/.hidden/c.csv")

    assert [file.path for file in source.files] == ["a.parquet"]
    assert source.is_all
    assert source.size == 10


def test_files_of_no_known_format_are_passed_over() -> None:
    source = _source("README.md", "a.parquet", "b.parquet")

    assert [file.path for file in source.files] == ["a.parquet", "b.parquet"]
    assert not source.is_all


def test_a_format_that_is_named_takes_all_visible_files() -> None:
    source = _source("a.txt", "b.parquet", "_SUCCESS", format_="csv")

    assert (source.format, [file.path for file in source.files]) == ("csv", ["a.txt", "b.parquet"])


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ((), "found nothing there"),
        (("_SUCCESS", ".a.parquet"), "found only 2 hidden files"),
    ],
)
def test_nothing_to_read_is_said(paths: tuple[str, ...], found: str) -> None:
    for format_ in ("auto", "parquet", "csv"):
        with pytest.raises(DataNotFoundError, match=found):
            _source(*paths, format_=format_)


def test_several_formats_or_none_are_refused() -> None:
    with pytest.raises(DataError, match=r"found 1 csv, 2 parquet\. Hint: set input_format"):
        _source("a.parquet", "b.parquet", "c.csv")
    with pytest.raises(DataError, match="found none that end in one of them"):
        _source("a.avro")


@pytest.mark.parametrize(
    ("paths", "version", "commit"),
    [
        ((f"{LOG}0.json",), 0, f"{LOG}0.json"),
        ((f"{LOG}9.json", "_delta_log/00000000000000000010.json"), 10, "_delta_log/00000000000000000010.json"),
        ((f"{LOG}2.checkpoint.parquet", f"{LOG}2.json", f"{LOG}1.json"), 2, f"{LOG}2.json"),
        ((f"{LOG}2.json", f"{LOG}2.checkpoint.parquet"), 2, f"{LOG}2.json"),
        ((f"{LOG}3.checkpoint.0000000001.0000000002.parquet",), 3, f"{LOG}3.checkpoint.0000000001.0000000002.parquet"),
        ((f"{LOG}1.json", f"{LOG}1.crc", "_delta_log/_last_checkpoint", f"{LOG}4.json.tmp"), 1, f"{LOG}1.json"),
    ],
)
def test_a_delta_table_is_read_at_its_newest_version(paths: tuple[str, ...], version: int, commit: str) -> None:
    for format_ in ("auto", "delta"):
        source = _source("part-0.parquet", *paths, format_=format_)
        assert source.table_commit is not None
        assert (source.format, source.table_version, source.table_commit.path) == ("delta", version, commit)
        assert [file.path for file in source.files] == ["part-0.parquet"]


def test_a_delta_table_needs_a_log() -> None:
    with pytest.raises(DataNotFoundError, match="expected a Delta table, found no _delta_log with a version in it"):
        _source("part-0.parquet", "_delta_log/_last_checkpoint", format_="delta")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"table/{LOG}0.json", "a Delta table"),
        (".hoodie/hoodie.properties", "a Hudi table"),
        ("_CURRENT.json", "what obs2seq published"),
        ("train_prepared/_CURRENT.json", "what obs2seq published"),
    ],
)
def test_files_that_only_their_own_reader_understands_are_refused(path: str, found: str) -> None:
    with pytest.raises(DataError, match=f"expected plain files, found {found}"):
        _source("run_id=1/part-0.parquet", path)


def test_a_delta_table_is_not_read_as_parquet() -> None:
    with pytest.raises(DataError, match="set input_format: delta"):
        _source("part-0.parquet", f"{LOG}0.json", format_="parquet")


def test_folders_that_name_a_column_must_all_name_the_same() -> None:
    source = _source("year=2025/school=a/0.csv", "year=2026/school=b/0.csv")
    assert source.has_partition_folders
    assert not _source("2025/0.csv", "2026/deep/0.csv", "0.csv").has_partition_folders

    for other in ("0.csv", "year=2026/0.csv", "school=a/year=2026/0.csv", "year=2026/school=a/deep/0.csv", "x/y/0.csv"):
        with pytest.raises(DataError, match="expected all files in folders named <column>=<value> of the same columns"):
            _source("year=2025/school=a/0.csv", other)


def test_top_folders_hold_visible_files() -> None:
    files = _files("train/a.parquet", "test/deep/b.parquet", "c.parquet", "_logs/d.parquet", "old/.e.parquet")

    assert top_folders(files) == {"train", "test"}


def test_data_is_told_from_what_lies_beside_it() -> None:
    names = ("a.parquet", "b.csv.gz", "c.md", "_d.parquet", "e/.f/g.csv")

    assert [is_data(name) for name in names] == [True, True, False, False, False]
    assert is_table(_files("a.parquet", f"{LOG}0.json"))
    assert not is_table(_files("a.parquet", f"table/{LOG}0.json"))


# ---------------------------------------------------------------- which columns a job needs

SPEC = SequenceSpec(
    pupil="Pupil", order_by=["at"], sequence_length=5, features=[Feature(name="x", column="score", pad=0)]
)


@pytest.mark.parametrize(
    ("job", "needed", "not_needed"),
    [
        (Job(SPEC), {"pupil", "AT", "score", "subset"}, {"device", "x"}),
        (Job(SPEC, subset_method="hash"), {"pupil", "at", "score"}, {"subset"}),
        (Job(SPEC, subset_method="column", subset_column="Fold"), {"fold"}, {"subset"}),
        (Job(SPEC, columns={"score": "points / 10"}), {"points", "at"}, {"score", "point"}),
        (Job(SPEC, columns={"score": "coalesce(`Score`, 0)"}), {"score"}, {"device"}),
        (Job(SPEC, columns={"score": "`a``b.c`"}), {"a`b.c"}, {"d"}),
        (Job(SPEC, row_filter="device = 'tablet'"), {"device"}, {"school"}),
        (Job(SPEC, row_filter="hash(*) > 0"), {"anything"}, set()),
        (Job(SPEC, row_filter="a * b > 0"), {"a", "b"}, {"c"}),
    ],
)
def test_columns_are_needed_where_the_settings_name_them(job: Job, needed: set[str], not_needed: set[str]) -> None:
    assert {name for name in needed | not_needed if reads(job, name)} == needed
