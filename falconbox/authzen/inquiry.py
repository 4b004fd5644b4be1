"""Ask the decision point what a PEP asks: one world, one look at each entity."""

from __future__ import annotations

from typing import Any

from falconbox.authzen.entities import AmbiguousEntity, Entities
from falconbox.authzen.evaluation import Evaluation
from falconbox.authzen.gateway import NO_BODY, ROUTE, SubjectRejected, caller_of, request_of
from falconbox.decision.point import DecisionPoint, Question
from falconbox.document import RequestDocument
from falconbox.errors import Malformed, SnapshotStale
from falconbox.model import Decision
from falconbox.world import World


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
        try:
            pep, question, policy_type = self._question(evaluation)
            # What the box knows of a subject may be looked up as late as a policy reads it.
            decision = self._decision_point.decide(self._world, pep, question, policy_type, brief=brief)
        except (AmbiguousEntity, Malformed, SubjectRejected) as error:
            return Decision(allow=False, code=error.code, revision=self._world.revision)
        if decision.code == SnapshotStale.code:
            raise SnapshotStale
        return decision

    def _question(self, evaluation: Evaluation) -> tuple[str | None, Question, str]:
        """Return whose policies are asked, what they are asked, and of which type they are."""
        if evaluation.resource.type != ROUTE:
            return self._pep, RequestDocument(self._document(evaluation), {}, NO_BODY), "authzen"
        caller = caller_of(evaluation.subject, self._world.clients)
        return caller.client_id, request_of(evaluation, caller, self.entities), "rest"

    def _document(self, evaluation: Evaluation) -> dict[str, Any]:
        document: dict[str, Any] = {
            "subject": self.entities.document(evaluation.subject),
            "action": evaluation.action.document(),
            "resource": self.entities.document(evaluation.resource),
        }
        if evaluation.context is not None:
            document["context"] = evaluation.context
        return document
