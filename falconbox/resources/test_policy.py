"""`POST /auth/test-policy`: what would be decided, and why. Guarded by policies like everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import falcon

from falconbox.admission import Admission
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.errors import Invalid, Problem
from falconbox.model import Caller
from falconbox.resources import exchange
from falconbox.resources.explanation import explained
from falconbox.resources.simulation import simulate
from falconbox.schemas import did_you_mean
from falconbox.snapshot import Snapshot
from falconbox.world import World


class TestPolicy:
    """Answers `{request, policy?}` with the request document, the decision and every candidate's verdict."""

    __test__ = False  # pytest: this is no test

    def __init__(self, snapshot: Snapshot, admission: Admission, decision_point: DecisionPoint) -> None:
        self._snapshot = snapshot
        self._admission = admission
        self._decision_point = decision_point

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Decide the described request, by the stored policies or by the one given alone. Changes nothing."""
        asked = exchange.read_object(req)
        _check_fields(asked)
        world = self._snapshot.current
        question = simulate(asked["request"], world.clients)
        if "policy" in asked:
            world = self._alone(asked["policy"], world)
        client_id = None if question.caller.client is None else question.caller.client.id
        answers = self._decision_point.explain(world, client_id, question)
        decision = self._decision_point.decide(world, client_id, question)
        exchange.answer(req, resp, {**explained(question.document, decision, answers), **_unverified(question.caller)})

    def _alone(self, document: Any, world: World) -> World:
        try:
            if isinstance(document, dict):
                document = {"id": "test-policy", **document}
            policy = self._admission.policy(document, world.clients.__contains__)
        except Invalid as error:
            raise Invalid(
                dataclasses.replace(problem, pointer=f"/policy{problem.pointer}") for problem in error.problems
            ) from error
        policies = PolicySet().patched({policy.id: policy}, PolicyCompiler(self._admission.engines))
        return dataclasses.replace(world, policies=policies)


def _check_fields(asked: Mapping[str, Any]) -> None:
    known = ("request", "policy")
    problems = [Problem(f"/{name}", f"unknown field{did_you_mean(name, known)}") for name in asked if name not in known]
    if not isinstance(asked.get("request"), dict):
        problems.append(Problem("/request", "must be an object that describes a request"))
    if problems:
        raise Invalid(problems)


def _unverified(caller: Caller) -> dict[str, list[str]]:
    simulated = [name for name, value in (("session", caller.session), ("jwt", caller.claims)) if value is not None]
    return {"unverified": simulated} if simulated else {}
