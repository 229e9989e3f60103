"""What a job that runs elsewhere is told."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from obs2seq.errors import ConfigurationError
from obs2seq.launch.arguments import as_arguments, job_arguments, job_options, job_settings
from obs2seq.settings import Settings, given_settings, load_settings, parse_args

LOCATIONS: dict[str, object] = {"s3_data_location": "s3://bucket/raw", "output_s3_location": "s3://bucket/out"}

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
pads = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), names)


def told(arguments: list[str]) -> Settings:
    """Return the settings that a job makes of its arguments."""
    namespace, unknown = parse_args(arguments)
    assert unknown == []
    return load_settings(given_settings(namespace), {}, None)


def test_only_what_differs_is_told_and_always_where_and_how() -> None:
    assert job_arguments(LOCATIONS, environ={}) == [
        "--s3_data_location=s3://bucket/raw",
        "--output_s3_location=s3://bucket/out",
        "--mode=emr",
    ]


def test_files_and_environment_are_read_here(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("keep_runs: 5\nsequence_length: 40\n")
    (tmp_path / "mine.yaml").write_text("sequence_length: 50\nstride: 25\n")
    environ = {"OBS2SEQ_COMPRESSION": "zstd", "MODE": "local"}

    arguments = job_arguments(LOCATIONS | {"force": True}, tmp_path / "mine.yaml", environ=environ)

    assert arguments == [
        "--sequence_length=50",
        "--stride=25",
        "--s3_data_location=s3://bucket/raw",
        "--output_s3_location=s3://bucket/out",
        "--compression=zstd",
        "--keep_runs=5",
        "--force",
        "--mode=emr",
    ]


@pytest.mark.parametrize(("length", "stride"), [(200, 100), (100, 50), (50, 50), (100, None)])
def test_a_stride_arrives_as_it_was_meant(length: int, stride: int | None) -> None:
    settings = job_settings(LOCATIONS | {"sequence_length": length, "stride": stride}, environ={})

    assert told(as_arguments(job_options(settings))) == settings


@given(
    features=st.dictionaries(names, st.tuples(names, pads), min_size=1, max_size=3),
    columns=st.dictionaries(st.sampled_from("abc"), names),
    salt=st.text(st.characters(exclude_categories=["Cs"])),
    shares=st.integers(1, 9),
)
@example(features={"a": ("b\nc", "\n")}, columns={}, salt="", shares=1)
def test_the_job_makes_the_same_settings_of_its_arguments(
    features: dict[str, tuple[str, Any]], columns: dict[str, str], salt: str, shares: int
) -> None:
    values: dict[str, object] = {
        "features": [
            {"name": f"{i}", "column": f"c{i}{c}", "pad": pad} for i, (c, pad) in enumerate(features.values())
        ],
        "columns": columns,
        "split_salt": salt,
        "subsets": {"b": shares / 10, "a": 1 - shares / 10},
        "spark": {"spark.a": True, "spark.b": "true", "spark.c": 1e-05},
    }
    settings = job_settings(LOCATIONS | values, environ={})

    arguments = as_arguments(job_options(settings))

    assert told(arguments) == settings
    assert as_arguments(job_options(told(arguments))) == arguments
    assert all("\n" not in argument for argument in arguments if not argument.startswith("--split_salt"))


def test_a_pad_that_is_no_number_arrives() -> None:
    values: dict[str, object] = {"features": [{"name": "a", "column": "a", "pad": math.nan}]}

    arguments = job_arguments(LOCATIONS | values, environ={})

    assert arguments[0] == "--features=[{name: a, column: a, pad: .nan, shift: 0}]"
    assert math.isnan(float(told(arguments).features[0].pad))


def test_a_run_without_locations_is_refused_before_it_starts() -> None:
    with pytest.raises(ConfigurationError, match="expected s3_data_location and output_s3_location, found none"):
        job_arguments({}, environ={})
