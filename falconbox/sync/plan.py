"""What a policy directory changes, worked out before anything is written. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from falconbox.authentication.rotation import renewed, stored_secret
from falconbox.authentication.secrets import SecretHasher
from falconbox.mapping import client_body, secrets_from_body
from falconbox.model import StoredSecret
from falconbox.sync.directory import Key


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """A resource as a directory declares it: its checked document, and for a client its secret or the hash of it."""

    type: str
    id: str
    document: Mapping[str, Any]
    file: str
    secret: str | None = dataclasses.field(default=None, repr=False)
    secret_hash: str | None = None

    @property
    def key(self) -> Key:
        """Type and id."""
        return self.type, self.id


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A resource of the managed set: the id of its immutable document, which holds its stored body."""

    type: str
    id: str
    file: str
    member: str
    body: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Type and id."""
        return self.type, self.id

    def entry(self) -> dict[str, str]:
        """Return how the pointer names it."""
        return {"type": self.type, "id": self.id, "file": self.file, "member": self.member}


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The next managed set. `changes` are pairs of what was and what will be; None: not there."""

    members: tuple[Member, ...]
    changes: tuple[tuple[Member | None, Member | None], ...]

    @property
    def new(self) -> tuple[Member, ...]:
        """The members that must be written first."""
        return tuple(after for _, after in self.changes if after is not None)

    @property
    def summary(self) -> str:
        """How many are added, changed and removed."""
        added = sum(before is None for before, _ in self.changes)
        removed = sum(after is None for _, after in self.changes)
        return f"{added} added, {len(self.changes) - added - removed} changed, {removed} removed"

    @property
    def revision(self) -> str:
        """A digest of the set: equal sets have equal revisions."""
        return _digest([member.entry() for member in self.members])


def make_plan(wanted: Sequence[Wanted], current: Mapping[Key, Member], hasher: SecretHasher, now: float) -> Plan:
    """Return the plan that leads from the current members to the wanted resources.

    What has not changed keeps its member, and so its version; a client whose secret is the same keeps its hash.
    """
    members = [_member(resource, current.get(resource.key), hasher, now) for resource in wanted]
    after = {member.key: member for member in members}
    pairs = [(current.get(key), after.get(key)) for key in sorted({*current, *after})]
    changed = [(old, new) for old, new in pairs if old is None or new is None or old.member != new.member]
    return Plan(members=tuple(members), changes=tuple(changed))


def _member(resource: Wanted, before: Member | None, hasher: SecretHasher, now: float) -> Member:
    previous = None if before is None else before.body
    if resource.type == "Client":
        body = client_body(resource.document, _secrets(resource, previous or {}, hasher, now), previous)
    else:
        body = {"document": dict(resource.document)}
    member = f"{resource.type}.{resource.id}.{_digest(body)[:32]}"
    return Member(resource.type, resource.id, resource.file, member, body)


def _secrets(
    resource: Wanted, previous: Mapping[str, Any], hasher: SecretHasher, now: float
) -> tuple[StoredSecret, ...]:
    held = secrets_from_body(previous)[:1]
    if resource.secret is None:
        same = held and held[0].hash == resource.secret_hash
        declared = () if resource.secret_hash is None else (stored_secret(resource.secret_hash, now),)
        return held if same else declared
    if hasher.find([known.hash for known in held], resource.secret) is not None:
        return held
    return renewed((), resource.secret, hasher, overlap=0, now=now)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
