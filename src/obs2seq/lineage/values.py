"""Steps that give values to some columns and shape no row: they count for those columns alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from obs2seq.domain.derived import DERIVATIONS
from obs2seq.domain.spec import SequenceSpec
from obs2seq.lineage.graph import Step, step
from obs2seq.lineage.modules import Symbol

_TABLE = "domain.derived:DERIVATIONS"

Derived = tuple[tuple[str, frozenset[str]], ...]
"""Kinds of things that are derived, each with the columns of the output that hold it."""


def derivation_steps(derived: Derived, module: str, upstream: Collection[str], owner: str) -> list[Step]:
    """Return a step for each kind of thing that is derived, which counts for the features that derive it.

    Args:
        derived: As `derived_of` returns.
        module: Where the engine's functions stand, by the names of what they derive, and the table of them.
        upstream: What they read.
        owner: Whose the steps are.
    """
    return [
        replace(
            step(name, upstream, f"{module}:{name}", owner=owner, columns=columns),
            beside=_functions(module),
            entries=tuple((Symbol.of(table), name) for table in (f"{module}:FUNCTIONS", _TABLE)),
        )
        for name, columns in derived
    ]


def derivation_code(module: str) -> frozenset[Symbol]:
    """Return the code that counts for `derivation_steps` alone, whichever of them a job takes."""
    return _functions(module).union(map(Symbol.of, (f"{module}:FUNCTIONS", _TABLE)))


def derived_of(spec: SequenceSpec) -> Derived:
    """Return what a specification derives, without what exploding numbers itself."""
    kinds = dict.fromkeys(feature.derive for feature in spec.features if feature.derive in DERIVATIONS)
    return tuple((str(kind), _columns_of(spec, kind)) for kind in kinds)


def feature_columns(spec: SequenceSpec) -> frozenset[str]:
    """Return the columns of the output that features name."""
    return frozenset(feature.output for feature in spec.features)


def _functions(module: str) -> frozenset[Symbol]:
    return frozenset(Symbol.of(f"{module}:{name}") for name in DERIVATIONS)


def _columns_of(spec: SequenceSpec, kind: str | None) -> frozenset[str]:
    return frozenset(feature.output for feature in spec.features if feature.derive == kind)
