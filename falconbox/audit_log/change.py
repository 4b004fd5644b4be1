"""The shape of a change's record: who changed what, when, from what to what, and nothing secret.

What a resource was and is stands there as a digest of what everybody may see of it. A digest of a secret, even of its
hash, could be tried against guesses; that secrets changed is told by their ids, which are random.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from falconbox.audit_log.actor import Actor
from falconbox.decision_log.record import new_id, now
from falconbox.store import Record

Code = Literal[
    "client-created",
    "client-replaced",
    "client-deleted",
    "client-secret-rotated",
    "client-secret-rehashed",
    "policy-created",
    "policy-replaced",
    "policy-deleted",
    "policies-synced",
    "session-revoked",
    "sessions-revoked",
    "key-made",
    "key-hurried",
    "key-encrypted",
    "key-retired",
]
"""What kind of change it is. docs/reference/audit-log.md is held to these."""

CREATED: Final[Mapping[str, Code]] = {"Client": "client-created", "AccessPolicy": "policy-created"}
REPLACED: Final[Mapping[str, Code]] = {"Client": "client-replaced", "AccessPolicy": "policy-replaced"}
DELETED: Final[Mapping[str, Code]] = {"Client": "client-deleted", "AccessPolicy": "policy-deleted"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that is about to be made to a stored document.

    `kind`, `id` and `version` (None: absent) say which document, and how it is before: if its version is the same
    afterwards, nothing has been changed. `resource` is what it is called in the record; `before` and `after` are
    descriptions; `more` holds further fields.
    """

    code: Code
    actor: Actor
    kind: str
    id: str
    version: int | None
    resource: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the record of the change, made now."""
        record: dict[str, Any] = {
            "id": new_id(),
            "time": now(),
            "kind": "change",
            "code": self.code,
            "resource": self.resource,
            "actor": dict(self.actor),
        }
        described = {"before": self.before, "after": self.after, **self.more}
        return record | {name: value for name, value in described.items() if value is not None}


def put(
    actor: Actor,
    kind: str,
    resource_id: str,
    previous: Record | None,
    body: Mapping[str, Any],
    *,
    code: Code | None = None,
) -> Change:
    """Return the change that stores a body of a client or policy in the place of what is there.

    `code` None: it is created or replaced.
    """
    return Change(
        code=code or (CREATED if previous is None else REPLACED)[kind],
        actor=actor,
        kind=kind,
        id=resource_id,
        version=None if previous is None else previous.version,
        resource=f"{kind}/{resource_id}",
        before=None if previous is None else description(previous.body),
        after=description(body),
    )


def delete(actor: Actor, previous: Record) -> Change:
    """Return the change that deletes a client or policy."""
    return Change(
        code=DELETED[previous.kind],
        actor=actor,
        kind=previous.kind,
        id=previous.id,
        version=previous.version,
        resource=f"{previous.kind}/{previous.id}",
        before=description(previous.body),
    )


def description(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a record describes a stored client or policy: the digest of its document, and its secrets' ids."""
    described = {"digest": digest(body.get("document"))}
    ids = [stored["id"] for stored in body.get("secrets", ())]
    return {**described, "secrets": ids} if ids else described


def digest(value: Any) -> str:
    """Return the digest of a JSON value that everybody may see."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
