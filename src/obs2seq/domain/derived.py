"""Derived features: what a pupil's history up to an observation tells of it. Here is what each one is.

Engines compute them, each in a module of its own (`flow/derived.py`, `kernel/derived.py`, `online/derived.py`), in a
function of the same name. Each looks only backwards, over the whole history of the rows kept, sessions or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from obs2seq.domain.validation import nearest, shortened
from obs2seq.errors import SpecificationError

if TYPE_CHECKING:
    from obs2seq.domain.features import Feature
    from obs2seq.domain.spec import SequenceSpec

WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint")
MEASURED_TIMES = ("timestamp", "timestamp_ntz", "date", *WHOLE_NUMBERS, "float", "double")
INSTANTS = ("timestamp",)
ANSWERS = ("boolean", *WHOLE_NUMBERS)
PARAMETERS = ("of", "time_zone")
"""The fields of a feature that say more about what is derived."""


@dataclass(frozen=True)
class Derivation:
    """What a derived feature is.

    Args:
        meaning: What its values say.
        type: Their type by Spark's name.
        unit: What they count; None for the names of things.
        parameters: Those of `PARAMETERS` that it needs; it has no others.
        times: The types that the time may have, where it is read.
        values: The types that the column `of` may have; any scalar where none is named.
    """

    meaning: str
    type: Literal["int", "double"]
    unit: str | None = None
    parameters: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


DERIVATIONS: Mapping[str, Derivation] = {
    "seconds_since_previous": Derivation(
        "Since the pupil's observation before; null at the first, and where a time is null or NaN.",
        "double",
        "seconds",
        times=MEASURED_TIMES,
    ),
    "seconds_since_same": Derivation(
        "Since the pupil's last observation with the same value; null where there is none, or the value is null.",
        "double",
        "seconds",
        ("of",),
        times=MEASURED_TIMES,
    ),
    "attempt_number": Derivation(
        "Which of the pupil's observations with this value it is, from 1; null where the value is null.",
        "int",
        "attempts",
        ("of",),
    ),
    "share_correct_before": Derivation(
        "Of the pupil's earlier values that are not null, the share that is true or above 0; null before the first.",
        "double",
        "share",
        ("of",),
        values=ANSWERS,
    ),
    "position": Derivation("Which of the pupil's observations it is, from 0; sessions do not restart it.", "int"),
    "hour_of_day": Derivation(
        "The hour of the time in a zone, 0 to 23; null where the time is.", "int", "hours", ("time_zone",), INSTANTS
    ),
    "weekday": Derivation(
        "The day of the time in a zone, 1 (Monday) to 7; null where the time is.",
        "int",
        parameters=("time_zone",),
        times=INSTANTS,
    ),
}


OF_ELEMENTS: Mapping[str, Derivation] = {
    "group": Derivation("Which of the session's observations the element is of, from 0.", "int", "observations"),
    "is_repeat": Derivation(
        "1 where an earlier element of the same observation stands before it in the session, whose answer has been "
        "visible then; else 0.",
        "int",
    ),
}
"""What only elements have, into which `explode` takes observations apart; engines number them as they do so."""


def derivation(name: str) -> Derivation:
    """Return what a derived feature is."""
    return OF_ELEMENTS.get(name) or DERIVATIONS[name]


def with_column(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a feature's fields, where it derives something with a `column` that stands for just that.

    Raises:
        ValueError: The fields say not what to read or derive, or too much.
    """
    derive = fields.get("derive")
    if derive is not None and derive not in (*DERIVATIONS, *OF_ELEMENTS):
        raise ValueError(f"unknown derived feature {shortened(derive)} ({nearest(str(derive), DERIVATIONS)})")
    needed = derivation(derive).parameters if derive is not None else ()
    whose = f"derive: {derive}" if derive is not None else "column"
    for name in PARAMETERS:
        is_given = fields.get(name) is not None
        if is_given != (name in needed):
            raise ValueError(
                f"expected {name if name in needed else f'no {name}'} beside {whose}, found {_found(is_given)}"
            )
    if derive is None:
        return fields
    column = f"{derive}({', '.join(str(fields[name]) for name in needed)})"
    if fields.get("column") not in (None, column):
        raise ValueError("expected either column or derive, found both")
    return {**fields, "column": column}


def derived_type(feature: Feature) -> str | None:
    """Return the type of what is derived or encoded, by Spark's name; None where a column is read as it is."""
    if feature.encode is not None:
        return "int"
    return None if feature.derive is None else derivation(feature.derive).type


def derived_features(spec: SequenceSpec) -> dict[str, Feature]:
    """Return what is derived, each once, by the name that stands for a column of it."""
    return {feature.column: feature for feature in spec.features if feature.derive is not None}


def features_of_observations(spec: SequenceSpec) -> dict[str, Feature]:
    """Return of `derived_features` those that are told of whole observations, before any is exploded."""
    of_elements = features_of_elements(spec)
    return {column: feature for column, feature in derived_features(spec).items() if column not in of_elements}


def features_of_elements(spec: SequenceSpec) -> dict[str, Feature]:
    """Return of `derived_features` those that are told of elements: from the exploded column, and of `OF_ELEMENTS`."""
    if spec.explode is None:
        return {}
    return {
        column: feature
        for column, feature in derived_features(spec).items()
        if feature.of == spec.explode or feature.derive in OF_ELEMENTS
    }


def require_derivable(
    spec: SequenceSpec, engine: str, computed: Collection[str], type_of: Callable[[str], str]
) -> None:
    """Raise `SpecificationError` for the first feature that cannot be derived.

    Args:
        spec: With the features.
        engine: What computes them, for the message.
        computed: The names of those that it can, `OF_ELEMENTS` apart: these come with exploding.
        type_of: Gives the type of a column by Spark's name, or "" where it is not known yet; that of the elements for
            a column that is exploded.
    """
    for feature in derived_features(spec).values():
        derive = str(feature.derive)
        if derive in OF_ELEMENTS:
            continue
        if derive not in computed:
            raise not_computed(feature, engine, computed)
        derivation = DERIVATIONS[derive]
        require_type(feature, spec.order_by[0], type_of(spec.order_by[0]), derivation.times)
        if feature.of is not None:
            require_type(feature, feature.of, type_of(feature.of), derivation.values)


def require_type(feature: Feature, column: str, type_name: str, allowed: tuple[str, ...]) -> None:
    """Raise `SpecificationError` where a column is of a known type that a derived feature cannot be told from."""
    if type_name and allowed and type_name not in allowed:
        raise SpecificationError(
            f"feature '{feature.name}'",
            f"expected column '{column}' to be {_listed(allowed)} for {feature.derive}, found {type_name}",
            "map it under columns in the settings, with a cast",
        )


def not_computed(feature: Feature, engine: str, computed: Collection[str]) -> SpecificationError:
    """Return the error for a derived feature that an engine has no function for."""
    known = f"one of {', '.join(computed)}" if computed else "columns alone"
    return SpecificationError(
        f"feature '{feature.name}'",
        f"expected {known}, which is what {engine} computes, found derive: {feature.derive}",
        "compute it with Spark (engine: spark) or in the process itself (engine: arrow)",
    )


def _found(is_given: bool) -> str:
    return "one" if is_given else "none"


def _listed(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
