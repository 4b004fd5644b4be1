"""Sessions: one for each token that was given out, and a record of each that was revoked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.audit_log import Actor, Change
from falconbox.store import Record, Store
from falconbox.world import World

KIND: Final = "Session"
REVOCATION: Final = "revocation"
GRANT: Final = "client_credentials"

MARGIN: Final = 60.0
"""Seconds that a revocation outlives its token, for clocks that disagree."""


@dataclasses.dataclass(frozen=True, slots=True)
class LiveTokens:
    """Tokens that have neither expired nor been revoked; `last` is when the last of them expires (infinity: never)."""

    count: int
    last: float = 0.0


def count_tokens(store: Store, kid: str) -> int:
    """Return how many live tokens a key has signed. Raises StoreError."""
    return store.find(KIND, {"kid": kid}, limit=1).total


def live_tokens(store: Store, kid: str) -> LiveTokens:
    """Return the live tokens that a key has signed, by their sessions. Raises StoreError."""
    ends = [math.inf if session.expires_at is None else session.expires_at for session in each_session(store, kid=kid)]
    return LiveTokens(len(ends), max(ends, default=0.0))


def store_session(store: Store, claims: Mapping[str, Any], kid: str) -> Record:
    """Store the session of a token that a key has signed, and that is about to be given out. Raises StoreError."""
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    body = {
        "client": claims["client_id"],
        "audience": audience,
        "issued_at": claims["iat"],
        "kid": kid,
        "generation": claims["gen"],
    }
    if "scope" in claims:
        body["scope"] = claims["scope"]
    expires_at = claims.get("exp")
    if expires_at is not None:
        body["expires_at"] = expires_at
    fields = {"client": [claims["client_id"]], "kid": [kid]}
    return store.append(KIND, claims["sid"], body, fields=fields, expires_at=expires_at)


def revocation(actor: Actor, session: Record) -> Change:
    """Return the change that revoking a session is, for the audit log."""
    more = {"client": session.body["client"]}
    # It is the revocation that stops the token; there is none yet.
    return Change(code="session-revoked", actor=actor, kind=REVOCATION, id=session.id, version=None,
                  resource=f"{KIND}/{session.id}", more=more)  # fmt: skip


def revoke_session(store: Store, session: Record) -> None:
    """Revoke a session's token, then forget the session. Raises StoreError.

    The revocation is written first: cut short in between, the token is dead and its session can be deleted again. It
    outlives the token; that of a token that never expires stays for ever.
    """
    put_revocation(store, session)
    store.delete(KIND, session.id, expect=session.version)


def put_revocation(store: Store, session: Record) -> None:
    """Stop the token of a session. Raises StoreError."""
    expires_at = None if session.expires_at is None else session.expires_at + MARGIN
    store.put(REVOCATION, session.id, {"client": session.body["client"]}, expires_at=expires_at)


def each_session(store: Store, **where: str) -> Iterator[Record]:
    """Give the sessions, or those of a `client` or by a `kid`, in the order of their ids. Raises StoreError."""
    after = ""
    while records := store.find(KIND, where, after=after, limit=1000, counted=False).records:
        yield from records
        after = records[-1].id


def shown(session: Record) -> dict[str, Any]:
    """Return what may be told of a session."""
    return {name: value for name, value in session.body.items() if name != "generation"}


def is_live(session: Record, world: World) -> bool:
    """Whether a session's token can be used, as far as its client, its key and revocations go."""
    client = world.clients.get(session.body["client"])
    return (
        client is not None
        and client.active
        and GRANT in client.grant_types
        and session.id not in world.revoked
        and not is_dead(session, world)
    )


def is_dead(session: Record, world: World) -> bool:
    """Whether a session's token can never be used again: its client or its key is gone, or the client's generation."""
    client = world.clients.get(session.body["client"])
    # What a session lacks, it was stored without by an earlier version.
    generation, kid = session.body.get("generation"), session.body.get("kid")
    return (
        client is None
        or generation not in (None, client.generation)
        or (kid is not None and all(key.body.get("kid") != kid for key in world.keys.values()))
    )
