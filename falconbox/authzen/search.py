"""Search (AuthZEN section 8): of what the box has, that which an evaluation would permit.

Each candidate is decided by the function that decides evaluations. A page costs at most MAX_CANDIDATES decisions, and
fewer on large entities: a search that has not come to its end by then goes on with the next page.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from falconbox.authzen.evaluation import (
    Action,
    Entity,
    Evaluation,
    optional_object,
    read_action,
    read_context,
    read_entity,
    read_type,
)
from falconbox.authzen.inquiry import Inquiry
from falconbox.errors import Malformed
from falconbox.model import Outcome, PolicyAnswer

MAX_CANDIDATES: Final = 1000
"""How many candidates one page asks about."""

MAX_FAILURES: Final = 8
"""How many of the policies that failed are kept for the record."""

_ACTIONS: Final = "action"
"""The type of the actions that the box has: its resources of type `Action`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """A question with one member left open. `wanted` is that member, `type` the type that is searched for."""

    wanted: str
    type: str
    subject: Entity | None
    action: Action | None
    resource: Entity | None
    context: Mapping[str, Any] | None

    def evaluation(self, candidate: Entity) -> Evaluation:
        """Return the question with a candidate in the open place."""
        return Evaluation(
            self.subject or candidate, self.action or Action(candidate.id), self.resource or candidate, self.context
        )

    def result(self, candidate: Entity) -> dict[str, str]:
        """Return how a candidate stands in the answer."""
        return {"name": candidate.id} if self.wanted == "action" else {"type": candidate.type, "id": candidate.id}

    def names(self) -> dict[str, Any]:
        """Return what the decision log keeps of it."""
        known = {"subject": self.subject, "resource": self.resource}
        names: dict[str, Any] = {name: (entity.type, entity.id) for name, entity in known.items() if entity is not None}
        if self.action is not None:
            names["action"] = self.action.name
        return names if self.wanted == "action" else {**names, self.wanted: (self.type, None)}

    def digest(self, pep: str | None) -> bytes:
        """Return what stands for this search, asked by this PEP, and for no other."""
        said = json.dumps([pep, dataclasses.asdict(self)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(said.encode()).digest()


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Which page is wanted: at most `limit` results (None: no matter how many), behind what `token` says."""

    limit: int | None = None
    token: str | None = None


@dataclasses.dataclass(slots=True)
class Found:
    """A page. `more` is the id of the box behind which the next page starts; None: there is none."""

    results: list[dict[str, str]] = dataclasses.field(default_factory=list)
    more: str | None = None
    candidates: int = 0
    failures: dict[str, PolicyAnswer] = dataclasses.field(default_factory=dict)

    def note(self, answers: tuple[PolicyAnswer, ...]) -> None:
        """Keep which policies have failed."""
        for answer in answers:
            if answer.outcome is Outcome.FAILED and len(self.failures) < MAX_FAILURES:
                self.failures.setdefault(answer.policy, answer)


def read_search(wanted: str, asked: Mapping[str, Any]) -> Search:
    """Return the search for a `subject`, a `resource` or an `action`. Raises Malformed.

    Of what is searched for nothing counts but its type.
    """
    return Search(
        wanted,
        _ACTIONS if wanted == "action" else read_type(asked, wanted),
        None if wanted == "subject" else read_entity(asked, "subject"),
        None if wanted == "action" else read_action(asked),
        None if wanted == "resource" else read_entity(asked, "resource"),
        read_context(asked),
    )


def read_page(asked: Mapping[str, Any]) -> Page | None:
    """Return the page that is asked for, if one is. Raises Malformed."""
    page = optional_object(asked, "page")
    if page is None:
        return None
    limit, token = page.get("limit"), page.get("token")
    if "limit" in page and (type(limit) is not int or limit < 0):
        raise Malformed("page.limit must be an integer, and not negative")
    if "token" in page and not isinstance(token, str):
        raise Malformed("page.token must be a string")
    return Page(limit, token)


def find(search: Search, inquiry: Inquiry, *, after: str, limit: int | None) -> Found:
    """Return the page behind an id of the box. Raises StoreError and SnapshotStale; then nothing has been found."""
    found, last = Found(), after
    for candidate, place in inquiry.entities.of_type(search.type, after):
        if found.candidates == MAX_CANDIDATES or inquiry.exhausted:
            found.more = last
            break
        decision = inquiry.decide(search.evaluation(candidate), brief=True)
        found.candidates += 1
        found.note(decision.answers)
        if decision.allow:
            if len(found.results) == limit:
                found.more = last
                break
            found.results.append(search.result(candidate))
        last = place
    return found
