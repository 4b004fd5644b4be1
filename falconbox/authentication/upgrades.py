"""Hashes with other parameters than ours are made anew once their secret has been seen: on next use, and after it.

Whoever waits for an answer never waits for this, and it follows nothing but a right secret: no kind of wrong one can be
told by it.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from argon2.exceptions import Argon2Error

from falconbox.audit_log import AuditTrail, by_itself
from falconbox.authentication.hashes import read_recipe
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import FalconboxError
from falconbox.mapping import secrets_from_body, with_secrets
from falconbox.model import Client, StoredSecret, live
from falconbox.store import Record, Store

WORK_INTERVAL: Final = 1.0
"""Seconds between two looks for what is to be made anew."""

MOST: Final = 64
"""Secrets that may wait in memory; further ones are made anew at a later use."""

ACTOR: Final = by_itself("next use")
log = logging.getLogger(__name__)


class Upgrades:
    """Hashes secrets of clients anew. Safe to call from many threads; `work` by one at a time.

    Only the one live secret of a client is: several that live together share their parameters, and the others are not
    known. A client of a policy directory has the hash that its file gives it.
    """

    def __init__(
        self, store: Store, audit: AuditTrail, hasher: SecretHasher, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._audit = audit
        self._hasher = hasher
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[StoredSecret, str]] = {}

    def note(self, client: Client, proven: StoredSecret, secret: str) -> None:
        """Note that a client's stored secret has been proven to be this one. Quick."""
        recipe = read_recipe(proven.hash)
        if client.source is not None or recipe is None or recipe.is_current():
            return
        if _only(client.secrets, self._clock()) != proven:
            return
        with self._lock:
            if len(self._waiting) < MOST:
                self._waiting[client.id] = (proven, secret)

    def work(self) -> None:
        """Make anew what was noted. What cannot be written changes nothing, and is tried at the next use."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for client_id, (proven, secret) in waiting.items():
            try:
                self._upgrade(client_id, proven, secret)
            except FalconboxError as error:
                log.warning("the secret of client %s could not be hashed anew: %s", client_id, error.detail)
            except Argon2Error:
                log.warning("the secret of client %s could not be hashed anew: there is no memory for it", client_id)

    def _upgrade(self, client_id: str, proven: StoredSecret, secret: str) -> None:
        record = self._store.get("Client", client_id)
        if record is None or not self._still(record, proven):
            return
        anew = dataclasses.replace(proven, hash=self._hasher.hash(secret))
        held = [anew if known == proven else known for known in secrets_from_body(record.body)]
        self._audit.put(
            ACTOR, "Client", client_id, record, with_secrets(record.body, held), code="client-secret-rehashed"
        )

    def _still(self, record: Record, proven: StoredSecret) -> bool:
        return _only(secrets_from_body(record.body), self._clock()) == proven


def _only(secrets: tuple[StoredSecret, ...], now: float) -> StoredSecret | None:
    """Return the secret that lives, if there is one and no other."""
    found = live(secrets, now)
    return found[0] if len(found) == 1 else None
