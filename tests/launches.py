"""What tests of runs on AWS share: a package, an account's values, and time that passes only while somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.core.models import DEFAULT_ACCOUNT_ID

from obs2seq.aws import clients
from obs2seq.aws.s3 import s3_client
from obs2seq.commands import launched
from obs2seq.launch.arguments import job_settings
from obs2seq.launch.following import Pace
from obs2seq.launch.launch import Launch
from obs2seq.launch.placement import placed
from obs2seq.launch.targets import TARGETS
from obs2seq.launch.values import LaunchValues
from obs2seq.packaging import Package, PackageFile, Role, Target
from tests.commands import Answer, asked

ACCOUNT, REGION = DEFAULT_ACCOUNT_ID, "us-east-1"
# Making one takes a fifth of a second.
client = cache(clients.aws_client)
_s3_client = cache(s3_client)
TEMPLATES = Path(__file__).parents[1] / "emr"
MADE = {
    "obs2seq-0.1.0.zip": Role.CODE,
    "obs2seq-0.1.0-py3-none-any.whl": Role.WHEEL,
    "deps-0123.tar.gz": Role.DEPENDENCIES,
    "sequence_observations.py": Role.JOB,
    "glue_sequence_observations.py": Role.JOB,
}


def small_package(folder: Path) -> Package:
    """Write files of a few bytes under the names of a package."""
    folder.mkdir(exist_ok=True)
    for name in MADE:
        (folder / name).write_text(f"in place of {name}\n")
    return Package("0.1.0", Target("3.11", "arm64"), tuple(PackageFile(folder / name, MADE[name]) for name in MADE))


def account_values(bucket: str, **more: object) -> dict[str, object]:
    """Return what every target needs, and more."""
    return {
        "region": REGION,
        "code_location": f"s3://{bucket}/code",
        "log_location": f"s3://{bucket}/logs",
        "application_id": "00f1example",
        "execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/obs2seq-run",
        "service_role": "obs2seq-emr-service",
        "instance_profile": "obs2seq-emr-instance",
        "subnet_ids": ["subnet-11111111111111111"],
        "glue_role_arn": f"arn:aws:iam::{ACCOUNT}:role/obs2seq-glue",
        **more,
    }


@dataclass
class Clock:
    """Time, and what happens while it passes: one event a sleep, as long as there are any."""

    now: float = 0.0
    events: list[Callable[[], object]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            self.events.pop(0)()

    @property
    def pace(self) -> Pace:
        return Pace(self.said.append, lambda: self.now, self.sleep)


@dataclass
class Cloud:
    """The command line before a stand-in for AWS."""

    bucket: str
    folder: Path
    clock: Clock
    capsys: pytest.CaptureFixture[str]
    values: dict[str, object]

    def submit(self, target: str, *options: object) -> Answer:
        """Submit a run over what lies at the observations' place, which is a file of no meaning where nothing does."""
        if not self.keys("observations/"):
            self.put("observations/part-0.parquet", b"-")
        return self("submit", "--target", target, "--templates", TEMPLATES, *self._data(), *options)

    def __call__(self, command: str, *options: object) -> Answer:
        path = self.folder / "values.yaml"
        path.write_text(yaml.safe_dump(self.values))
        return asked(self.capsys, command, "--values", path, *options)

    def during_waits(self, *events: Callable[[], object]) -> None:
        """Let one thing happen at each pause to come."""
        self.clock.events = list(events)

    def keys(self, prefix: str = "") -> list[str]:
        """Return what is in the bucket."""
        listed = client("s3", REGION).list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def put(self, key: str, body: bytes) -> None:
        client("s3", REGION).put_object(Bucket=self.bucket, Key=key, Body=body)

    def _data(self) -> tuple[str, ...]:
        data = f"s3://{self.bucket}/observations"
        return ("--s3_data_location", data, "--output_s3_location", f"s3://{self.bucket}/sequences")


def cloud(
    bucket: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **values: object
) -> Cloud:
    """Set the command line before the stand-in, with a package that is made, and a clock that nobody waits for."""
    package, clock = small_package(folder / "dist"), Clock()
    monkeypatch.setattr("obs2seq.packaging.make_package", lambda target, output, **_: package)
    monkeypatch.setattr(clients, "aws_client", client)
    for user in ("aws.uploads", "launch.cluster_notes", "launch.deploy", "launch.inputs"):
        monkeypatch.setattr(f"obs2seq.{user}.s3_client", _s3_client)
    monkeypatch.setattr(launched, "pace", lambda: clock.pace)
    return Cloud(bucket, folder, clock, capsys, account_values(bucket, **values))


def launch_of(target: str, folder: Path, options: dict[str, object] | None = None, **values: Any) -> Launch:
    """Return a launch of a small package with an account's values."""
    settings = job_settings(
        {"s3_data_location": "s3://bucket/raw", "output_s3_location": "s3://bucket/out", **(options or {})}, environ={}
    )
    checked = LaunchValues.model_validate(account_values("bucket", **values))
    placement = placed(small_package(folder / "dist"), TARGETS[target].roles, "s3://bucket/code")
    return Launch(target, settings, checked, placement, 4.0, TEMPLATES)
