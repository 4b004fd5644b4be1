"""Revoking all sessions of a client: its tokens are dead from one write on, and what follows can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Final

from falconbox.audit_log import Actor, AuditTrail, Change
from falconbox.errors import StoreConflict
from falconbox.managed import managed_file
from falconbox.oauth.sessions import KIND, is_dead
from falconbox.store import Expect, Record, Store
from falconbox.world import EPOCH, World

TOGETHER: Final = 500
"""Sessions that are looked at and removed at a time."""

SETTLED: Final = 300.0
"""Seconds after which a session is old enough to be judged by a world that may not know the newest changes yet."""


def is_known(store: Store, client_id: str) -> bool:
    """Whether there is a client of that id, managed ones too, or a session of it. Raises StoreError."""
    return (
        store.get("Client", client_id) is not None
        or managed_file(store, "Client", client_id) is not None
        or store.find(KIND, {"client": client_id}, limit=1).total > 0
    )


def revoke_all(store: Store, audit: AuditTrail, actor: Actor, client_id: str) -> None:
    """Void every token that a client has, by one write: its generation changes. Raises StoreError.

    Their sessions are dead then; `forget_sessions` removes them. Tokens that are issued from now on are not concerned.
    """
    before = store.get(EPOCH, client_id)
    change = Change(
        code="sessions-revoked",
        actor=actor,
        kind=EPOCH,
        id=client_id,
        version=None if before is None else before.version,
        resource=f"Client/{client_id}",
        more={"tokens": store.find(KIND, {"client": client_id}, limit=1).total},
    )
    try:
        with audit.change(change):
            expect = Expect.ABSENT if before is None else before.version
            store.put(EPOCH, client_id, {"epoch": token_hex(8)}, expect=expect)
    except StoreConflict:
        # Somebody else has done the same after we had begun, which has voided what we were to void.
        return


def forget_sessions(store: Store, client_id: str) -> int:
    """Remove the sessions of a client that an earlier `revoke_all` has killed; return how many. Raises StoreError.

    Cut short, it can be repeated. A session that is stored meanwhile is left alone unless it is dead already.
    """
    removed, after = 0, ""
    while records := store.find(KIND, {"client": client_id}, after=after, limit=TOGETHER, counted=False).records:
        after = records[-1].id
        # Read after them: an epoch never comes back, so what differs from it is dead for ever.
        current = store.get(EPOCH, client_id)
        epoch = "" if current is None else current.body["epoch"]
        removed += store.remove(KIND, [record.id for record in records if _epoch(record) != epoch])
    return removed


def forget_dead_sessions(store: Store, refreshed: Callable[[], World], now: float) -> int:
    """Remove all sessions whose tokens can never be used again; return how many. Raises StoreError.

    `refreshed` returns the world as the store has it now.
    """
    removed, after = 0, ""
    while records := store.find(KIND, after=after, limit=TOGETHER, counted=False).records:
        after = records[-1].id
        world = refreshed()
        old = [record for record in records if record.updated_at < now - SETTLED]
        dead = [record.id for record in old if is_dead(record, world)]
        removed += store.remove(KIND, dead) if dead else 0
    return removed


def _epoch(session: Record) -> str:
    return str(session.body.get("generation", "")).partition(".")[2]
