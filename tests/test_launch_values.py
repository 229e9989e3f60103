"""The account's names: where they come from, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from obs2seq.errors import ConfigurationError
from obs2seq.launch.ec2 import Ec2Target
from obs2seq.launch.releases import emr_runtime, glue_runtime
from obs2seq.launch.serverless import ServerlessTarget
from obs2seq.launch.target import Target
from obs2seq.launch.templates import filled
from obs2seq.launch.values import LaunchValues, load_values, required
from tests.launches import TEMPLATES, launch_of


def refusal(*settings: str, file: Path | None = None) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_values(file, settings)
    return str(raised.value)


def test_a_setting_stands_above_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text('region: eu-west-1\nglue_version: "5.0"\ncore_units: 2\n')

    values = load_values(
        file, ["region=us-east-2", "subnet_ids=[subnet-11111111, subnet-22222222]", "bucket_owner=111122223333"]
    )

    assert (values.region, values.glue_version, values.core_units) == ("us-east-2", "5.0", 2)
    assert (values.subnet_ids, values.bucket_owner) == (("subnet-11111111", "subnet-22222222"), "111122223333")


def test_the_example_is_a_file_of_values_for_every_target() -> None:
    values = load_values(TEMPLATES / "values.yaml")

    missing = [key for key in LaunchValues.model_fields if getattr(values, key) in (None, ())]
    assert missing == ["cluster_id", "security_configuration", "primary_instance_types", "instance_types"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("regoin=x", "option --set regoin: expected names of values, found 'regoin'. Hint: did you mean 'region'."),
        ("region", "option --set region: expected key=value, found no =."),
        ("glue_version=4.0", "glue_version: expected '5.0', '5.1' or '6.0', found '4.0'"),
        ("core_units=many", "core_units: expected a whole number, found 'many'"),
        ("max_units=2", "max_units: expected 4 (core_units and spot_units) or more, found 2"),
        ("bucket_owner=12", "bucket_owner: expected an account's 12 digits, in quotes, found '12'"),
        ("code_location=/tmp", "code_location: expected s3://<bucket>/<folder> without spaces"),
        ("code_location=s3://a b", "code_location: expected s3://<bucket>/<folder> without spaces"),
        ("code_location=s3:///a", "code_location: expected s3://<bucket>/<folder>, found no bucket"),
        ("execution_role_arn=me", "execution_role_arn: expected arn:aws:iam::111122223333:role/<name>, found 'me'"),
        ("code_location=s3://B_AD/x", "code_location: expected a bucket's name of 3 to 63 small letters"),
        ("log_location=s3://ab/x", "log_location: expected a bucket's name of 3 to 63 small letters"),
        ("region=moon-1", "region: expected a region such as eu-central-1, found 'moon-1'"),
        ("subnet_ids=[subnet-ü]", "expected subnet-<8 or 17 of 0-9 and a-f>, found 'subnet-ü'"),
        ("spot_units=-1", "spot_units: expected 0 or more, found -1"),
        ("athena_workgroup=a b", "athena_workgroup: expected a workgroup's name"),
        ("cluster_id=x", "cluster_id: expected j-<letters and digits>, found 'x'"),
        ("tags={a: AKIAABCDEFGHIJKLMNOP}", "expected no secret"),
    ],
)
def test_a_value_that_cannot_be_is_refused(setting: str, said: str) -> None:
    assert said in refusal(setting)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    listed, unknown = tmp_path / "list.yaml", tmp_path / "unknown.yaml"
    listed.write_text("[region]")
    unknown.write_text("subnet_id: x")

    assert "none.yaml: expected a YAML file, found none. Hint: check --values." in refusal(file=tmp_path / "none.yaml")
    assert "list.yaml: expected keys with values, found a list." in refusal(file=listed)
    assert "found 'subnet_id'. Hint: did you mean 'subnet_ids'." in refusal(file=unknown)


def test_a_file_that_is_there_is_not_said_to_be_missing(tmp_path: Path) -> None:
    utf_16 = tmp_path / "utf-16.yaml"
    utf_16.write_text("region: eu-west-1\n", "utf-16")

    assert "utf-16.yaml: line 1: expected UTF-8, found a byte that is not." in refusal(file=utf_16)
    assert f"{tmp_path}: expected a YAML file that can be read, found: Is a directory." in refusal(file=tmp_path)


def test_a_file_without_keys_gives_no_values(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing yet\n")

    assert load_values(empty, ["region=eu-west-1"]) == LaunchValues(region="eu-west-1")


def test_what_a_target_needs_is_named() -> None:
    with pytest.raises(ConfigurationError) as raised:
        required(LaunchValues(region="eu-west-1"), ["region", "application_id", "subnet_ids"], "serverless")

    assert str(raised.value) == (
        "values: expected application_id, subnet_ids for --target serverless, found none. "
        "Hint: write application_id into the file that --values names, or give --set application_id=...."
    )


def test_a_folder_without_the_usual_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError) as raised:
        required(load_values(None, ["region=eu-west-1"]), ["code_location"], "glue")

    assert str(raised.value) == (
        "values: expected code_location for --target glue, found none. "
        "Hint: emr/values.yaml is not in this folder: run it in a clone of the project, or name a file with --values."
    )


def test_runtimes_are_those_of_the_releases() -> None:
    labels = ("emr-7.1.0", "emr-7.14.0", "emr-spark-8.0.0")

    assert {emr_runtime(label, "arm64").python for label in labels} == {"3.11"}
    assert [(glue_runtime(each).python, glue_runtime(each).architecture) for each in ("5.0", "6.0")] == [
        ("3.11", "x86_64"),
        ("3.13", "x86_64"),
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"architecture": "x86_64", "instance_types": ["m7i.xlarge", "m7g.xlarge"]}, "found m7g.xlarge beside"),
        ({"architecture": "arm64", "instance_types": ["r7gd.xlarge", "m5.xlarge"]}, "found m5.xlarge beside"),
        ({"release_label": "emr-6.15.0"}, "release_label: expected a release with Spark 3.5 or 4.0"),
        ({"subnet_ids": []}, "expected subnet_ids for --target ec2"),
    ],
)
def test_a_cluster_that_cannot_run_the_package_is_refused(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Ec2Target(lambda _: None).check(launch_of("ec2", tmp_path, **values))


def test_data_on_this_machine_is_refused(tmp_path: Path) -> None:
    launch = launch_of("ec2", tmp_path, {"s3_data_location": "/data"})

    with pytest.raises(ConfigurationError, match=r"s3_data_location: .*found a local path, /data.*aws s3 sync"):
        Ec2Target(lambda _: None).check(launch)


@pytest.mark.parametrize("name", ["B_AD", "a", "-ab", "a" * 64])
def test_what_can_be_no_bucket_is_refused(tmp_path: Path, name: str) -> None:
    launch = launch_of("ec2", tmp_path, {"output_s3_location": f"s3://{name}/out"})

    with pytest.raises(ConfigurationError, match=f"output_s3_location: expected a bucket's name .*, found '{name}'"):
        Ec2Target(lambda _: None).check(launch)


def test_a_bucket_that_a_scheduler_fills_in_is_not_looked_at(tmp_path: Path) -> None:
    launch = launch_of("ec2", tmp_path, {"output_s3_location": "s3://{{ var.value.BUCKET }}/out"})

    Ec2Target(lambda _: None).check(launch)


@pytest.mark.parametrize("target", [Ec2Target, ServerlessTarget])
def test_a_release_that_nobody_knows_yet_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, target: type[Target]
) -> None:
    for label in ("emr-7.14.1", "emr-7.99.0"):
        target(lambda _: None).check(launch_of(target.name, tmp_path, release_label=label))

    assert caplog.messages == ["release_label: emr-7.99.0 is newer than emr-7.14, the newest that is known here"]


def test_without_spot_a_cluster_has_no_fleet_of_it_and_stays_as_it_is(tmp_path: Path) -> None:
    launch = launch_of("ec2", tmp_path, core_units=2, spot_units=0)

    (request,) = Ec2Target(lambda _: None).requests(launch)

    fleets = request.parameters["Instances"]["InstanceFleets"]
    assert [each["InstanceFleetType"] for each in fleets] == ["MASTER", "CORE"]
    limits = request.parameters["ManagedScalingPolicy"]["ComputeLimits"]
    assert (limits["MinimumCapacityUnits"], limits["MaximumCapacityUnits"]) == (2, 2)


def test_a_template_takes_values_with_their_types_and_leaves_out_what_is_not_there(tmp_path: Path) -> None:
    template = {
        "text": "a ${name} b",
        "number": "${number}",
        "list": ["first", "${many}", "${none}", {"deep": "${none}"}],
        "whole list": "${many}",
        "gone": "${none}/folder",
        "empty": {"inner": {"gone": "${none}"}},
        "kept": {},
        "fixed": 1,
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template))

    values = {"name": 'x"y', "number": 3, "many": ["a", "b"], "none": None}
    assert filled(path, values) == {
        "text": 'a x"y b',
        "number": 3,
        "list": ["first", "a", "b", {}],
        "whole list": ["a", "b"],
        "kept": {},
        "fixed": 1,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "expected a template of a request, found none. Hint: run it in a clone of the project"),
        ("{", "expected JSON, found something else"),
        ('"${nam}"', r"expected names of values, found \${nam}. Hint: did you mean 'name'"),
    ],
)
def test_a_template_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "template.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ConfigurationError, match=said):
        filled(path, {"name": 1})
