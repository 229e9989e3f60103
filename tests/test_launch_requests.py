"""The requests of each target, whole; and held against what AWS's own description of its API allows."""

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from obs2seq.launch.deploy import upload_requests
from obs2seq.launch.launch import Launch
from obs2seq.launch.targets import TARGETS
from tests.launches import launch_of

GOLDEN = Path(__file__).parent / "golden"
MORE: dict[str, Any] = {
    "kms_key_arn": "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    "bucket_owner": "111122223333",
    "tags": {"project": "obs2seq"},
}
OPTIONS: dict[str, object] = {"sequence_length": 50, "subsets": "all=1", "row_filter": "score > 0.5 AND unit = 'a'"}


def launches(folder: Path) -> dict[str, Launch]:
    found = {target: launch_of(target, folder, OPTIONS, **MORE) for target in TARGETS}
    return found | {"step": launch_of("ec2", folder, OPTIONS, cluster_id="j-1ABCDEFGHIJKL", **MORE)}


def requests(launch: Launch) -> list[dict[str, Any]]:
    assert launch.placement
    uploads = upload_requests(launch.placement, launch.values)
    return [each.shown() for each in (*uploads, *TARGETS[launch.target](lambda _: None).requests(launch))]


@pytest.mark.parametrize("name", ["ec2", "step", "serverless", "glue"])
def test_the_requests_are_those_of_the_golden_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    shown = json.dumps(requests(launches(tmp_path)[name]))

    golden = (GOLDEN / f"launch_{name}.json").read_text()
    assert json.loads(without_what_changes(shown)) == json.loads(golden)


def without_what_changes(text: str) -> str:
    """Put something fixed in place of hashes and of the clone's folder."""
    text = text.replace(str(GOLDEN.parents[1]), "<clone>")
    return re.sub(r"\b[a-f][0-9a-f]{15}\b|(?<=code/)[0-9a-f]{16}\b", "<hash>", text)


@pytest.mark.parametrize("name", ["ec2", "step", "serverless", "glue"])
def test_the_requests_are_what_the_services_take(name: str, tmp_path: Path) -> None:
    session = botocore.session.Session()

    for request in requests(launches(tmp_path)[name]):
        model = session.get_service_model(request["service"]).operation_model(request["operation"])
        assert model.input_shape
        report = ParamValidator().validate(request["parameters"], model.input_shape)
        assert not report.has_errors(), report.generate_report()


def test_a_token_is_of_settings_code_and_target_alone(tmp_path: Path) -> None:
    first = launch_of("ec2", tmp_path)
    alike = launch_of("ec2", tmp_path, max_units=20, region="eu-west-1")
    others = [
        launch_of("serverless", tmp_path),
        launch_of("ec2", tmp_path, {"sequence_length": 7}),
        Launch(**{**vars_of(first), "again": "x"}),
    ]
    (tmp_path / "dist" / "obs2seq-0.1.0.zip").write_text("other code")

    assert alike.token == first.token
    assert len({first.token, *(each.token for each in others)}) == 4


def vars_of(launch: Launch) -> dict[str, Any]:
    return {name: getattr(launch, name) for name in Launch.__dataclass_fields__}
