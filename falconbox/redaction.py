"""Take secrets out of a document before somebody is shown it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox.model import PolicyAnswer, Reason
from falconbox.wording import escape

MASK: Final = "***"

PLACES: Final = ("params", "headers", "body", "subject", "action", "resource", "context")
"""Where a caller puts secrets, or the box has some: of a request, and of an AuthZEN evaluation.

A client is shown without its own; of its `details` the same names are masked.
"""

_SECRET: Final = re.compile(
    r"secret|pass(?:word|wd|phrase|code)|pwd|token|jwt|(?:api|access|auth)[-_]?key|authori[sz]ation|\bauth\b|bearer|cookie"
    r"|credential|assertion|private|signature|session|\bpin\b|\botp\b",
    re.IGNORECASE,
)


class Redacted:
    """A document without its secrets, and which reasons may be shown in full beside it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.masked: list[str] = []
        self.document = {key: self._shown(key, value) for key, value in document.items()}
        if any(pointer.startswith("/params/") for pointer in self.masked) and "query-string" in self.document:
            self.masked.append("/query-string")
            self.document["query-string"] = MASK

    def answers(self, answers: Iterable[PolicyAnswer]) -> tuple[PolicyAnswer, ...]:
        """Return the answers; a reason whose sentence could quote what is masked keeps its code and pointers only."""
        return tuple(
            dataclasses.replace(answer, reasons=tuple(self._reason(reason) for reason in answer.reasons))
            for answer in answers
        )

    def _reason(self, reason: Reason) -> Reason:
        # What stands at a masked place, below it or above it can be quoted; without a pointer, anything can.
        near = reason.pointer is None or any(
            _within(place, reason.pointer) or _within(reason.pointer, place) for place in self.masked
        )
        return dataclasses.replace(reason, message=MASK, details=None) if self.masked and near else reason

    def _shown(self, key: str, value: Any) -> Any:
        if key in PLACES:
            return self._without(value, f"/{key}")
        if key == "client" and isinstance(value, Mapping) and "details" in value:
            return {**value, "details": self._without(value["details"], "/client/details")}
        return value

    def _without(self, value: Any, pointer: str) -> Any:
        if isinstance(value, Mapping):
            return {name: self._member(name, member, f"{pointer}/{escape(name)}") for name, member in value.items()}
        if isinstance(value, list):
            return [self._without(item, f"{pointer}/{place}") for place, item in enumerate(value)]
        return value

    def _member(self, name: str, value: Any, pointer: str) -> Any:
        if not _SECRET.search(name):
            return self._without(value, pointer)
        self.masked.append(pointer)
        return MASK


def _within(place: str, other: str) -> bool:
    return place == other or place.startswith(f"{other}/")
