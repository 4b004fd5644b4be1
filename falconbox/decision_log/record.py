"""The shape of a decision log record (docs/reference/decision-log.md).

A record holds names, pointers and codes, never a value out of the request but its method and path: headers, query
and body hold secrets, and so may the sentences of an explanation.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox.model import ANONYMOUS, Caller, Decision, Outcome, PolicyAnswer, Reason

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


FAULTS: Final = frozenset({"engine-answer", "engine-error", "not-compiled"})
"""Codes of what is wrong with an engine, and not with the request."""

Names = Mapping[str, str | tuple[str, str | None]]
"""What AuthZEN calls things: `subject` and `resource` by type and id (None: any), `action` by name."""


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
    return {**_decision(record_id, "evaluation", asked, decision), **_named(names)}


def searched(
    record_id: str,
    asked: Asked,
    names: Names,
    *,
    candidates: int,
    results: int,
    failures: Iterable[PolicyAnswer],
    revision: int,
) -> dict[str, Any]:
    """Return the record of one page of an AuthZEN search: how many candidates were decided, how many permitted."""
    record = _record(record_id, "search", asked, allow=None, code="searched")
    record["reasons"] = [_answer(answer) for answer in failures]
    record["revision"] = revision
    return {**record, **_named(names), "candidates": candidates, "results": results}


def refused(record_id: str, asked: Asked, code: str, detail: str, claimed: str | None = None) -> dict[str, Any]:
    """Return the record of a request refused before any policy was asked; `detail` is our own sentence.

    `claimed` is the client that refused credentials are said to be of.
    """
    record = _record(record_id, "refusal", asked, allow=False, code=code)
    record["detail"] = detail
    if claimed is not None:
        record["claimed"] = claimed
    return record


def answered(record_id: str, asked: Asked, kind: str, code: str, *, allow: bool) -> dict[str, Any]:
    """Return the record of what an OAuth endpoint has done for the client in `asked`, or told it."""
    return _record(record_id, kind, asked, allow=allow, code=code)


def _decision(record_id: str, kind: str, asked: Asked, decision: Decision) -> dict[str, Any]:
    record = _record(record_id, kind, asked, allow=decision.allow, code=decision.code)
    record["policies"] = list(decision.by)
    record["reasons"] = [_answer(answer) for answer in decision.answers]
    record["revision"] = decision.revision
    return record


def _record(record_id: str, kind: str, asked: Asked, *, allow: bool | None, code: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": record_id,
        "time": now(),
        "kind": kind,
        "method": asked.method,
        "uri": asked.uri[:MAX_URI],
        "remote_addr": asked.remote_addr,
        "door": asked.door,
        **({} if allow is None else {"decision": "allow" if allow else "deny"}),
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


def _named(names: Names) -> dict[str, Any]:
    return {member: _name(name) for member, name in names.items()}


def _name(name: str | tuple[str, str | None]) -> str | dict[str, str]:
    if isinstance(name, str):
        return name[:MAX_URI]
    kind, resource_id = name
    return {"type": kind[:MAX_URI], **({} if resource_id is None else {"id": resource_id[:MAX_URI]})}


def _answer(answer: PolicyAnswer) -> dict[str, Any]:
    return {
        "policy": answer.policy,
        "effect": answer.effect,
        "mode": answer.mode,
        "outcome": answer.outcome,
        "reasons": [_reason(reason, answer.outcome) for reason in answer.reasons],
    }


def _reason(reason: Reason, outcome: Outcome) -> dict[str, str]:
    # Why a policy failed is a sentence of ours then, with the name of a type in it.
    ours = outcome is Outcome.FAILED and reason.code in FAULTS
    fields = {
        "code": reason.code,
        "pointer": reason.pointer,
        "policy_pointer": reason.policy_pointer,
        "detail": reason.message[:MAX_URI] if ours else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
