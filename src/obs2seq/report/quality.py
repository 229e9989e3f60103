"""What the settings' quality rules found, by rule and subset: from manifests alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from obs2seq.domain.manifest import Manifest

_APART = ("name", "kind", "severity")


@dataclass(frozen=True)
class TriedRule:
    """One rule of the settings, and how many rows of each subset break it."""

    name: str
    kind: str
    severity: str
    needs: Mapping[str, Any]
    """What the kind needs, such as a column and its bounds."""
    counts: Sequence[int]
    """In the order of the subsets. Of rows that break several, one that quarantines counts where it is the first."""


def tried_rules(manifests: Sequence[Manifest]) -> list[TriedRule]:
    """Return the rules that all subsets of a run were tried by, in their order; none where none are set."""
    return [_tried(rule, manifests) for rule in manifests[0].settings.get("rules", ())]


def _tried(rule: Mapping[str, Any], manifests: Sequence[Manifest]) -> TriedRule:
    needs = {key: value for key, value in rule.items() if key not in _APART}
    counts = [_count(manifest, rule["name"]) for manifest in manifests]
    return TriedRule(rule["name"], rule["kind"], rule["severity"], needs, counts)


def _count(manifest: Manifest, name: str) -> int:
    return manifest.ledger.left_out.get(name, 0) + manifest.ledger.noted.get(name, 0)
