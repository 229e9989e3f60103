"""Hamilton's hooks: each node is told of as it begins and ends."""

from __future__ import annotations

from typing import Any

from hamilton.lifecycle import NodeExecutionHook

from obs2seq.tracing.watch import Watch

_IS_CHECK = "hamilton.data_quality.contains_dq_results"


class WatchedNodes(NodeExecutionHook):  # type: ignore[misc]  # Hamilton has no types
    """Tells a watch of each node that is computed; the checks of a node are left out.

    Args:
        watch: Who is told.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def run_before_node_execution(self, *, node_name: str, node_tags: dict[str, Any], **_: Any) -> None:
        """Say that the node begins."""
        if _is_told(node_tags):
            self._watch.start_node(node_name.removesuffix("_raw"))

    def run_after_node_execution(self, *, node_tags: dict[str, Any], error: Exception | None, **_: Any) -> None:
        """Say that the node is done."""
        if _is_told(node_tags):
            self._watch.end(error)


def _is_told(tags: dict[str, Any]) -> bool:
    return not tags.get(_IS_CHECK)
