"""Golden data: where it stands, and how a policy in it is admitted and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from falconbox.admission import Admission
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.engine import ALL, All
from falconbox.media import strict_yaml
from falconbox.model import Decision
from falconbox.plugins import load_plugins
from falconbox.world import World

PLUGINS = load_plugins()
ADMISSION = Admission(PLUGINS.engines)
POINT = DecisionPoint(lambda: True)


def golden(name: str) -> list[dict[str, Any]]:
    """Return the entries of a golden file."""
    entries: list[dict[str, Any]] = strict_yaml.loads((Path(__file__).parent / f"{name}.yaml").read_bytes())
    return entries


class Asked:
    """A question about a whole document."""

    unknown: frozenset[str] = frozenset()

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> dict[str, Any]:
        return self.document


def decided(policies: list[dict[str, Any]], document: dict[str, Any], client: str | None = None) -> Decision:
    """Admit policies, and decide by them."""
    admitted = [ADMISSION.policy(policy, lambda _: True) for policy in policies]
    compiler = PolicyCompiler(PLUGINS.engines, PLUGINS.shipped)
    held = PolicySet().patched({policy.id: policy for policy in admitted}, compiler)
    return POINT.decide(World(policies=held), client, Asked(document))
