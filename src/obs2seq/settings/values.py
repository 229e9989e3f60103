"""The kinds of values that settings take, beyond what pydantic offers."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from obs2seq.domain.locations import bucket_and_key, is_s3
from obs2seq.domain.split_times import Instant, instant
from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError

Choice = Literal["fail", "leave_out"]
"""What happens with an observation that breaks a rule."""

FRACTIONS_TOLERANCE = 1e-9

_FOLDER_NAME = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]*")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")  # other stores than AWS have regions such as auto
_ACCOUNT = re.compile(r"[0-9]{12}")
_KEY_NAME = r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ALIAS = r"alias/[A-Za-z0-9/_-]+"
_KMS_KEY = re.compile(
    rf"arn:aws[a-z-]*:kms:{_REGION.pattern}:{_ACCOUNT.pattern}:(?:key/{_KEY_NAME}|{_ALIAS})|{_KEY_NAME}|{_ALIAS}"
)
_MEMORY_SIZE = re.compile(r"[1-9][0-9]*[kmgt]b?", re.IGNORECASE)


def _location(location: str) -> str:
    """Refuse what no storage serves; an empty text stands for a location that is not given yet."""
    try:
        if location and is_s3(location):
            bucket_and_key(location)
    except ConfigurationError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise ValueError(f"{error.problem}{hint}") from error
    return location


def _s3_location(location: str) -> str:
    if not location.startswith("s3://"):
        raise ValueError(f"expected s3://<bucket>/<folder>, found {shortened(location)}")
    return _location(location)


def _fractions(subsets: dict[str, float]) -> dict[str, float]:
    for name in subsets:
        if not _FOLDER_NAME.fullmatch(name):
            raise ValueError(f"expected names of letters, digits, - and _ that do not start with _, found {name!r}")
    _refuse_repeated(subsets)
    total = math.fsum(subsets.values())
    if abs(total - 1) > FRACTIONS_TOLERANCE:
        raise ValueError(f"expected fractions that add up to 1, found a sum of {total:.10g}")
    return subsets


def _one_kind(times: dict[str, Instant]) -> dict[str, Instant]:
    if len({isinstance(time, str) for time in times.values()}) > 1:
        raise ValueError("expected all instants or all numbers, found some of each")
    return times


def _refuse_repeated(names: Mapping[str, object]) -> Mapping[str, object]:
    """Refuse names that differ in case alone: neither Spark's columns nor every file system tells them apart."""
    for folded, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise ValueError(f"expected names that differ in more than case, found '{folded}' {count} times")
    return names


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"expected true, false, a number or a text, found {type(value).__name__}")
    return value


def _spark_names(spark: dict[str, object]) -> dict[str, object]:
    for name in spark:
        if not name.startswith("spark."):
            raise ValueError(f"expected names that start with spark., found {name!r}")
    return spark


def _memory(size: str) -> str:
    if not _MEMORY_SIZE.fullmatch(size):
        raise ValueError(f"expected a size with its unit, such as 2g or 512m, found {shortened(size)}")
    return size


def _region(name: str) -> str:
    if not _REGION.fullmatch(name):
        raise ValueError(f"expected a region such as eu-central-1, found {shortened(name)}")
    return name


def _kms_key(key: str) -> str:
    if not _KMS_KEY.fullmatch(key):
        raise ValueError(f"expected the ARN or the id of a KMS key, or alias/<name>, found {shortened(key)}")
    return key


def _account(account: object) -> object:
    """Refuse a number too: YAML takes 12 digits for one, and away the zeros that they may start with."""
    if not (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
        raise ValueError(f"expected the 12 digits of an AWS account, in quotes, found {shortened(account)}")
    return account


Text = Annotated[StrictStr, Field(min_length=1)]
Character = Annotated[StrictStr, Field(max_length=1)]
Location = Annotated[StrictStr, AfterValidator(_location)]
QueryLocation = Annotated[StrictStr, AfterValidator(_s3_location)]
Fraction = Annotated[StrictFloat, Field(gt=0, le=1, allow_inf_nan=False)]
Subsets = Annotated[
    dict[StrictStr, Fraction],
    Field(min_length=1, json_schema_extra={"propertyNames": {"pattern": f"^{_FOLDER_NAME.pattern}$"}}),
    AfterValidator(_fractions),
]
SplitTimes = Annotated[
    dict[StrictStr, Annotated[StrictInt | StrictFloat | StrictStr, BeforeValidator(instant)]],
    AfterValidator(_one_kind),
]
Columns = Annotated[dict[Text, Text], AfterValidator(_refuse_repeated)]
Scalar = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, BeforeValidator(_scalar)]
SparkSettings = Annotated[
    dict[StrictStr, Scalar],
    Field(json_schema_extra={"propertyNames": {"pattern": r"^spark\."}}),
    AfterValidator(_spark_names),
]
Memory = Annotated[
    StrictStr, Field(json_schema_extra={"pattern": "^[1-9][0-9]*[kmgtKMGT][bB]?$"}), AfterValidator(_memory)
]
Region = Annotated[StrictStr, Field(json_schema_extra={"pattern": f"^{_REGION.pattern}$"}), AfterValidator(_region)]
KmsKey = Annotated[
    StrictStr, Field(json_schema_extra={"pattern": f"^(?:{_KMS_KEY.pattern})$"}), AfterValidator(_kms_key)
]
Account = Annotated[StrictStr, Field(json_schema_extra={"pattern": f"^{_ACCOUNT.pattern}$"}), BeforeValidator(_account)]
