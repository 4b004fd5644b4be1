"""The decision log: by default a thread writes and answers never wait; if required, no answer without a record."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from falconbox.decision_log.sinks import Sink
from falconbox.errors import FalconboxError

QUEUE_SIZE: Final = 20_000
"""Records that may wait for the writer before further ones are dropped (and counted)."""

BATCH: Final = 500
CLOSE_TIMEOUT: Final = 5.0
"""Seconds that closing waits for records still in the queue."""

Record = Mapping[str, Any]
Listener = Callable[[Sequence[Record]], None]
log = logging.getLogger(__name__)


class DecisionLogUnavailable(FalconboxError):
    """The decision log is required and cannot be written (503)."""

    code = "decision-log-unavailable"


class DecisionLog:
    """Takes records from many threads. `dropped` counts those that could not be written."""

    def __init__(self, sink: Sink, listener: Listener, *, required: bool = False) -> None:
        self.dropped = 0
        self._sink = sink
        self._listener = listener
        self._required = required
        self._lock = threading.Lock()
        self._queue: queue.Queue[Record | None] = queue.Queue(QUEUE_SIZE)
        self._thread = threading.Thread(target=self._write_on, name="decision-log", daemon=True)
        self._thread.start()

    def write(self, *records: Record) -> None:
        """Hand records over. If the log is required, return only when they are durable.

        Raises DecisionLogUnavailable when the log is required and cannot be written.
        """
        if self._required:
            self.write_through(*records)
        for record in records:
            try:
                self._queue.put_nowait(record)
            except queue.Full:
                self.dropped += 1

    def write_through(self, *records: Record) -> None:
        """Write records here and now; return when they are durable. Raises DecisionLogUnavailable.

        Waits for as long as nobody reads: nothing that answers a request may call it, unless the log is required.
        """
        with self._lock:
            try:
                self._sink.write(_lines(records))
                self._sink.sync()
            except OSError as error:
                log.error("the log cannot be written: %s", error)  # noqa: TRY400  # one line will do
                raise DecisionLogUnavailable("no record can be made") from error

    def close(self) -> None:
        """Write what waits, within CLOSE_TIMEOUT seconds, and stop."""
        try:
            self._queue.put(None, timeout=CLOSE_TIMEOUT)
        except queue.Full:
            return
        self._thread.join(CLOSE_TIMEOUT)
        if not self._thread.is_alive():
            self._sink.close()

    def _write_on(self) -> None:
        going_on = True
        while going_on:
            batch = self._take()
            going_on = batch[-1] is not None
            records = [record for record in batch if record is not None]
            if not self._required:
                self._write_batch(records)
            if records:
                self._tell(records)

    def _take(self) -> list[Record | None]:
        batch = [self._queue.get()]
        while len(batch) < BATCH and batch[-1] is not None:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write_batch(self, records: Sequence[Record]) -> None:
        try:
            with self._lock:
                self._sink.write(_lines(records))
        except (OSError, ValueError) as error:
            self.dropped += len(records)
            log.error("the decision log lost %d records: %s", len(records), error)  # noqa: TRY400  # one line will do

    def _tell(self, records: Sequence[Record]) -> None:
        try:
            self._listener(records)
        except Exception:
            log.exception("a plugin failed in falconbox_decided; nothing else is changed by that")


def _lines(records: Sequence[Record]) -> bytes:
    # Control characters come out escaped, so no request can forge a line.
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()
