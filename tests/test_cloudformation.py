"""The template of the stack."""

import json
import re

import pytest
import yaml
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from obs2seq.launch.values import LaunchValues
from tests.iam_documents import EMR, TEMPLATE, plain, resources, template

BUCKETS = ("CodeBucket", "DataBucket")
VALUES = {
    "AWS::AccountId": "111122223333",
    "AWS::Region": "eu-central-1",
    "Application": "00f1r1abcd2efg09",
    "Architecture": "arm64",
    "CodeBucket": "obs2seq-code-111122223333-eu-central-1",
    "Database": "obs2seq-catalogue",
    "EmrServiceRole": "obs2seq-emr-service",
    "EmrStepRole.Arn": "arn:aws:iam::111122223333:role/obs2seq-emr-step",
    "GlueRole.Arn": "arn:aws:iam::111122223333:role/obs2seq-glue",
    "InstanceProfile": "obs2seq-emr-instance",
    "Key.Arn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "Project": "obs2seq",
    "ReleaseLabel": "emr-7.14.0",
    "SecurityConfiguration": "obs2seq",
    "ServerlessRole.Arn": "arn:aws:iam::111122223333:role/obs2seq-serverless",
    "WorkGroup": "obs2seq-queries",
}
"""What a stack's resources are called once they are there."""


def test_cfn_lint_passes_and_has_nothing_to_advise() -> None:
    found = lint_file(TEMPLATE, config=ManualArgs(include_checks=["I"], regions=["eu-central-1", "us-east-1"]))

    assert [f"{each.linenumber}: {each.rule.id} {each.message}" for each in found] == []


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_encrypted_and_versioned(name: str) -> None:
    bucket = resources("AWS::S3::Bucket")[name]
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert encryption["BucketKeyEnabled"] is True
    assert encryption["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": "${kms_key_arn}",
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert any("NoncurrentVersionExpiration" in rule for rule in rules.values())


def test_buckets_answer_over_tls_alone() -> None:
    policies = {
        each["Bucket"]: each["PolicyDocument"]["Statement"] for each in resources("AWS::S3::BucketPolicy").values()
    }

    assert policies == {
        f"${{{name}_bucket}}": [
            {
                "Sid": "DenyWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::${{{name}_bucket}}", f"arn:aws:s3:::${{{name}_bucket}}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
        for name in ("code", "data")
    }


def test_policies_stand_nowhere_else() -> None:
    kinds = {each["Type"] for each in template()["Resources"].values() if "Policy" in json.dumps(each["Properties"])}

    assert {kind for kind in kinds if kind != "AWS::S3::Bucket"} == {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::S3::BucketPolicy",
    }


def test_the_application_stops_by_itself_and_has_a_limit() -> None:
    (application,) = resources("AWS::EMRServerless::Application").values()

    assert application["AutoStopConfiguration"] == {"Enabled": True, "IdleTimeoutMinutes": "IdleMinutes"}
    assert set(application["MaximumCapacity"]) == {"Cpu", "Memory", "Disk"}


def test_queries_are_limited_and_their_results_encrypted() -> None:
    (group,) = resources("AWS::Athena::WorkGroup").values()
    configuration = group["WorkGroupConfiguration"]

    assert configuration["BytesScannedCutoffPerQuery"] == "MaximumBytesScanned"
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["ResultConfiguration"]["OutputLocation"] == "s3://${data_bucket}/athena/"
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_KMS",
        "KmsKey": "${kms_key_arn}",
    }


def test_the_security_configuration_is_that_of_the_file() -> None:
    (properties,) = resources("AWS::EMR::SecurityConfiguration").values()
    text = (EMR / "security-configuration.json").read_text("utf-8")

    assert set(re.findall(r"\$\{(\w+)\}", text)) <= set(LaunchValues.model_fields)
    assert properties["SecurityConfiguration"] == json.loads(
        text.replace("${code_location}", "s3://${code_bucket}/code")
    )


@pytest.mark.parametrize("output", ["Values", "ClusterValues"])
def test_the_stack_tells_the_values_of_a_launch(output: str) -> None:
    text: str = template()["Outputs"][output]["Value"]["Fn::Sub"]
    told = yaml.safe_load(re.sub(r"\$\{([\w:.]+)\}", lambda match: VALUES[match[1]], text))

    values = LaunchValues(**told)

    assert (values.region, values.bucket_owner) == ("eu-central-1", "111122223333")
    assert values.code_location == "s3://obs2seq-code-111122223333-eu-central-1/code"
    assert values.tags["project"] == "obs2seq"
    assert values.execution_role_arn is not None
    assert (values.athena_workgroup, values.athena_database) == ("obs2seq-queries", "obs2seq-catalogue")


def test_what_the_template_refers_to_is_written_as_in_the_files() -> None:
    assert (
        plain({"Fn::Sub": "arn:${AWS::Partition}:s3:::${DataBucket}/${Other}"})
        == "arn:aws:s3:::${data_bucket}/${Other}"
    )
    assert plain([{"Ref": "Project"}, {"Fn::GetAtt": ["Key", "Arn"]}]) == ["${project}", "${kms_key_arn}"]
