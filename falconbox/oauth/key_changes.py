"""Writing signing keys: one document at a time, with a record in the audit log, and never over another's change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from falconbox.audit_log import Actor, AuditTrail, Change, Code
from falconbox.errors import Invalid, Problem, StoreConflict
from falconbox.oauth.key_records import KIND
from falconbox.oauth.sealing import is_sealed
from falconbox.store import Expect, Record, Store


def put_key(
    store: Store, actor: Actor, code: Code, key_id: str, body: Mapping[str, Any], *, before: Record | None = None
) -> Record:
    """Write a key in the place of what is there. Raises StoreConflict if that has changed, and StoreUnavailable."""
    change = Change(
        code=code,
        actor=actor,
        kind=KIND,
        id=key_id,
        version=None if before is None else before.version,
        resource=f"{KIND}/{body['kid']}",
        before=None if before is None else _description(before.body),
        after=_description(body),
    )
    with AuditTrail(store).change(change):
        return store.put(KIND, key_id, body, expect=Expect.ABSENT if before is None else before.version)


def delete_key(store: Store, actor: Actor, before: Record, tokens: int) -> None:
    """Remove a key, and with it that many live tokens. Raises StoreConflict if it has changed, and StoreUnavailable."""
    change = Change(
        code="key-retired",
        actor=actor,
        kind=KIND,
        id=before.id,
        version=before.version,
        resource=f"{KIND}/{before.body.get('kid', before.id)}",
        before=_description(before.body),
        more={"tokens": tokens},
    )
    with AuditTrail(store).change(change):
        store.delete(KIND, before.id, expect=before.version)


@contextmanager
def overtaken_told() -> Iterator[None]:
    """Turn the conflict of a command that has come too late into words for whoever runs it. Raises Invalid."""
    try:
        yield
    except StoreConflict:
        detail = "another command changes the keys at this moment: look at `falconbox keys list`"
        raise Invalid([Problem("", detail)]) from None


def _description(body: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"algorithm": body.get("alg"), "signs_from": body.get("signs_from"), "encrypted": is_sealed(body)}
    return {name: value for name, value in fields.items() if value is not None}
