"""IAM documents as they are kept, in JSON files and in the template, and what is wrong with a statement."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

EMR = Path(__file__).parents[1] / "emr"
TEMPLATE = EMR / "cloudformation.yaml"
SERVICES = {"athena", "elasticmapreduce", "emr-serverless", "glue", "iam", "kms", "logs", "s3", "sts"}
WRITES = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
KEY = "arn:aws:kms:${region}:${account}:key/${kms_key_id}"
PLACEHOLDERS = {
    "AWS::AccountId": "${account}",
    "AWS::Partition": "aws",
    "AWS::Region": "${region}",
    "Application": "${application_id}",
    "CodeBucket": "${code_bucket}",
    "CodeBucket.Arn": "arn:aws:s3:::${code_bucket}",
    "DataBucket": "${data_bucket}",
    "DataBucket.Arn": "arn:aws:s3:::${data_bucket}",
    "InputPrefix": "${input_prefix}",
    "Key": "${kms_key_id}",
    "Key.Arn": "${kms_key_arn}",
    "OutputPrefix": "${output_prefix}",
    "Project": "${project}",
}
"""What the template refers to, as the JSON files write it."""


def role_file(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EMR / "iam" / f"{name}.json").read_text("utf-8"))
    return document


def role_names() -> list[str]:
    return sorted(path.stem for path in (EMR / "iam").glob("*.json"))


def template() -> dict[str, Any]:
    return dict(cfn_yaml.load(str(TEMPLATE)))


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the template's resources of a kind, by their logical names."""
    found = {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}
    return {name: plain(each.get("Properties", {})) for name, each in found.items()}


def plain(node: Any) -> Any:
    """Write references and substitutions as the JSON files do, one thing for a list of one."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "Ref" in node:
        return PLACEHOLDERS.get(node["Ref"], node["Ref"])
    if "Fn::GetAtt" in node:
        return PLACEHOLDERS.get(".".join(node["Fn::GetAtt"]), ".".join(node["Fn::GetAtt"]))
    if "Fn::Sub" in node:
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: PLACEHOLDERS.get(match[1], match[0]), node["Fn::Sub"])
    return {key: plain(value) for key, value in node.items()}


def comparable(statement: dict[str, Any]) -> str:
    """Write a statement so that the same rights give the same text."""
    return json.dumps({key: _sorted(value) for key, value in statement.items()}, sort_keys=True)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    return sorted(value) if isinstance(value, list) else [value]


def texts(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def faults(statement: dict[str, Any], written: Sequence[str] = ()) -> Iterator[str]:
    """Say what is wrong with a statement that allows or denies something.

    Args:
        statement: Of a permission policy.
        written: What its role may write to, as ARNs.
    """
    yield from (f"{key} instead of what is meant" for key in statement if key.startswith("Not"))
    is_denial = statement["Effect"] == "Deny"
    actions, found = texts(statement.get("Action", [])), texts(statement.get("Resource", []))
    for action in actions:
        if not re.fullmatch(r"[a-z0-9-]+:[A-Z]\w+", action) and not (is_denial and action == "s3:*"):
            yield f"{action} is not one action"
        if action.partition(":")[0] not in SERVICES:
            yield f"{action} is of a service that is not known"
    for resource in found:
        yield from _faults_of(resource)
    yield from _faults_of_keys(actions, found)
    if not is_denial and WRITES & set(actions):
        yield from (f"{resource} is written to" for resource in found if resource not in written)
    service = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
    if "iam:PassRole" in actions and not isinstance(service, str):
        yield "a role can be passed to any service"


def _faults_of(resource: str) -> Iterator[str]:
    parts = resource.split(":", 5)
    if len(parts) < 6 or "*" in "".join(parts[:5]) or parts[5].startswith("*"):
        yield f"{resource} is not one resource or folder"


def _faults_of_keys(actions: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    if any(action.startswith("kms:") for action in actions):
        yield from (f"{resource} is not the one key" for resource in found if resource != KEY)


def lacks_tls(statements: Sequence[dict[str, Any]]) -> set[str]:
    """Return the buckets that are used, and not denied to who comes without TLS."""
    used = {_bucket(each) for statement in statements if statement["Effect"] == "Allow" for each in _s3(statement)}
    denials = [
        statement
        for statement in statements
        if statement["Effect"] == "Deny"
        and statement["Action"] == ["s3:*"]
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    denied = {each for statement in denials for each in _s3(statement)}
    return {bucket for bucket in used if not {bucket, f"{bucket}/*"} <= denied}


def _s3(statement: dict[str, Any]) -> list[str]:
    return [resource for resource in texts(statement["Resource"]) if resource.startswith("arn:aws:s3:::")]


def _bucket(resource: str) -> str:
    return resource.partition("/")[0]
