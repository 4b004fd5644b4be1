"""An AuthZEN evaluation as somebody describes it, decided as if an application had asked, and why."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from falconbox.authzen.evaluation import Evaluation, read_evaluation
from falconbox.authzen.inquiry import Explained, policy_type
from falconbox.errors import Invalid, Malformed, Problem
from falconbox.redaction import Redacted
from falconbox.resources.explanation import explained, why


def described_evaluation(asked: Mapping[str, Any], clients: Container[str]) -> tuple[Evaluation, str | None]:
    """Return `evaluation`, and who asks it: `pep`, a stored client; None: nobody who is known. Raises Invalid."""
    problems, evaluation = [], None
    try:
        evaluation = read_evaluation(asked["evaluation"])
    except Malformed as error:
        problems.append(Problem("/evaluation", error.detail))
    pep = asked.get("pep")
    if "pep" in asked and not (isinstance(pep, str) and pep in clients):
        problems.append(Problem("/pep", "there is no such client; leave `pep` out for one whom nobody knows"))
    if evaluation is None or problems:
        raise Invalid(problems)
    return evaluation, pep


def explained_evaluation(evaluation: Evaluation, told: Explained) -> dict[str, Any]:
    """Return the document that policies see, the decision, and what each candidate answered.

    What the box knows of the entities is in it, so what is named like a secret is masked.
    """
    if told.document is None:
        return {**why(told.decision, told.answers), "detail": told.detail}
    shown = Redacted(told.document)
    if policy_type(evaluation) == "rest":
        return explained(shown.document, told.decision, shown.answers(told.answers))
    return {"evaluation": shown.document, **why(told.decision, shown.answers(told.answers))}
