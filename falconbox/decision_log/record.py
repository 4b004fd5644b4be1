"""The shape of a decision log record (docs/reference/decision-log.md).

A record holds names, pointers and codes, never a value out of the request but its method and path: headers, query
and body hold secrets, and so may the sentences of an explanation.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any, Final

from falconbox.model import ANONYMOUS, Caller, Decision, PolicyAnswer, Reason

MAX_URI: Final = 512
"""Characters of a path, and of any name in a question, that a record keeps."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What every record says of a request, whatever became of it. `duration` is in microseconds.

    `door` is where it came in. `request` is the id of the record of the HTTP request in which a question came that has
    a record of its own.
    """

    method: str
    uri: str
    remote_addr: str
    duration: int
    caller: Caller = ANONYMOUS
    door: str = "box"
    request: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What an AuthZEN evaluation is about: a subject's type and id, an action's name, a resource's type and id."""

    subject: tuple[str, str]
    action: str
    resource: tuple[str, str]


def new_id() -> str:
    """Return the id of a new record."""
    return uuid.uuid4().hex


def now() -> str:
    """Return the time as records have it: UTC, microseconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def decided(record_id: str, asked: Asked, decision: Decision) -> dict[str, Any]:
    """Return the record of a decision."""
    return _decision(record_id, "decision", asked, decision)


def evaluated(record_id: str, asked: Asked, decision: Decision, names: Names) -> dict[str, Any]:
    """Return the record of an AuthZEN evaluation; the caller in `asked` is who asks, and not the subject."""
    record = _decision(record_id, "evaluation", asked, decision)
    record["subject"] = _entity(names.subject)
    record["action"] = names.action[:MAX_URI]
    record["resource"] = _entity(names.resource)
    return record


def refused(record_id: str, asked: Asked, code: str, detail: str) -> dict[str, Any]:
    """Return the record of a request refused before any policy was asked; `detail` is our own sentence."""
    record = _record(record_id, "refusal", asked, allow=False, code=code)
    record["detail"] = detail
    return record


def answered(record_id: str, asked: Asked, kind: str, code: str) -> dict[str, Any]:
    """Return the record of what an OAuth endpoint has done for the client in `asked`."""
    return _record(record_id, kind, asked, allow=True, code=code)


def _decision(record_id: str, kind: str, asked: Asked, decision: Decision) -> dict[str, Any]:
    record = _record(record_id, kind, asked, allow=decision.allow, code=decision.code)
    record["policies"] = list(decision.by)
    record["reasons"] = [_answer(answer) for answer in decision.answers]
    record["revision"] = decision.revision
    return record


def _record(record_id: str, kind: str, asked: Asked, *, allow: bool, code: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": record_id,
        "time": now(),
        "kind": kind,
        "method": asked.method,
        "uri": asked.uri[:MAX_URI],
        "remote_addr": asked.remote_addr,
        "door": asked.door,
        "decision": "allow" if allow else "deny",
        "code": code,
        "duration_us": asked.duration,
    }
    if asked.caller.client is not None:
        record["client"] = asked.caller.client.id
    if asked.caller.session is not None:
        record["session"] = asked.caller.session
    if asked.request is not None:
        record["request"] = asked.request
    return record


def _entity(name: tuple[str, str]) -> dict[str, str]:
    return {"type": name[0][:MAX_URI], "id": name[1][:MAX_URI]}


def _answer(answer: PolicyAnswer) -> dict[str, Any]:
    return {
        "policy": answer.policy,
        "effect": answer.effect,
        "mode": answer.mode,
        "outcome": answer.outcome,
        "reasons": [_reason(reason) for reason in answer.reasons],
    }


def _reason(reason: Reason) -> dict[str, str]:
    fields = {"code": reason.code, "pointer": reason.pointer, "policy_pointer": reason.policy_pointer}
    return {name: value for name, value in fields.items() if value is not None}
