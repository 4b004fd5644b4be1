"""`POST /auth/test-policy`: what would be decided, and why. Guarded by policies like everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import falcon

from falconbox.admission import Admission
from falconbox.authzen.entities import Entities
from falconbox.authzen.inquiry import Inquiry, policy_type
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.errors import Invalid, Problem
from falconbox.model import Caller
from falconbox.resources import exchange
from falconbox.resources.described_evaluation import described_evaluation, explained_evaluation
from falconbox.resources.explanation import explained
from falconbox.resources.simulation import simulate
from falconbox.schemas import did_you_mean
from falconbox.snapshot import Snapshot
from falconbox.store import Store
from falconbox.world import World


class TestPolicy:
    """Answers `{request, policy?}` and `{evaluation, pep?, policy?}`.

    With the document that policies see, the decision and every candidate's verdict.
    """

    __test__ = False  # pytest: this is no test

    def __init__(self, snapshot: Snapshot, admission: Admission, decision_point: DecisionPoint, store: Store) -> None:
        self._snapshot = snapshot
        self._admission = admission
        self._decision_point = decision_point
        self._store = store

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Decide what is described, by the stored policies or by the one given alone. Changes nothing."""
        asked = exchange.read_object(req)
        _check_fields(asked)
        why = self._evaluation if "evaluation" in asked else self._request
        exchange.answer(req, resp, why(asked, self._snapshot.current))

    def _request(self, asked: Mapping[str, Any], world: World) -> dict[str, Any]:
        question = simulate(asked["request"], world.clients)
        world = self._judged_by(asked, world, "rest")
        client_id = question.caller.client_id
        answers = self._decision_point.explain(world, client_id, question)
        decision = self._decision_point.decide(world, client_id, question)
        return {**explained(question.document, decision, answers), **_unverified(question.caller)}

    def _evaluation(self, asked: Mapping[str, Any], world: World) -> dict[str, Any]:
        evaluation, pep = described_evaluation(asked, world.clients)
        world = self._judged_by(asked, world, policy_type(evaluation))
        inquiry = Inquiry(self._decision_point, world, pep, Entities(self._store))
        return explained_evaluation(evaluation, inquiry.explain(evaluation))

    def _judged_by(self, asked: Mapping[str, Any], world: World, wanted: str) -> World:
        """Return the world with no policy but the one that is given, if one is. Raises Invalid."""
        if "policy" not in asked:
            return world
        document = asked["policy"]
        try:
            if isinstance(document, dict):
                document = {"id": "test-policy", **document}
            policy = self._admission.policy(document, world.clients.__contains__)
        except Invalid as error:
            raise Invalid(
                dataclasses.replace(problem, pointer=f"/policy{problem.pointer}") for problem in error.problems
            ) from error
        if policy.type != wanted:
            raise Invalid([Problem("/policy/type", f"only a policy of type {wanted} is ever asked about this")])
        policies = PolicySet().patched({policy.id: policy}, PolicyCompiler(self._admission.engines))
        return dataclasses.replace(world, policies=policies)


def _check_fields(asked: Mapping[str, Any]) -> None:
    known = ("request", "evaluation", "pep", "policy")
    problems = [Problem(f"/{name}", f"unknown field{did_you_mean(name, known)}") for name in asked if name not in known]
    if "evaluation" not in asked:
        if not isinstance(asked.get("request"), dict):
            problems.append(
                Problem("/request", "must be an object that describes a request; or give an `evaluation` instead")
            )
        if "pep" in asked:
            problems.append(Problem("/pep", "goes with `evaluation`; who makes a request is its `client`"))
    else:
        if not isinstance(asked["evaluation"], dict):
            problems.append(Problem("/evaluation", "must be an object, as it is sent to /access/v1/evaluation"))
        if "request" in asked:
            problems.append(Problem("/request", "give either `request` or `evaluation`"))
    if problems:
        raise Invalid(problems)


def _unverified(caller: Caller) -> dict[str, list[str]]:
    simulated = [name for name, value in (("session", caller.session), ("jwt", caller.claims)) if value is not None]
    return {"unverified": simulated} if simulated else {}
