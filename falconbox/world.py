"""Clients, policies and revocations at one revision, assembled from stored documents.

What was made through the API and what came from a policy directory meet here. A managed resource counts
only while the pointer document names it, so a half-written set is never seen.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from falconbox.compiling import PolicyCompiler
from falconbox.decision.policy_set import PolicySet
from falconbox.errors import StoreUnavailable
from falconbox.mapping import client_from_body, policy_from_document
from falconbox.model import AccessPolicy, Client, Effect, Mode, Source
from falconbox.store import Change, Record

EPOCH: Final = "client-epoch"
"""The kind of documents that change the generation of the client that they are named by, without writing the client."""

FOLLOWED: Final = frozenset(
    {"Client", "AccessPolicy", "managed-member", "policy-source", "revocation", "SigningKey", EPOCH}
)
"""The kinds of stored documents that decisions, and the tokens that callers show, depend on."""

Key = tuple[str, str]
FetchMember = Callable[[str], Record | None]
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """Everything a request is judged by, immutable.

    `revision` is the store version, `managed` the body of the pointer to the managed set, `keys` the signing keys as
    they are stored.
    """

    clients: Mapping[str, Client] = dataclasses.field(default_factory=dict)
    policies: PolicySet = dataclasses.field(default_factory=PolicySet)
    revoked: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    revision: int = 0
    managed: Mapping[str, Any] | None = None
    keys: Mapping[str, Record] = dataclasses.field(default_factory=dict)


class Assembly:
    """The stored documents behind a World, kept so that the next one is made by patching. Not thread-safe.

    An assembly that has raised is half-changed and must be thrown away.
    """

    def __init__(self, compiler: PolicyCompiler, fetch_member: FetchMember) -> None:
        self._compiler = compiler
        self._fetch_member = fetch_member
        self._records: dict[Key, Record] = {}
        self._seen: dict[Key, int] = {}
        self._managed: dict[Key, tuple[Record, Source]] = {}

    def versions(self) -> dict[Key, int]:
        """Return the version of every live document held."""
        return {key: record.version for key, record in self._records.items()}

    def without_lapsed(self, world: World, stored: Collection[Key], head: int) -> World:
        """Drop the revocations that have expired: those that the store no longer had at change `head`."""
        lapsed = {
            key
            for key, record in self._records.items()
            if key[0] == "revocation" and key not in stored and record.version <= head
        }
        for key in lapsed:
            del self._records[key]
        gone = {sid for _, sid in lapsed}
        revoked = {sid: expiry for sid, expiry in world.revoked.items() if sid not in gone}
        return dataclasses.replace(world, revoked=revoked) if gone else world

    def next_world(self, world: World, changes: Iterable[Change], revision: int) -> World:
        """Take in the changes that are new, and return the world after them. Raises StoreError."""
        touched: set[Key] = set()
        revoked = dict(world.revoked)
        managed = world.managed
        new = [change for change in changes if change.version > self._seen.get((change.kind, change.id), 0)]
        if not new and revision <= world.revision:
            return world
        for change in new:
            key = (change.kind, change.id)
            if change.kind == "policy-source":
                touched |= self._repoint(change.record)
                managed = None if change.record is None else change.record.body
            elif change.kind == "revocation" and change.record is not None:
                revoked[change.id] = change.record.expires_at
            elif change.kind in ("Client", "AccessPolicy"):
                touched.add(key)
            elif change.kind == EPOCH:
                touched.add(("Client", change.id))
            self._keep(key, change)
        clients = {resource_id: self._client(resource_id) for kind, resource_id in touched if kind == "Client"}
        policies = {resource_id: self._policy(resource_id) for kind, resource_id in touched if kind != "Client"}
        return World(
            _patched(world.clients, clients) if clients else world.clients,
            world.policies.patched(policies, self._compiler) if policies else world.policies,
            revoked,
            max(world.revision, revision),
            managed,
            self._keys() if any(change.kind == "SigningKey" for change in new) else world.keys,
        )

    def _keys(self) -> dict[str, Record]:
        return {key_id: record for (kind, key_id), record in self._records.items() if kind == "SigningKey"}

    def _keep(self, key: Key, change: Change) -> None:
        self._seen[key] = change.version
        if change.record is None:
            self._records.pop(key, None)
        else:
            self._records[key] = change.record

    def _repoint(self, pointer: Record | None) -> set[Key]:
        after: dict[Key, tuple[Record, Source]] = {}
        body: Mapping[str, Any] = {} if pointer is None else pointer.body
        for entry in body.get("members", ()):
            member_id = entry["member"]
            record = self._records.get(("managed-member", member_id)) or self._fetch_member(member_id)
            if record is None:
                # Never a part of a set: the old one stays until all of the new one can be read.
                raise StoreUnavailable(f"the managed set names a member that is not there: {member_id}")
            source = Source(body["directory"], entry["file"], body.get("commit"))
            after[entry["type"], entry["id"]] = (record, source)
        touched = {key for key in after.keys() | self._managed.keys() if after.get(key) != self._managed.get(key)}
        self._managed = after
        return touched

    def _effective(self, kind: str, resource_id: str) -> tuple[Record, Source | None] | None:
        managed = self._managed.get((kind, resource_id))
        if managed is not None:
            return managed
        record = self._records.get((kind, resource_id))
        return None if record is None else (record, None)

    def _client(self, client_id: str) -> Client | None:
        found = self._effective("Client", client_id)
        if found is None:
            return None
        record, source = found
        epoch = self._records.get((EPOCH, client_id))
        try:
            client = client_from_body(record.body, version=record.version, updated_at=record.updated_at, source=source)
            if epoch is None:
                return client
            return dataclasses.replace(client, generation=f"{client.generation}.{epoch.body['epoch']}")
        except (KeyError, TypeError, ValueError, AttributeError):
            log.exception("the stored client %s cannot be read; it is treated as absent", client_id)
            return None

    def _policy(self, policy_id: str) -> AccessPolicy | None:
        found = self._effective("AccessPolicy", policy_id)
        if found is None:
            return None
        record, source = found
        document: Any = record.body.get("document")
        try:
            return policy_from_document(document, version=record.version, updated_at=record.updated_at, source=source)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.exception("the stored policy %s cannot be read; it denies everything", policy_id)
            # What it would have said, and of what, is not known: the only safe reading is a deny policy that fails.
            off = isinstance(document, Mapping) and document.get("mode") == "off"
            mode = Mode.OFF if off else Mode.ENFORCE
            return AccessPolicy(policy_id, "unreadable", {}, None, Effect.DENY, mode, "unreadable", {}, record.version)


def _patched(clients: Mapping[str, Client], changes: Mapping[str, Client | None]) -> dict[str, Client]:
    kept = {client_id: client for client_id, client in clients.items() if client_id not in changes}
    return kept | {client_id: client for client_id, client in changes.items() if client is not None}
