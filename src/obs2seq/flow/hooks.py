"""Hamilton's hooks: each node is told of as it begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamilton.lifecycle import NodeExecutionHook

from obs2seq.flow.graph import IS_CHECK, UNCHECKED
from obs2seq.tracing.watch import Watch


class WatchedNodes(NodeExecutionHook):  # type: ignore[misc]  # Hamilton has no types
    """Tells a watch of each node that is computed; the checks of a node are left out.

    Args:
        watch: Who is told.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def run_before_node_execution(self, *, node_name: str, **facts: Any) -> None:
        """Say that the node begins."""
        if _is_told(node_name, facts):
            self._watch.start_node(node_name.removesuffix(UNCHECKED))

    def run_after_node_execution(self, *, node_name: str, error: Exception | None, **facts: Any) -> None:
        """Say that the node is done."""
        if _is_told(node_name, facts):
            self._watch.end(error)


def _is_told(name: str, facts: Mapping[str, Any]) -> bool:
    """Of a node with checks, Hamilton makes three: what it gives, its checks, and what passes these."""
    return not facts["node_tags"].get(IS_CHECK) and f"{name}{UNCHECKED}" not in facts["node_kwargs"]
