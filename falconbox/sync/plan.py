"""What a policy directory changes, worked out before anything is written. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from falconbox.mapping import client_body
from falconbox.sync.directory import Key

Verify = Callable[[str | None, str], bool]
Hash = Callable[[str], str]


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
    """The next managed set. `new` are the members that must be written first."""

    members: tuple[Member, ...]
    new: tuple[Member, ...]
    added: int
    changed: int
    removed: int

    @property
    def revision(self) -> str:
        """A digest of the set: equal sets have equal revisions."""
        return _digest([member.entry() for member in self.members])


def make_plan(wanted: Sequence[Wanted], current: Mapping[Key, Member], verify: Verify, hash_secret: Hash) -> Plan:
    """Return the plan that leads from the current members to the wanted resources.

    What has not changed keeps its member, and so its version; a client whose secret is the same keeps its hash.
    """
    members = [_member(resource, current.get(resource.key), verify, hash_secret) for resource in wanted]
    keys = {member.key for member in members}
    new = [member for member in members if member.key not in current or current[member.key].member != member.member]
    return Plan(
        members=tuple(members),
        new=tuple(new),
        added=sum(member.key not in current for member in new),
        changed=sum(member.key in current for member in new),
        removed=sum(key not in keys for key in current),
    )


def _member(resource: Wanted, before: Member | None, verify: Verify, hash_secret: Hash) -> Member:
    previous = None if before is None else before.body
    if resource.type == "Client":
        body = client_body(resource.document, _secret_hash(resource, previous, verify, hash_secret), previous)
    else:
        body = {"document": dict(resource.document)}
    member = f"{resource.type}.{resource.id}.{_digest(body)[:32]}"
    return Member(resource.type, resource.id, resource.file, member, body)


def _secret_hash(resource: Wanted, previous: Mapping[str, Any] | None, verify: Verify, hash_secret: Hash) -> str | None:
    if resource.secret is None:
        return resource.secret_hash
    before = None if previous is None else previous.get("secret_hash")
    if before is not None and verify(before, resource.secret):
        return str(before)
    return hash_secret(resource.secret)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
