"""A decision and its why, as they are shown to those who may ask."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from falconbox.model import Decision, Outcome, PolicyAnswer

EVAL_RESULTS: Final = {Outcome.YES: True, Outcome.NO: False, Outcome.FAILED: "failed"}
"""What Aidbox's users know as `eval-result`."""


def explained(document: Mapping[str, Any], decision: Decision, answers: Iterable[PolicyAnswer]) -> dict[str, Any]:
    """Return the request document, the decision, and what each candidate answered."""
    return {"request": document, **why(decision, answers)}


def why(decision: Decision, answers: Iterable[PolicyAnswer]) -> dict[str, Any]:
    """Return the decision, and what each candidate answered."""
    return {
        "decision": "allow" if decision.allow else "deny",
        "code": decision.code,
        "by": list(decision.by),
        "revision": decision.revision,
        "policies": [_answer(answer) for answer in answers],
    }


def _answer(answer: PolicyAnswer) -> dict[str, Any]:
    return {
        "id": answer.policy,
        "eval-result": EVAL_RESULTS[answer.outcome],
        "engine": answer.engine,
        "effect": answer.effect.value,
        "mode": answer.mode.value,
        "outcome": answer.outcome.value,
        "reasons": [dict(_present(dataclasses.asdict(reason))) for reason in answer.reasons],
    }


def _present(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in fields.items() if value is not None)
