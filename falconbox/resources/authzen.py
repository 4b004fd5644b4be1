"""`/access/v1/evaluation` and `/access/v1/evaluations`: other applications ask, as OpenID AuthZEN 1.0 says.

Who asks (the PEP) has passed the guard like everybody. What is asked is decided by policies of type `authzen`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import falcon

from falconbox.authzen.batch import read_batch
from falconbox.authzen.entities import Entities
from falconbox.authzen.evaluation import Evaluation, read_evaluation
from falconbox.authzen.gateway import named
from falconbox.authzen.inquiry import Inquiry
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log import record
from falconbox.decision_log.writer import DecisionLog
from falconbox.errors import Malformed, TooLarge
from falconbox.media import JSON, write
from falconbox.model import Decision
from falconbox.resources import exchange
from falconbox.store import Store

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What it takes to answer PEPs."""

    store: Store
    decision_point: DecisionPoint
    decision_log: DecisionLog

    def inquiry(self, req: falcon.Request) -> Inquiry:
        """Return where the questions of one request are decided."""
        return Inquiry(self.decision_point, req.context.world, req.context.caller.client_id, Entities(self.store))


class AccessEvaluation:
    """Answers one evaluation."""

    negotiates: ClassVar = False

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Decide. A denial is a 200 too."""
        asked = read_object(req)
        answer_evaluation(req, resp, self._access, asked)


class AccessEvaluations:
    """Answers many evaluations, or, without `evaluations`, one."""

    negotiates: ClassVar = False

    def __init__(self, access: Access) -> None:
        self._access = access

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Decide them in order, as far as the semantic asks for it."""
        asked = read_object(req)
        batch = read_batch(asked)
        if batch is None:
            answer_evaluation(req, resp, self._access, asked)
            return
        inquiry, told = self._access.inquiry(req), wants_context(asked)
        answers, records = [], []
        for evaluation in batch.evaluations():
            if inquiry.exhausted:
                raise TooLarge("the evaluations, each written out with all that is known, are too large: ask in parts")
            if isinstance(evaluation, Malformed):
                answer, written = _unusable(req, evaluation)
            else:
                answer, written = _decided(req, evaluation, inquiry.decide(evaluation), told=told)
            answers.append(answer)
            records.append(written)
            if answer["decision"] is batch.ends:
                break
        self._access.decision_log.write(*records)
        answer_json(resp, {"evaluations": answers})


def read_object(req: falcon.Request) -> dict[str, Any]:
    """Return the body. Raises Malformed, also for another media type than JSON: AuthZEN answers that with 400."""
    if (req.content_type or "").partition(";")[0].strip().lower() != JSON:
        raise Malformed(f"the Content-Type must be {JSON}")
    try:
        return exchange.read_object(req)
    except TooLarge:
        raise
    except Malformed as error:
        raise Malformed(error.detail, line=error.line, column=error.column) from error


def answer_evaluation(req: falcon.Request, resp: falcon.Response, access: Access, asked: Mapping[str, Any]) -> None:
    """Decide one evaluation, write it down, and answer."""
    evaluation = read_evaluation(asked)
    decision = access.inquiry(req).decide(evaluation)
    answer, written = _decided(req, evaluation, decision, told=wants_context(asked))
    access.decision_log.write(written)
    answer_json(resp, answer)


def wants_context(asked: Mapping[str, Any]) -> bool:
    """Whether the answer shall have a `context`: unasked it has none, because others compare it to the letter."""
    options = asked.get("options")
    return isinstance(options, Mapping) and options.get("context") is True


def answer_json(resp: falcon.Response, value: Any) -> None:
    """Answer 200 with a JSON value."""
    resp.status = HTTPStatus.OK
    resp.content_type = JSON
    resp.data = write(JSON, value)


def asked_within(req: falcon.Request) -> record.Asked:
    """Return what records say of a question that came in a request with a record of its own."""
    asked: record.Asked = req.context.asked()
    return dataclasses.replace(asked, door="authzen", request=req.context.record_id)


def _decided(
    req: falcon.Request, evaluation: Evaluation, decision: Decision, *, told: bool
) -> tuple[dict[str, Any], Record]:
    record_id = record.new_id()
    answer: dict[str, Any] = {"decision": decision.allow}
    if told:
        answer["context"] = {"decision_id": record_id, "revision": decision.revision}
    return answer, record.evaluated(record_id, asked_within(req), decision, {**evaluation.names(), **named(evaluation)})


def _unusable(req: falcon.Request, error: Malformed) -> tuple[dict[str, Any], Record]:
    context = {"error": {"status": HTTPStatus.BAD_REQUEST.value, "message": error.detail}}
    written = record.refused(record.new_id(), asked_within(req), error.code, error.detail)
    return {"decision": False, "context": context}, written
