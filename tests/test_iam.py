"""Who may do what: every statement of every document."""

import json
import re
from typing import Any

import boto3
import pytest

from tests.iam_documents import (
    EMR,
    PLACEHOLDERS,
    comparable,
    faults,
    lacks_tls,
    resources,
    role_file,
    role_names,
    texts,
)

CODE, LOGS = "arn:aws:s3:::${code_bucket}/code/*", "arn:aws:s3:::${code_bucket}/logs/*"
OUTPUT, RESULTS = "arn:aws:s3:::${data_bucket}/${output_prefix}/*", "arn:aws:s3:::${data_bucket}/athena/*"
WRITTEN = {
    "athena-user": [OUTPUT, RESULTS],
    "emr-instance": [LOGS],
    "emr-service": [],
    "emr-step": [OUTPUT],
    "glue": [OUTPUT],
    "serverless": [OUTPUT, LOGS],
    "submitter": [CODE],
}
"""What each role may write to."""
TRUSTED = {
    "athena-user": "arn:aws:iam::${account}:root",
    "emr-instance": "ec2.amazonaws.com",
    "emr-service": "elasticmapreduce.amazonaws.com",
    "emr-step": "arn:aws:iam::${account}:role/${project}-emr-instance",
    "glue": "glue.amazonaws.com",
    "serverless": "emr-serverless.amazonaws.com",
    "submitter": "arn:aws:iam::${account}:root",
}

SOURCE = EMR.parent / "src" / "obs2seq"
GOOD: dict[str, Any] = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [OUTPUT]}
PASS_ROLE = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::${account}:role/${project}-glue"}


def _statements(name: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = role_file(name)["PermissionPolicy"]["Statement"]
    return statements


def _roles_of_the_template() -> dict[str, dict[str, Any]]:
    return {each["RoleName"].removeprefix("${project}-"): each for each in resources("AWS::IAM::Role").values()}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_statement_allows_one_thing_on_named_resources(name: str) -> None:
    found = [fault for statement in _statements(name) for fault in faults(statement, WRITTEN[name])]

    assert found == []
    assert lacks_tls(_statements(name)) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Action": "*"}, "* is not one action"),
        ({"Action": ["s3:*"]}, "s3:* is not one action"),
        ({"Action": ["s3:Put*"]}, "s3:Put* is not one action"),
        ({"Action": ["ec2:RunInstances"]}, "ec2:RunInstances is of a service that is not known"),
        ({"NotAction": ["s3:PutObject"]}, "NotAction instead of what is meant"),
        ({"NotResource": [OUTPUT]}, "NotResource instead of what is meant"),
        ({"Resource": "*"}, "* is not one resource or folder"),
        ({"Resource": "arn:aws:s3:::*"}, "arn:aws:s3:::* is not one resource or folder"),
        (
            {"Resource": "arn:aws:glue:*:${account}:job/x"},
            "arn:aws:glue:*:${account}:job/x is not one resource or folder",
        ),
        ({"Resource": "arn:aws:s3:::${data_bucket}/*"}, "arn:aws:s3:::${data_bucket}/* is written to"),
        (PASS_ROLE, "a role can be passed to any service"),
        (
            PASS_ROLE | {"Condition": {"StringLike": {"iam:PassedToService": "*"}}},
            "a role can be passed to any service",
        ),
        (
            {"Action": "kms:Decrypt", "Resource": "arn:aws:kms:${region}:${account}:key/*"},
            "arn:aws:kms:${region}:${account}:key/* is not the one key",
        ),
    ],
)
def test_a_statement_that_allows_too_much_is_found(change: dict[str, Any], fault: str) -> None:
    assert list(faults(GOOD, [OUTPUT])) == []

    assert fault in list(faults(GOOD | change, [OUTPUT]))


def test_a_bucket_without_a_denial_of_plain_http_is_found() -> None:
    denial = _statements("emr-instance")[-1]

    assert lacks_tls([GOOD]) == {"arn:aws:s3:::${data_bucket}"}
    assert lacks_tls([GOOD, denial]) == {"arn:aws:s3:::${data_bucket}"}
    assert lacks_tls([GOOD, denial | {"Resource": ["arn:aws:s3:::${data_bucket}"]}]) == {"arn:aws:s3:::${data_bucket}"}


