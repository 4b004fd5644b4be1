"""Ask the decision point what a PEP asks: one world, one look at each entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from falconbox.authzen.entities import Entities
from falconbox.authzen.evaluation import Evaluation
from falconbox.decision.point import DecisionPoint
from falconbox.engine import ALL, All
from falconbox.errors import SnapshotStale
from falconbox.model import Decision
from falconbox.world import World


class EvaluationDocument:
    """What policies of type `authzen` judge: `subject`, `action`, `resource` and, if there is one, `context`."""

    unknown: frozenset[str] = frozenset()

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> Mapping[str, Any]:  # noqa: ARG002  # it is whole
        """Return the document."""
        return self._document


class Inquiry:
    """What one PEP asks in one request. `pep` is its client id; None: nobody knows who it is."""

    def __init__(self, decision_point: DecisionPoint, world: World, pep: str | None, entities: Entities) -> None:
        self._decision_point = decision_point
        self._world = world
        self._pep = pep
        self.entities = entities

    def decide(self, evaluation: Evaluation, *, brief: bool = False) -> Decision:
        """Decide an evaluation. Raises SnapshotStale, and StoreError when the box cannot be read.

        `brief`: without the reasons of a denial, and without asking shadow policies.
        """
        decision = self._decision_point.decide(
            self._world, self._pep, EvaluationDocument(self._document(evaluation)), "authzen", brief=brief
        )
        if decision.code == SnapshotStale.code:
            raise SnapshotStale
        return decision

    def _document(self, evaluation: Evaluation) -> dict[str, Any]:
        document: dict[str, Any] = {
            "subject": self.entities.document(evaluation.subject),
            "action": evaluation.action.document(),
            "resource": self.entities.document(evaluation.resource),
        }
        if evaluation.context is not None:
            document["context"] = evaluation.context
        return document
