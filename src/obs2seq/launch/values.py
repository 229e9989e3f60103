"""Where a run is started: the account's names, from a YAML file and `--set key=value`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from obs2seq.domain.secrets import refuse_secrets
from obs2seq.domain.validation import MisfitError, findings, nearest, shortened
from obs2seq.errors import ConfigurationError
from obs2seq.launch.names import REGION, SUBNET, WORKGROUP, require_bucket_name
from obs2seq.settings.yaml_text import parse_yaml, yaml_file

DEFAULT_FILE = Path("emr/values.yaml")


def _on_s3(location: str) -> str:
    """Refuse what is not on S3, or would have to be quoted where Spark is told of it."""
    if not location.startswith("s3://") or any(each.isspace() or each in ",#\"'" for each in location):
        raise ValueError(f"expected s3://<bucket>/<folder> without spaces, quotes, commas and #, found {location!r}")
    try:
        require_bucket_name(location, location)
    except ConfigurationError as error:
        raise ValueError(error.problem) from error
    return location.rstrip("/")


def _like(form: str, pattern: str) -> BeforeValidator:
    """Check that a text matches a pattern; messages show the form instead."""

    def check(text: object) -> object:
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise ValueError(f"expected {form}, found {shortened(text)}")
        return text

    return BeforeValidator(check)


Text = Annotated[StrictStr, Field(min_length=1)]
Folder = Annotated[StrictStr, AfterValidator(_on_s3)]
Positive = Annotated[StrictInt, Field(ge=1)]
Role = Annotated[StrictStr, _like("arn:aws:iam::111122223333:role/<name>", r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")]
Key = Annotated[
    StrictStr, _like("arn:aws:kms:<region>:111122223333:key/<id>", r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/\S+")
]
Owner = Annotated[StrictStr, _like("an account's 12 digits, in quotes", r"\d{12}")]
Cluster = Annotated[StrictStr, _like("j-<letters and digits>", r"j-[A-Z0-9]+")]
Application = Annotated[StrictStr, _like("small letters and digits", r"[0-9a-z]+")]
Workgroup = Annotated[StrictStr, _like("a workgroup's name of letters, digits and . _ -", WORKGROUP)]
Region = Annotated[StrictStr, _like("a region such as eu-central-1", REGION)]
Subnet = Annotated[StrictStr, _like("subnet-<8 or 17 of 0-9 and a-f>", SUBNET)]
JobName = Annotated[StrictStr, _like("a name without spaces and slashes", r"[^/\s]+")]


class LaunchValues(BaseModel):
    """Names and sizes that differ from account to account; every key is optional until a target needs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Region | None = None
    code_location: Folder | None = None
    log_location: Folder | None = None
    kms_key_arn: Key | None = None
    bucket_owner: Owner | None = None
    tags: dict[Text, StrictStr] = {}

    release_label: Text = "emr-7.14.0"
    architecture: Literal["x86_64", "arm64"] = "arm64"
    execution_role_arn: Role | None = None

    cluster_id: Cluster | None = None
    subnet_ids: tuple[Subnet, ...] = ()
    service_role: Text | None = None
    instance_profile: Text | None = None
    security_configuration: Text | None = None
    primary_instance_types: tuple[Text, ...] = ()
    instance_types: tuple[Text, ...] = ()
    core_units: Positive = 1
    spot_units: Annotated[StrictInt, Field(ge=0)] = 3
    max_units: Positive = 10
    idle_minutes: Annotated[StrictInt, Field(ge=1, le=7 * 24 * 60)] = 10

    application_id: Application | None = None

    glue_version: Literal["5.0", "5.1", "6.0"] = "5.1"
    glue_job_name: JobName = "obs2seq"
    glue_role_arn: Role | None = None
    glue_worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X", "R.1X", "R.2X", "R.4X", "R.8X"] = "G.1X"
    glue_workers: Annotated[StrictInt, Field(ge=2)] = 4

    athena_workgroup: Workgroup | None = None
    athena_database: Text | None = None

    _has_no_file: bool = PrivateAttr(default=False)

    @property
    def has_no_file(self) -> bool:
        """Whether a file was looked for, and none was there."""
        return self._has_no_file

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        least = self.core_units + self.spot_units
        if self.max_units < least:
            found = f"expected {least} (core_units and spot_units) or more, found {self.max_units}"
            raise MisfitError([("max_units", found)])
        return self


def load_values(file: Path | None, settings: Iterable[str] = ()) -> LaunchValues:
    """Return the values of a file, with those of `key=value` texts above them.

    Args:
        file: A YAML file. None: `emr/values.yaml` where there is one, else no file.
        settings: Texts `key=value`; lists and mappings as YAML.

    Raises:
        ConfigurationError: A source cannot be read, a key is unknown, or a value is not allowed or looks like a secret.
    """
    source = file or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    given = dict(_from_file(source) if source else {})
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigurationError(f"option --set {key}", "expected key=value, found no =")
        name = _known(key.strip(), f"option --set {key}")
        given[name] = _from_text(name, value)
    values = _checked(given, str(source) if source and not settings else "values")
    values._has_no_file = source is None
    return values


def required(values: LaunchValues, keys: Iterable[str], target: str) -> None:
    """Raise where a value is missing that a target needs."""
    missing = [key for key in keys if getattr(values, key) in (None, ())]
    if missing:
        hint = f"write {missing[0]} into the file that --values names, or give --set {missing[0]}=..."
        if values.has_no_file:
            hint = (
                f"{DEFAULT_FILE} is not in this folder: run it in a clone of the project, or name a file with --values"
            )
        raise ConfigurationError("values", f"expected {', '.join(missing)} for --target {target}, found none", hint)


def _from_file(path: Path) -> Mapping[str, object]:
    content = yaml_file(path, hint="check --values")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(str(path), f"expected keys with values, found a {type(content).__name__}")
    return {_known(str(key), str(path)): value for key, value in content.items()}


def _known(key: str, where: str) -> str:
    if key not in LaunchValues.model_fields:
        hint = nearest(key, LaunchValues.model_fields)
        raise ConfigurationError(where, f"expected names of values, found '{key}'", hint)
    return key


def _from_text(key: str, text: str) -> object:
    """Read lists, mappings and whole numbers as YAML; all else is text, '5.1' and account numbers too."""
    schema: dict[str, Any] = LaunchValues.model_json_schema()["properties"][key]
    branches = schema.get("anyOf", [schema])
    is_yaml = any(branch.get("type") in ("array", "object", "integer") for branch in branches)
    return parse_yaml(text, f"option --set {key}") if is_yaml or text in ("null", "") else text


def _checked(given: Mapping[str, Any], where: str) -> LaunchValues:
    for key, value in given.items():
        refuse_secrets(key, value, f"{where}: {key}")
    try:
        return LaunchValues(**given)
    except ValidationError as error:
        raise ConfigurationError(where, findings(error, LaunchValues)) from None
