"""Ask the decision point what a PEP asks: one world, one look at each entity."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from falconbox.authzen.entities import AmbiguousEntity, Entities
from falconbox.authzen.evaluation import Evaluation
from falconbox.authzen.gateway import NO_BODY, ROUTE, SubjectRejected, caller_of, request_of
from falconbox.decision.point import DecisionPoint
from falconbox.document import RequestDocument
from falconbox.errors import Malformed, SnapshotStale
from falconbox.media import JSON, write
from falconbox.model import Decision, PolicyAnswer
from falconbox.world import World

MAX_DECIDED_ON: Final = 16 * 1024 * 1024
"""Bytes of JSON that the questions of one request may come to together: as much as sixteen of the largest alone."""

UNDECIDABLE: Final = (AmbiguousEntity, Malformed, SubjectRejected)
"""What makes an evaluation a denial before any policy has settled it."""


def policy_type(evaluation: Evaluation) -> str:
    """Return the type of the policies that decide an evaluation."""
    return "rest" if evaluation.resource.type == ROUTE else "authzen"


@dataclasses.dataclass(frozen=True, slots=True)
class Explained:
    """A decision, and what every candidate answers. `document` is what policies see, `detail` why there is none."""

    decision: Decision
    document: Mapping[str, Any] | None = None
    answers: tuple[PolicyAnswer, ...] = ()
    detail: str | None = None


class Inquiry:
    """What one PEP asks in one request. `pep` is its client id; None: nobody knows who it is.

    `decided_on` counts the bytes of JSON that policies have looked at. A default of many evaluations, or what the box
    knows of somebody, is sent once or never, and costs as much each time.
    """

    def __init__(self, decision_point: DecisionPoint, world: World, pep: str | None, entities: Entities) -> None:
        self._decision_point = decision_point
        self._world = world
        self._pep = pep
        self.entities = entities
        self.decided_on = 0

    @property
    def exhausted(self) -> bool:
        """Whether one request has had as much decided as it may."""
        return self.decided_on > MAX_DECIDED_ON

    def decide(self, evaluation: Evaluation, *, brief: bool = False) -> Decision:
        """Decide an evaluation. Raises SnapshotStale, and StoreError when the box cannot be read.

        `brief`: without the reasons of a denial, and without asking shadow policies.
        """
        try:
            asker, question = self._question(evaluation)
            # What the box knows of a subject may be looked up as late as a policy reads it.
            decision = self._decision_point.decide(self._world, asker, question, policy_type(evaluation), brief=brief)
        except UNDECIDABLE as error:
            return Decision(allow=False, code=error.code, revision=self._world.revision)
        if decision.code == SnapshotStale.code:
            raise SnapshotStale
        self.decided_on += len(write(JSON, question.document))
        return decision

    def explain(self, evaluation: Evaluation) -> Explained:
        """Decide an evaluation and tell why. Slow; for people. Raises as `decide` does."""
        decision = self.decide(evaluation)
        try:
            asker, question = self._question(evaluation)
            answers = self._decision_point.explain(self._world, asker, question, policy_type(evaluation))
        except UNDECIDABLE as error:
            return Explained(decision, detail=error.detail)
        return Explained(decision, question.read(body=False), answers)

    def _question(self, evaluation: Evaluation) -> tuple[str | None, RequestDocument]:
        """Return whose policies are asked, and what they are asked."""
        if evaluation.resource.type != ROUTE:
            return self._pep, RequestDocument(self._document(evaluation), {}, NO_BODY)
        caller = caller_of(evaluation.subject, self._world.clients)
        return caller.client_id, request_of(evaluation, caller, self.entities)

    def _document(self, evaluation: Evaluation) -> dict[str, Any]:
        document: dict[str, Any] = {
            "subject": self.entities.document(evaluation.subject),
            "action": evaluation.action.document(),
            "resource": self.entities.document(evaluation.resource),
        }
        if evaluation.context is not None:
            document["context"] = evaluation.context
        return document
