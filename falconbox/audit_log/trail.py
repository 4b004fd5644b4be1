"""One change, one record, also when the process ends in between: a record is kept in the store until it is written.

It is stored before the change is made, as an *entry* of its own. Cut short anywhere, the entry is still there, and
what became of the change is seen by the version of the document that it was about. Versions never come back, but what
is made anew can be gone again: of that an entry says itself that it has been made, before anybody is told so.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from falconbox.audit_log.actor import Actor
from falconbox.audit_log.change import Change, Code, put
from falconbox.errors import FalconboxError, StoreConflict, StoreUnavailable
from falconbox.store import Expect, Record, Store

ENTRY: Final = "audit-entry"
"""The kind of stored document that an entry is."""

GRACE: Final = 120.0
"""Seconds after which an entry whose change has not been seen to end is taken for one that was cut short."""

CLAIM: Final = 60.0
"""Seconds for which one process alone writes an entry that it has found."""

log = logging.getLogger(__name__)


class AuditTrail:
    """Keeps entries in the store, for a service to write. This is what commands use; a service has an `AuditLog`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def change(self, change: Change) -> Iterator[None]:
        """Make a change in the block: it is on record from before it is made.

        A StoreConflict that the block raises must mean that nothing has been changed. Raises StoreUnavailable before
        the block when there can be no record.
        """
        record = change.record()
        about = {"kind": change.kind, "id": change.id, "version": change.version}
        # Named by time, so that what waits is written in the order in which it happened.
        name = f"{time.time_ns():020d}.{record['id']}"
        entry = self._store.append(ENTRY, name, {"record": record, "about": about})
        try:
            yield
        except StoreUnavailable:
            raise  # it may have been made all the same: whoever finds the entry looks
        except FalconboxError:
            self._remove(entry)
            raise
        self._made(entry)

    def put(
        self,
        actor: Actor,
        kind: str,
        resource_id: str,
        previous: Record | None,
        body: Mapping[str, Any],
        *,
        code: Code | None = None,
    ) -> Record:
        """Store a body of a client or policy in the place of what was there (None: nothing), on record.

        `code` None: it is created or replaced. Raises StoreConflict if something else is there now.
        """
        expected = Expect.ABSENT if previous is None else previous.version
        with self.change(put(actor, kind, resource_id, previous, body, code=code)):
            return self._store.put(kind, resource_id, body, expect=expected)

    def _made(self, entry: Record) -> None:
        """Leave word that the change has been made, so that the next service that looks writes it down."""
        try:
            self._store.put(ENTRY, entry.id, {**entry.body, "made": True}, expect=entry.version)
        except FalconboxError as error:
            # The change has been made and is on record; that it was not cut short is found out later.
            log.warning("an entry of the audit log could not be completed: %s", error.detail)

    def _remove(self, entry: Record) -> None:
        try:
            self._store.delete(ENTRY, entry.id, expect=entry.version)
        except FalconboxError as error:
            log.warning("an entry of the audit log could not be removed: %s", error.detail)


class Leftovers:
    """The entries that others have left: commands, and processes that ended in the middle of a change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self) -> Iterator[tuple[Record, Mapping[str, Any] | None]]:
        """Give the entries that may be written now, each to one process, with its record (None: nothing happened)."""
        after = ""
        while page := self._store.find(ENTRY, after=after, limit=100, counted=False).records:
            after = page[-1].id
            for entry in page:
                claimed = self._claimed(entry) if _is_ready(entry, time.time()) else None
                if claimed is not None:
                    yield claimed, self._record(claimed)

    def release(self, entry: Record) -> None:
        """Let others have an entry that could not be written. Raises StoreError."""
        body = {name: value for name, value in entry.body.items() if name != "claim"}
        self._store.put(ENTRY, entry.id, body, expect=entry.version)

    def _claimed(self, entry: Record) -> Record | None:
        claim = {"by": uuid.uuid4().hex, "until": time.time() + CLAIM}
        try:
            return self._store.put(ENTRY, entry.id, {**entry.body, "claim": claim}, expect=entry.version)
        except StoreConflict:
            return None  # somebody else was faster

    def _record(self, entry: Record) -> Mapping[str, Any] | None:
        record: dict[str, Any] = dict(entry.body["record"])
        if "made" in entry.body or "last_used" in entry.body:
            return record
        about = entry.body["about"]
        current = self._store.get(about["kind"], about["id"])
        if (None if current is None else current.version) == about["version"]:
            return None
        return {**record, "unconfirmed": True}


def _is_ready(entry: Record, now: float) -> bool:
    if "claim" in entry.body:
        return bool(entry.body["claim"]["until"] < now)
    return "made" in entry.body or entry.updated_at + GRACE < now