@pytest.mark.parametrize("name", TRUSTED)
def test_a_role_trusts_one_principal_and_a_service_for_this_account_alone(name: str) -> None:
    (statement,) = role_file(name)["TrustPolicy"]["Statement"]
    (principal,) = statement["Principal"].values()

    assert principal == TRUSTED[name]
    assert set(texts(statement["Action"])) <= {"sts:AssumeRole", "sts:TagSession"}
    if principal.endswith("amazonaws.com") and principal != "ec2.amazonaws.com":  # EC2 tells no source
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "${account}"}
        assert "${account}" in statement["Condition"]["ArnLike"]["aws:SourceArn"]


def test_all_roles_are_known() -> None:
    assert role_names() == sorted(WRITTEN) == sorted(TRUSTED)
    assert sorted(_roles_of_the_template()) == role_names()


@pytest.mark.parametrize("name", WRITTEN)
def test_the_template_grants_what_the_file_says(name: str) -> None:
    file, role = role_file(name), _roles_of_the_template()[name]
    shared = resources("AWS::IAM::ManagedPolicy")
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    documents += [shared[each]["PolicyDocument"] for each in role.get("ManagedPolicyArns", []) if each in shared]

    granted = [comparable(statement) for document in documents for statement in document["Statement"]]

    assert sorted(granted) == sorted(comparable(statement) for statement in _statements(name))
    assert role["AssumeRolePolicyDocument"] == file["TrustPolicy"]
    assert [each for each in role.get("ManagedPolicyArns", []) if each not in shared] == file["ManagedPolicyArns"]
    assert role["Description"] == file["Description"]


def test_only_the_service_role_of_emr_takes_a_policy_of_aws() -> None:
    taken = {name: role_file(name)["ManagedPolicyArns"] for name in role_names()}

    assert {name: each for name, each in taken.items() if each} == {
        "emr-service": ["arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"]
    }


def test_files_name_no_account_and_no_unknown_placeholder() -> None:
    known = {match[1] for text in PLACEHOLDERS.values() for match in re.finditer(r"\$\{(\w+)\}", text)}
    for path in EMR.glob("iam/*.json"):
        text = path.read_text("utf-8")

        assert set(re.findall(r"\$\{(.*?)\}", text)) <= known, path.name
        assert re.search(r"\d{12}", text) is None, path.name
        assert json.loads(text)["PermissionPolicy"]["Version"] == "2012-10-17"


def test_the_readme_names_every_file_and_role() -> None:
    readme = (EMR / "README.md").read_text("utf-8")

    assert [path.name for path in EMR.iterdir() if path.name != "README.md" and f"({path.name})" not in readme] == []
    assert [name for name in role_names() if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize(
    ("module", "service", "prefix"),
    [
        ("launch/ec2.py", "emr", "elasticmapreduce"),
        ("launch/serverless.py", "emr-serverless", "emr-serverless"),
        ("launch/glue.py", "glue", "glue"),
        ("launch/logs.py", "logs", "logs"),
    ],
)
def test_the_submitter_may_do_what_a_submission_calls(module: str, service: str, prefix: str) -> None:
    called = _called(service, (SOURCE / module).read_text("utf-8"))

    assert called
    assert {f"{prefix}:{operation}" for operation in called} <= _allowed("submitter")


@pytest.mark.parametrize("service", ["athena", "glue"])
def test_the_athena_user_may_do_what_the_warehouse_calls(service: str) -> None:
    code = "".join(path.read_text("utf-8") for path in (SOURCE / "warehouses" / "athena").glob("*.py"))
    called = _called(service, code)

    assert called
    assert {f"{service}:{operation}" for operation in called} <= _allowed("athena-user")


def _called(service: str, code: str) -> set[str]:
    """Return the operations of a service that code calls."""
    operations = boto3.client(service, "eu-central-1").meta.method_to_api_mapping  # type: ignore[call-overload]
    return {
        operation for name, operation in operations.items() if re.search(rf'\.{name}\(|get_paginator\("{name}"\)', code)
    }


def _allowed(role: str) -> set[str]:
    statements = (statement for statement in _statements(role) if statement["Effect"] == "Allow")
    return {action for statement in statements for action in texts(statement["Action"])}
