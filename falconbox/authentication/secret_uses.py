"""When the secrets of clients were used last: kept beside the clients, since a use is no change of one.

What is stored is named by the ids of client and secret, which are random or the client's own and tell nothing of the
secret. It is appended: in no feed, so that nobody who follows the store is woken by it, and in no version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from falconbox.last_used import LastUsed
from falconbox.model import Client, live
from falconbox.oauth.client_sessions import SETTLED
from falconbox.store import Store
from falconbox.world import World

KIND: Final = "secret-use"
TOGETHER: Final = 500
"""Stored uses that are read, or looked at, at a time."""


class SecretUses:
    """Notes the uses of secrets, and writes them now and then. Safe to call from many threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._noted = LastUsed(lambda used: store.mark_used(KIND, used, append=True), clock)

    def note(self, client_id: str, secret_id: str) -> None:
        """Note that a client's secret is being used. Quick."""
        self._noted.note(use_name(client_id, secret_id))

    def write(self) -> None:
        """Write what was noted. Raises StoreUnavailable."""
        self._noted.write()


def use_name(client_id: str, secret_id: str) -> str:
    """Return by what the last use of a secret is stored. No id of a client has a slash."""
    return f"{client_id}/{secret_id}"


def last_uses(store: Store, clients: Iterable[Client]) -> dict[str, int]:
    """Return when the secrets of clients were used last, by `use_name`: seconds, to the minute. Raises StoreError.

    One that has not been used is not in it.
    """
    names = [use_name(client.id, held.id) for client in clients for held in client.secrets]
    found: dict[str, int] = {}
    for start in range(0, len(names), TOGETHER):
        records = store.get_many(KIND, names[start : start + TOGETHER])
        found |= {name: record.body["last_used"] for name, record in records.items() if "last_used" in record.body}
    return found


def forget_gone(store: Store, refreshed: Callable[[], World], now: float) -> int:
    """Remove the uses of secrets that have ended or are gone, or whose client is; return how many. Raises StoreError.

    `refreshed` returns the world as the store has it now.
    """
    removed, after = 0, ""
    while records := store.find(KIND, after=after, limit=TOGETHER, counted=False).records:
        after = records[-1].id
        clients = refreshed().clients
        # A young one may be that of a secret which this world does not know yet.
        old = [record.id for record in records if record.updated_at < now - SETTLED]
        gone = [name for name in old if not _lives(name, clients, now)]
        removed += store.remove(KIND, gone) if gone else 0
    return removed


def _lives(name: str, clients: Mapping[str, Client], now: float) -> bool:
    client_id, _, secret_id = name.partition("/")
    client = clients.get(client_id)
    return client is not None and any(held.id == secret_id for held in live(client.secrets, now))
