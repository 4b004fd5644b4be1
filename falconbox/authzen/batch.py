"""Evaluations in one request (AuthZEN section 7): defaults, semantics, and items that cannot be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from falconbox.authzen.evaluation import MEMBERS, Evaluation, optional_object, read_evaluation
from falconbox.errors import Malformed

MAX_EVALUATIONS: Final = 1000
"""How many evaluations one request may ask for."""

EXECUTE_ALL: Final = "execute_all"
ENDS: Final[Mapping[str, bool | None]] = {
    EXECUTE_ALL: None,
    "deny_on_first_deny": False,
    "permit_on_first_permit": True,
}
"""The semantics, and the decision behind which nothing more is evaluated."""


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Evaluations as they were asked for. `ends` is the decision that ends them; None: all are evaluated."""

    asked: Mapping[str, Any]
    items: Sequence[Any]
    ends: bool | None

    def evaluations(self) -> Iterator[Evaluation | Malformed]:
        """Yield the evaluations in order; for an item that is none, why."""
        # A default stands for a member that an item lacks, as a whole: entities are never merged.
        defaults = {name: self.asked[name] for name in MEMBERS if name in self.asked}
        for item in self.items:
            try:
                if not isinstance(item, Mapping):
                    raise Malformed("an evaluation must be an object")
                yield read_evaluation({**defaults, **item})
            except Malformed as error:
                yield error


def read_batch(asked: Mapping[str, Any]) -> Batch | None:
    """Return the evaluations that are asked for; None: a single one, without `evaluations`. Raises Malformed."""
    options = optional_object(asked, "options") or {}
    semantic = options.get("evaluations_semantic", EXECUTE_ALL)
    if not isinstance(semantic, str) or semantic not in ENDS:
        raise Malformed(f"options.evaluations_semantic must be one of {', '.join(ENDS)}")
    items = asked.get("evaluations", [])
    if not isinstance(items, list):
        raise Malformed("evaluations must be an array")
    if len(items) > MAX_EVALUATIONS:
        raise Malformed(f"at most {MAX_EVALUATIONS} evaluations can be asked for at once")
    return Batch(asked, items, ENDS[semantic]) if items else None
