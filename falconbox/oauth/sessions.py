"""Sessions: one for each token that was given out, and a record of each that was revoked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from falconbox.audit_log import Actor, Change
from falconbox.store import Record, Store

KIND: Final = "Session"
REVOCATION: Final = "revocation"

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
    count, last, after = 0, 0.0, ""
    while records := store.find(KIND, {"kid": kid}, after=after, limit=1000).records:
        count, after = count + len(records), records[-1].id
        last = max(last, *(math.inf if record.expires_at is None else record.expires_at for record in records))
    return LiveTokens(count, last)


def store_session(store: Store, claims: Mapping[str, Any], kid: str) -> Record:
    """Store the session of a token that a key has signed, and that is about to be given out. Raises StoreError."""
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    body = {"client": claims["client_id"], "audience": audience, "issued_at": claims["iat"], "kid": kid}
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
    expires_at = None if session.expires_at is None else session.expires_at + MARGIN
    store.put(REVOCATION, session.id, {"client": session.body["client"]}, expires_at=expires_at)
    store.delete(KIND, session.id, expect=session.version)
