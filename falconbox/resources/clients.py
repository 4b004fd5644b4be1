"""`/Client`: who may ask."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.authentication.registration import HashSecret, registered
from falconbox.authentication.secret_uses import last_uses
from falconbox.model import AccessPolicy, Client
from falconbox.resources.configuration import Configuration
from falconbox.resources.shown import shown
from falconbox.snapshot import Snapshot
from falconbox.store import Record, Store


class Clients(Configuration):
    """Clients. A secret goes in, is hashed, and never comes out; a PUT without one keeps the one that is stored."""

    kind: ClassVar[str] = "Client"
    searchable: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "name": (),
        "active": ("true", "false"),
        "grant_types": ("basic", "client_credentials"),
    }

    def __init__(
        self, store: Store, audit: AuditTrail, snapshot: Snapshot, admission: Admission, *, hash_secret: HashSecret
    ) -> None:
        super().__init__(store, audit, snapshot, admission)
        self._hash_secret = hash_secret

    def held(self) -> Mapping[str, Client | AccessPolicy]:
        """Return the clients by id."""
        return self.snapshot.current.clients

    def stored_body(self, document: dict[str, Any], previous: Record | None) -> Mapping[str, Any]:
        """Return the stored body, with the secret hashed."""
        before = None if previous is None else previous.body
        return registered(document, before, self.admission, self._hash_secret, time.time())

    def search_values(self, document: Mapping[str, Any], name: str) -> set[str]:
        """Return the values of a search parameter; a client is active unless it says otherwise."""
        if name == "active":
            return {"true" if document.get("active", True) else "false"}
        value = document.get(name, ())
        return {value} if isinstance(value, str) else set(value)

    def shown(self, found: Sequence[Client | AccessPolicy]) -> list[dict[str, Any]]:
        """Return clients, with when their secrets were used last. That is asked of the store: raises StoreError."""
        uses = last_uses(self.store, [each for each in found if isinstance(each, Client)])
        return [shown(each, uses) for each in found]

    def left_behind(self, resource_id: str) -> dict[str, Any]:
        """Name the policies whose links to the client match nobody now."""
        policies = self.snapshot.current.policies.policies.values()
        linked = sorted(held.policy.id for held in policies if resource_id in (held.policy.links or ()))
        return {"policiesLinkedToIt": linked}
