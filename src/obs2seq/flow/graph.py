"""The dataflow as a graph of steps, as Hamilton tells it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from hamilton import driver
from hamilton.graph_types import HamiltonNode, get_type_as_string

from obs2seq.domain.spec import SequenceSpec
from obs2seq.lineage.graph import Graph, Step, first_sentence, step
from obs2seq.lineage.modules import Symbol
from obs2seq.lineage.values import derivation_code, derivation_steps, derived_of, feature_columns

IS_CHECK = "hamilton.data_quality.contains_dq_results"
UNCHECKED = "_raw"
_DERIVED = "flow.derived"
_ADDS_DERIVED = f"{_DERIVED}:with_derived"
_DERIVING = ("derived_observations", "described_observations")
"""The nodes that add what is derived."""
_OF_FEATURES = ("feature_pads", "feature_values")
"""The nodes that return the values of features, and no rows."""


def graph_of(flow: driver.Driver, output: str, added: Collection[str] = ()) -> Graph:
    """Return all steps that a node of the dataflow rests on. Nothing is run; checks count to what they check.

    Args:
        flow: Has the node.
        output: The node, which makes all columns.
        added: Those that it adds to what it reads, where it makes no others.
    """
    nodes = {node.name: node for node in flow.what_is_upstream_of(output)}
    steps = {name: _step(node, nodes) for name, node in nodes.items() if _is_step(node, nodes)}
    return Graph("spark", _in_order(steps, output), output, added=frozenset(added))


def with_values(graph: Graph, spec: SequenceSpec) -> Graph:
    """Tell apart what gives values to some columns alone: what is derived, a step a kind, and features' values."""
    told = {name: _of_features(step, spec) for name, step in graph.steps.items()}
    kinds = derivation_steps(derived_of(spec), _DERIVED, ("history",), "derived")
    if kinds and (deriving := next((name for name in told if name in _DERIVING), None)):
        upstream = ("history", *(kind.name for kind in kinds))
        added = step("derived_columns", upstream, _ADDS_DERIVED, type_=told[deriving].type, owner="derived")
        told |= {each.name: each for each in (*kinds, added)}
        for name in _DERIVING:
            if name in told:
                told[name] = replace(told[name], upstream=(*told[name].upstream, added.name))
    others = derivation_code(_DERIVED) | {Symbol.of(_ADDS_DERIVED)}
    return replace(graph, steps=_in_order(told, graph.output), others=others)


def _of_features(step: Step, spec: SequenceSpec) -> Step:
    return replace(step, columns=feature_columns(spec)) if step.name in _OF_FEATURES else step


def _is_step(node: HamiltonNode, nodes: Mapping[str, HamiltonNode]) -> bool:
    is_unchecked = node.name.endswith(UNCHECKED) and node.name.removesuffix(UNCHECKED) in nodes
    return not (node.is_external_input or node.tags.get(IS_CHECK) or is_unchecked)


def _step(node: HamiltonNode, nodes: Mapping[str, HamiltonNode]) -> Step:
    functions: tuple[Any, ...] = node.originating_functions or ()
    own = nodes.get(f"{node.name}{UNCHECKED}", node)
    return Step(
        name=node.name,
        meaning=first_sentence(node.documentation),
        upstream=tuple(name for name in _parameters(functions[0]) if name in own.required_dependencies),
        # Hamilton calls each way to make a node by the node's name; its code keeps the name in the module.
        roots=tuple(Symbol(function.__module__, function.__code__.co_name) for function in functions),
        type=_type(node.type),
        unit=str(node.tags.get("unit", "")),
        owner=str(node.tags.get("owner", "")) or node.tags["module"].rpartition(".")[2],
    )


def _parameters(function: Any) -> list[str]:
    """Return what a function reads, in its own order: Hamilton keeps a set."""
    return list(function.__code__.co_varnames[: function.__code__.co_argcount])


def _in_order(steps: Mapping[str, Step], output: str) -> dict[str, Step]:
    """Return the steps, each after those that it reads."""
    ordered: dict[str, Step] = {}

    def add(name: str) -> None:
        if name in steps and name not in ordered:
            for above in steps[name].upstream:
                add(above)
            ordered[name] = steps[name]

    add(output)
    return ordered


def _type(type_: Any) -> str:
    return str(get_type_as_string(type_) or "")
