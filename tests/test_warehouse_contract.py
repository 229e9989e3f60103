"""What every warehouse promises, and so does its stand-in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudpathlib import S3Path

from obs2seq.bootstrap import warehouse
from obs2seq.errors import (
    ConfigurationError,
    DataError,
    DataNotFoundError,
    Obs2SeqError,
    SpecificationError,
)
from obs2seq.ports import WarehouseServiceInterface
from obs2seq.warehouses.service import WarehouseService
from tests.athena_jobs import a_school
from tests.fakes import InMemoryWarehouseService
from tests.small_jobs import answers, put_answers, settings_for

SUBSETS = {"train": 0.75, "test": 0.25}


@dataclass(frozen=True)
class Case:
    service: WarehouseServiceInterface
    data: str
    output: str
    kind: type[Path] | type[S3Path]
    """Of the locations that it returns."""
    read: Callable[[str], object]
    """Returns what readers find at a location: another object where it was published anew, None where nothing is."""

    def sequence(
        self, subset: str = "train", length: int = 3, data: str | None = None, output: str | None = None
    ) -> S3Path | Path:
        places = [self.data if data is None else data, self.output if output is None else output]
        return self.service.sequence_dataset(places[0], length, places[1], subset)

    def read_all(self, *names: str) -> list[object]:
        return [self.read(f"{self.output}/{name}") for name in names]


def _fake() -> Case:
    service = InMemoryWarehouseService({"s3://bucket/in": {"train": 5, "test": 2}})
    return Case(service, "s3://bucket/in", "s3://bucket/out", S3Path, service.published.get)


def _in_files(root: str, mode: str, kind: type[Any], engine: str = "spark", execution: str = "native") -> Case:
    put_answers(f"{root}/in/train/part-0.parquet", answers(1, [1, 0, 1, 1, 0]))
    put_answers(f"{root}/in/test/part-0.parquet", answers(2, [1, 0]))
    ways = {"mode": mode, "engine": engine, "execution": execution}
    service = warehouse(settings_for(f"{root}/in", f"{root}/out", subsets=SUBSETS, **ways))
    return Case(service, f"{root}/in", f"{root}/out", kind, _run_and_instant(service))


def _on_athena(bucket: str) -> Case:
    service, _, root = a_school(bucket, subsets=SUBSETS)
    put_answers(f"{root}/in/train/part-0.parquet", answers(1, [1, 0, 1, 1, 0]))
    put_answers(f"{root}/in/test/part-0.parquet", answers(2, [1, 0]))
    return Case(service, f"{root}/in", f"{root}/out", S3Path, _run_and_instant(service))


def _run_and_instant(service: WarehouseService) -> Callable[[str], object]:
    def read(location: str) -> object:
        try:
            manifest = service.published(location)
        except DataNotFoundError:
            return None
        return manifest.run_id, manifest.published_at

    return read


def _on_arrow(request: pytest.FixtureRequest) -> Case:
    if request.param == "arrow":
        return _in_files(str(request.getfixturevalue("tmp_path")), "local", Path, "arrow")
    return _in_files(f"s3://{request.getfixturevalue('bucket')}/deep", "local", S3Path, "arrow")


@pytest.fixture(params=["in memory", "local", "local, tasks", "local, S3", "EMR, S3", "Athena", "arrow", "arrow, S3"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "in memory":
        return _fake()
    if request.param == "Athena":
        return _on_athena(request.getfixturevalue("bucket"))
    if request.param.startswith("arrow"):
        return _on_arrow(request)
    request.getfixturevalue("spark")
    if request.param == "local, tasks":
        return _in_files(str(request.getfixturevalue("tmp_path")), "local", Path, execution="arrow")
    if request.param == "local":
        return _in_files(str(request.getfixturevalue("tmp_path")), "local", Path)
    mode = "emr" if request.param.startswith("EMR") else "local"
    return _in_files(f"s3://{request.getfixturevalue('bucket')}/deep", mode, S3Path)


def test_sequences_are_published_at_the_location_that_is_returned_also_the_second_time(case: Case) -> None:
    location = case.sequence()
    published = case.read(str(location))
    again = case.sequence(data=f"{case.data}/", output=f"{case.output}/")

    assert location == again == case.kind(f"{case.output}/train_sequenced_3")
    assert isinstance(location, case.kind)
    assert published is not None
    assert case.read(str(again)) == published


def test_observations_are_published_at_the_location_that_is_returned(case: Case) -> None:
    location = case.service.prepare_dataset(case.data, case.output, "test")

    assert location == case.kind(f"{case.output}/test_prepared")
    assert case.read(str(location)) is not None
    assert case.read_all("test_sequenced_3") == [None]


def test_a_block_publishes_all_at_its_end(case: Case) -> None:
    with case.service.all_or_none():
        case.sequence("train")
        case.sequence("test")
        within = case.read_all("train_sequenced_3", "test_sequenced_3")

    assert within == [None, None]
    assert None not in case.read_all("train_sequenced_3", "test_sequenced_3")


def test_a_block_that_fails_publishes_nothing_and_the_next_call_at_once(case: Case) -> None:
    error = KeyError("from within")

    def fail_within_a_block() -> None:
        with case.service.all_or_none():
            case.sequence("train")
            raise error

    with pytest.raises(KeyError) as raised:
        fail_within_a_block()
    after_the_failure = case.read_all("train_sequenced_3")
    case.sequence("train")

    assert raised.value is error
    assert after_the_failure == [None]
    assert case.read_all("train_sequenced_3") != [None]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"subset": "tset"}, ConfigurationError),
        ({"length": 0}, SpecificationError),
        ({"data": "{data}/nowhere"}, DataNotFoundError),
        ({"output": "{data}/out"}, ConfigurationError),
        ({"output": "{data}"}, ConfigurationError),
        ({"data": "hdfs://host/in"}, ConfigurationError),
        ({"output": "s3a://bucket/out"}, ConfigurationError),
        ({"output": ""}, ConfigurationError),
    ],
    ids=["subset", "length", "no data", "output in data", "output is data", "scheme of data", "of output", "no output"],
)
def test_what_cannot_be_done_is_refused_and_publishes_nothing(
    case: Case, change: dict[str, Any], error: type[Obs2SeqError]
) -> None:
    told: Any = {name: v.format(data=case.data) if isinstance(v, str) else v for name, v in change.items()}

    with pytest.raises(Obs2SeqError) as refused:
        case.sequence(**told)

    assert isinstance(refused.value, error)
    assert case.read_all("train_sequenced_3", "tset_sequenced_3", "train_sequenced_0") == [None] * 3


@pytest.mark.parametrize("mode", ["emr", "athena"])
def test_local_paths_are_for_this_machine_alone(tmp_path: Path, mode: str) -> None:
    root = str(tmp_path)
    service = warehouse(settings_for(f"{root}/in", f"{root}/out", mode=mode))

    with pytest.raises(ConfigurationError, match=r"found a local path\. Hint: set MODE=local"):
        service.sequence_dataset(f"{root}/in", 3, f"{root}/out", "train")


@pytest.mark.parametrize("engine", ["spark", "arrow"])
def test_data_that_cannot_be_used_publishes_nothing(spark: object, engine: str, tmp_path: Path) -> None:
    case = _in_files(str(tmp_path), "local", Path, engine)
    (tmp_path / "in" / "test" / "part-0.parquet").write_bytes(b"no Parquet")

    with pytest.raises(DataError, match="corrupt or half-written"):
        case.sequence("test")

    assert case.read_all("test_sequenced_3") == [None]
