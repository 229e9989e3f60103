"""JSON Schemas of the settings and of the specification, for editors and other programs."""

from typing import Any

from pydantic import BaseModel

from obs2seq.domain.spec import SequenceSpec
from obs2seq.settings.model import GROUPS, Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def settings_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a settings file; every key is optional."""
    schema = _schema(Settings, "obs2seq settings", "One flat set of keys; the same as options and in the environment.")
    properties = schema["properties"]
    schema["properties"] = {key: properties[key] for group in GROUPS.values() for key in group.model_fields}
    return schema


def specification_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a sequence specification."""
    return _schema(SequenceSpec, "obs2seq sequence specification", "Which columns become which fixed-length arrays.")


def _schema(model: type[BaseModel], title: str, description: str) -> Schema:
    return {"$schema": DIALECT, **model.model_json_schema(), "title": title, "description": description}
