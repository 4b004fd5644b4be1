"""Retire signing keys: never one that a token may need, unless whoever asks says so."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Final

from falconbox.audit_log import by_command
from falconbox.errors import Invalid, Problem
from falconbox.oauth.key_changes import delete_key, overtaken_told
from falconbox.oauth.key_status import KeyStatus, clock_time, overview
from falconbox.oauth.keys import stored_keys
from falconbox.oauth.schedule import State
from falconbox.oauth.sessions import LiveTokens, live_tokens
from falconbox.oauth.tokens import LEEWAY
from falconbox.snapshot import RECONCILE_INTERVAL
from falconbox.store import Record, Store

SETTLED: Final = LEEWAY + RECONCILE_INTERVAL
"""Seconds after a key's turn for which a node may still sign with it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Retired:
    """A key that is gone, by its id or that of its broken document, and the tokens that ended with it."""

    name: str
    tokens: LiveTokens


def retire(store: Store, name: str, *, force: bool, now: float) -> Retired:
    """Remove the key of an id, or a document that should hold one. Its tokens verify nowhere any more.

    Raises Invalid for an id that is not there, for a key that tokens may need unless `force`, and if another command
    was faster; and StoreError.
    """
    found = overview(stored_keys(store), now)
    for status in found.keys:
        if name in (status.key.kid, status.key.record.id):
            return _retire(store, status, force=force, now=now)
    for record in found.broken:
        if name == record.id:
            if not force:
                raise Invalid([Problem(name, "is no key that can be read: --force removes it")])
            return _delete(store, record, Retired(name, LiveTokens(0)))
    raise Invalid([Problem(name, "there is no such key: see `falconbox keys list`")])


def retire_spent(store: Store, *, now: float) -> list[Retired]:
    """Remove every key that has had its turn and that no token needs. Raises Invalid as `retire`, and StoreError."""
    spent = [
        status
        for status in overview(stored_keys(store), now).keys
        if status.state is State.VERIFYING and not any(_needs(status, live_tokens(store, status.key.kid), now))
    ]
    return [_retire(store, status, force=False, now=now) for status in spent]


def _retire(store: Store, status: KeyStatus, *, force: bool, now: float) -> Retired:
    tokens = live_tokens(store, status.key.kid)
    needs = [*_needs(status, tokens, now)]
    if needs and not force:
        raise Invalid([Problem(status.key.kid, f"is needed: {'; '.join(needs)}. {_COST}")])
    return _delete(store, status.key.record, Retired(status.key.kid, tokens))


_COST: Final = (
    "--force retires it all the same: its tokens stop at once here, and at services that keep the JWK Set within five"
    " minutes"
)


def _needs(status: KeyStatus, tokens: LiveTokens, now: float) -> Iterator[str]:
    if status.state is State.SIGNING:
        yield "it signs now (`falconbox keys rotate` makes the next one)"
    if status.state is State.NEXT and now > status.key.signs_from - LEEWAY:
        yield "it is about to sign"
    if status.state is State.VERIFYING and status.until is not None and now < status.until + SETTLED:
        yield f"until {clock_time(status.until + SETTLED)} a node whose clock is behind may sign with it"
    if tokens.count:
        last = "some never expire" if tokens.last == math.inf else f"the last until {clock_time(tokens.last)}"
        yield f"{tokens.count} live {'token was' if tokens.count == 1 else 'tokens were'} signed with it, {last}"


def _delete(store: Store, record: Record, retired: Retired) -> Retired:
    with overtaken_told():
        delete_key(store, by_command("keys retire"), record, retired.tokens.count)
    return retired
