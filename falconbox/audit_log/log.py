"""The audit log of a running service: a thread writes what has been changed, here and by commands."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from falconbox.audit_log.trail import ENTRY, GRACE, AuditTrail, Leftovers
from falconbox.decision_log.writer import CLOSE_TIMEOUT, DecisionLog
from falconbox.errors import FalconboxError
from falconbox.store import Record, Store

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks for what commands have left in the store."""

QUEUE_SIZE: Final = 10_000
"""Entries that may wait for the writer; further ones wait in the store alone."""

log = logging.getLogger(__name__)


class AuditLog(AuditTrail):
    """Writes records to a log: the decision log, or one of its own (`apart`), which it closes."""

    def __init__(
        self, store: Store, lines: DecisionLog, *, apart: bool = False, look_interval: float = LOOK_INTERVAL
    ) -> None:
        super().__init__(store)
        self._lines = lines
        self._apart = apart
        self._leftovers = Leftovers(store)
        self._look_interval = look_interval
        self._queue: queue.Queue[Record | None] = queue.Queue(QUEUE_SIZE)
        self._thread = threading.Thread(target=self._write_on, name="audit-log", daemon=True)

    @property
    def dropped(self) -> int:
        """How many records of tokens could not be written. Those of changes are never dropped."""
        return self._lines.dropped

    def waiting(self) -> int:
        """Return how many changes wait to be written, or are being made, on any node. Raises StoreUnavailable."""
        return self._store.find(ENTRY, limit=1).total

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, within CLOSE_TIMEOUT seconds. What is left stays in the store, for the next start."""
        try:
            self._queue.put(None, timeout=CLOSE_TIMEOUT)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT)
        if self._apart:
            self._lines.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the record of something that changes nothing stored: a token issued or refused.

        Raises DecisionLogUnavailable when the log is required and cannot be written.
        """
        self._lines.write(record)

    def _made(self, entry: Record) -> None:
        if entry.body["about"]["version"] is None:
            self._confirm(entry)
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            super()._made(entry)

    def _confirm(self, entry: Record) -> None:
        """Leave word that something has been made anew: once it is gone again, nothing would show that it was there.

        A mark is no new version of the entry, which the writer may be about to remove.
        """
        try:
            self._store.mark_used(ENTRY, {entry.id: int(time.time())})
        except FalconboxError as error:
            log.warning("an entry of the audit log could not be confirmed: %s", error.detail)

    def _write_on(self) -> None:
        looked_at, going_on = float("-inf"), True
        while going_on:
            try:
                entry = self._queue.get(timeout=self._look_interval)
            except queue.Empty:
                pass
            else:
                going_on = entry is not None
                if entry is not None:
                    self._attempt(self._write_own, entry)
            if not going_on or time.monotonic() >= looked_at + self._look_interval:
                self._attempt(self._write_leftovers)
                looked_at = time.monotonic()

    def _attempt(self, write: Callable[..., None], *arguments: Record) -> None:
        try:
            write(*arguments)
        except FalconboxError as error:
            log.warning("the audit log cannot be written now, and waits in the store: %s", error.detail)
        except Exception:
            # Writing must go on whatever stands in an entry.
            log.exception("writing the audit log failed")

    def _write_own(self, entry: Record) -> None:
        if entry.updated_at + GRACE / 2 < time.time():
            # It has waited for so long that another node may be about to take it for a leftover.
            super()._made(entry)
            return
        try:
            self._lines.write_through(entry.body["record"])
        except FalconboxError:
            super()._made(entry)
            raise
        self._remove(entry)

    def _write_leftovers(self) -> None:
        for entry, record in self._leftovers.claim():
            try:
                if record is not None:
                    self._lines.write_through(record)
            except FalconboxError:
                self._leftovers.release(entry)
                raise
            self._remove(entry)
