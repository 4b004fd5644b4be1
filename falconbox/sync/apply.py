"""Make a policy directory the managed set: all of it, by one compare-and-set, or nothing."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail, Change, by_directory, change
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid, Problem, StartupError, StoreConflict
from falconbox.managed import MEMBER, POINTER
from falconbox.store import Expect, Record, Store
from falconbox.sync.checking import check_reading, resolve
from falconbox.sync.directory import Entry, Key, Reading, look_through
from falconbox.sync.git import Commit, current_commit, is_older
from falconbox.sync.plan import Member, Plan, make_plan

ATTEMPTS: Final = 5
LEFTOVER_AGE: Final = 600.0
"""Seconds after which a member that the pointer does not name is taken for a leftover."""


@dataclasses.dataclass(frozen=True, slots=True)
class Secrets:
    """Where secrets are looked up, and what hashes them."""

    environ: Mapping[str, str] = dataclasses.field(repr=False)
    hasher: SecretHasher


@dataclasses.dataclass(frozen=True, slots=True)
class SyncResult:
    """What came of it: `applied`, `unchanged`, or `older` (the store holds a newer commit, and keeps it)."""

    status: str
    message: str
    revision: str
    commit: str | None


def sync_directory(
    directory: Path, store: Store, audit: AuditTrail, admission: Admission, secrets: Secrets
) -> SyncResult:
    """Bring a policy directory into the store. A second time changes nothing.

    Raises Invalid with every problem of every file, StartupError for a directory that is missing or empty while the
    store holds resources of it, and StoreError; then nothing has changed.
    """
    commit = current_commit(directory) if directory.is_dir() else None
    sync = _Sync(directory, store, audit, admission, secrets, commit)
    for _ in range(ATTEMPTS):
        pointer = store.get(*POINTER)
        if pointer is not None and commit is not None and _is_older(directory, commit, pointer):
            message = f"the store holds a newer commit ({pointer.body['commit'][:12]}) and keeps it"
            return SyncResult("older", message, pointer.body["revision"], commit.id)
        try:
            return sync.apply(pointer)
        except StoreConflict:
            continue  # another node was faster: look at what it has made of it
    raise StartupError("the managed set is being changed by other nodes all the time; start again")


@dataclasses.dataclass(frozen=True, slots=True)
class _Sync:
    directory: Path
    store: Store
    audit: AuditTrail
    admission: Admission
    secrets: Secrets
    commit: Commit | None

    def apply(self, pointer: Record | None) -> SyncResult:
        plan = self._plan(_read(self.directory, pointer), pointer)
        body = _pointer_body(self.directory, plan, self.commit)
        if pointer is not None and pointer.body == body and not plan.new:
            return SyncResult("unchanged", "unchanged", plan.revision, body["commit"])
        for member in plan.new:
            _write_member(self.store, member)
        with self.audit.change(_synced(plan, pointer, body)):
            self.store.put(*POINTER, body, expect=Expect.ABSENT if pointer is None else pointer.version)
        _remove_leftovers(self.store, {member.member for member in plan.members})
        return SyncResult("applied", plan.summary, plan.revision, body["commit"])

    def _plan(self, reading: Reading, pointer: Record | None) -> Plan:
        problems = check_reading(reading, self.admission, _ClientLookup(self.store))
        problems += _collisions(reading.entries, self.store)
        if problems:
            raise Invalid(problems)
        wanted = resolve(reading.entries, self.admission, self.directory, self.secrets.environ)
        return make_plan(wanted, _current(self.store, pointer), self.secrets.hasher, time.time())


def _read(directory: Path, pointer: Record | None) -> Reading:
    if not directory.is_dir():
        raise StartupError(f"the policy directory {directory} is {'a file' if directory.exists() else 'not there'}")
    reading = look_through(directory)
    if reading == Reading(()) and pointer is not None and pointer.body["members"]:
        raise StartupError(
            f"the policy directory {directory} is empty, and the store holds {len(pointer.body['members'])} resources"
            " of it: nothing is removed"
        )
    return reading


def _is_older(directory: Path, commit: Commit, pointer: Record) -> bool:
    theirs = pointer.body.get("commit")
    if commit.dirty or theirs is None:
        return False
    return is_older(directory, commit, theirs, pointer.body["commit_time"])


def _current(store: Store, pointer: Record | None) -> dict[Key, Member]:
    members: dict[Key, Member] = {}
    for entry in () if pointer is None else pointer.body["members"]:
        record = store.get(MEMBER, entry["member"])
        # One that is lost is written anew, as if it had never been there.
        if record is not None:
            member = Member(entry["type"], entry["id"], entry["file"], entry["member"], record.body)
            members[member.key] = member
    return members


def _pointer_body(directory: Path, plan: Plan, commit: Commit | None) -> dict[str, Any]:
    return {
        "revision": plan.revision,
        "directory": str(directory),
        "commit": None if commit is None else commit.id,
        "commit_time": None if commit is None else commit.time,
        "dirty": False if commit is None else commit.dirty,
        "members": [member.entry() for member in plan.members],
    }


def _synced(plan: Plan, pointer: Record | None, body: Mapping[str, Any]) -> Change:
    """Return the change that a new managed set is, for the audit log: one record, with every resource that differs."""
    return Change(
        code="policies-synced",
        actor=by_directory(body["directory"], body["commit"], dirty=body["dirty"]),
        kind=POINTER[0],
        id=POINTER[1],
        version=None if pointer is None else pointer.version,
        resource="policy directory",
        before=None if pointer is None else {name: pointer.body.get(name) for name in ("revision", "commit")},
        after={name: body[name] for name in ("revision", "commit")},
        more={"changes": [_difference(before, after) for before, after in plan.changes]},
    )


def _difference(before: Member | None, after: Member | None) -> dict[str, Any]:
    there = after or before
    named: dict[str, Any] = {} if there is None else {"resource": f"{there.type}/{there.id}", "file": there.file}
    described = {"before": before, "after": after}
    return named | {name: change.description(member.body) for name, member in described.items() if member is not None}


def _write_member(store: Store, member: Member) -> None:
    try:
        store.put(MEMBER, member.member, member.body, expect=Expect.ABSENT)
    except StoreConflict:
        # Its id is a digest of its content: whoever wrote it has written the same.
        held = store.get(MEMBER, member.member)
        if held is None or held.updated_at < time.time() - LEFTOVER_AGE / 2:
            # Another node may be about to remove it as a leftover, which fails if it is another version by then.
            store.put(MEMBER, member.member, member.body, expect=Expect.ABSENT if held is None else held.version)


def _collisions(entries: Sequence[Entry], store: Store) -> list[Problem]:
    return [
        entry.place(
            Problem("/id", f"{entry.type} {entry.id!r} was made through the API: delete it there or rename this")
        )
        for entry in entries
        if store.get(entry.type, entry.id) is not None
    ]


class _ClientLookup:
    """Asks the store once for each client that somebody links to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, bool] = {}

    def __call__(self, client_id: str) -> bool:
        if client_id not in self._known:
            self._known[client_id] = self._store.get("Client", client_id) is not None
        return self._known[client_id]


def _remove_leftovers(store: Store, kept: set[str]) -> None:
    """Remove members of earlier sets. Young ones may belong to a set that another node is about to point to."""
    after = ""
    while page := store.find(MEMBER, after=after, limit=1000, counted=False).records:
        after = page[-1].id
        for record in page:
            if record.id not in kept and record.updated_at < time.time() - LEFTOVER_AGE:
                try:
                    store.delete(MEMBER, record.id, expect=record.version)
                except StoreConflict:
                    continue
