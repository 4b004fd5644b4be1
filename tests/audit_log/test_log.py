"""A service writes down what is changed here and by commands, and keeps for later what it cannot write now."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from falconbox.audit_log import AuditLog, AuditTrail, by_command, by_itself, change, trail
from falconbox.audit_log import log as log_module
from falconbox.audit_log.trail import ENTRY
from falconbox.decision_log.sinks import LogFile, Nowhere
from falconbox.decision_log.writer import DecisionLog, DecisionLogUnavailable
from falconbox.store.sqlite import SqliteStore
from waiting import until

BODY = {"document": {"id": "c"}}


def nobody(_: Any) -> None:
    """Listen to nothing."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store")
    yield store
    store.close()


def started(store: SqliteStore, sink: Any) -> AuditLog:
    audit = AuditLog(store, DecisionLog(sink, nobody), apart=True, look_interval=0.01)
    audit.start()
    return audit


def make(audit: AuditTrail, store: SqliteStore, name: str = "c") -> None:
    with audit.change(change.put(by_itself("a test"), "Client", name, None, BODY)):
        store.put("Client", name, BODY)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in serving.whole_lines(path)]


def test_every_change_from_many_threads_is_written_once_and_nothing_is_left(store: SqliteStore, tmp_path: Path) -> None:
    audit = started(store, LogFile(tmp_path / "log"))

    def work(writer: int) -> None:
        for number in range(25):
            make(audit, store, f"{writer}-{number}")

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: audit.waiting() == 0)
    audit.close()
    told = [record["resource"] for record in lines(tmp_path / "log")]
    assert sorted(told) == sorted(f"Client/{writer}-{number}" for writer in range(4) for number in range(25))


def test_what_a_command_changes_beside_a_running_service_is_written_by_it(store: SqliteStore, tmp_path: Path) -> None:
    audit = started(store, LogFile(tmp_path / "log"))
    with AuditTrail(store).change(change.put(by_command("recover"), "Client", "c", None, BODY)):
        store.put("Client", "c", BODY)
    until(lambda: lines(tmp_path / "log"))
    audit.close()
    (record,) = lines(tmp_path / "log")
    assert (record["kind"], record["code"], record["actor"]["command"]) == ("change", "client-created", "recover")


def test_what_a_command_changes_without_a_service_is_written_by_the_next_one(
    store: SqliteStore, tmp_path: Path
) -> None:
    make(AuditTrail(store), store)
    assert store.find(ENTRY).total == 1
    audit = started(store, LogFile(tmp_path / "log"))
    until(lambda: lines(tmp_path / "log"))
    audit.close()
    assert store.find(ENTRY).total == 0


def test_what_was_made_and_is_gone_again_is_on_record_though_the_process_was_killed_before_it_wrote(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = AuditLog(store, DecisionLog(Nowhere(), nobody), apart=True)
    make(killed, store)
    with killed.change(change.delete(by_itself("a test"), record := store.get("Client", "c"))):
        store.delete("Client", "c", expect=record.version)
    monkeypatch.setattr(trail, "GRACE", 0.0)
    audit = started(store, LogFile(tmp_path / "log"))
    until(lambda: audit.waiting() == 0)
    audit.close()
    told = [(record["code"], record.get("unconfirmed", False)) for record in lines(tmp_path / "log")]
    assert told == [("client-created", False), ("client-deleted", True)]


class Full(Nowhere):
    """A disk without room, until somebody makes some."""

    def __init__(self) -> None:
        self.room = False
        self.tried = threading.Event()
        self.lines: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self.room:
            self.tried.set()
            raise OSError(28, "No space left on device")
        self.lines.append(data)


def test_a_full_disk_loses_no_change_and_each_is_written_once_there_is_room(store: SqliteStore) -> None:
    sink = Full()
    audit = started(store, sink)
    for number in range(5):
        make(audit, store, str(number))
    assert sink.tried.wait(60)
    assert audit.waiting() >= 4
    sink.room = True
    until(lambda: audit.waiting() == 0)
    audit.close()
    written = [json.loads(line)["resource"] for line in sink.lines if line]
    assert sorted(written) == [f"Client/{number}" for number in range(5)]


def test_an_output_that_nobody_reads_delays_no_change(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "CLOSE_TIMEOUT", 0.01)
    monkeypatch.setattr(log_module, "QUEUE_SIZE", 3)
    read = threading.Event()

    class Blocked(Nowhere):
        def write(self, data: bytes) -> None:
            assert read.wait(60)

    audit = started(store, Blocked())
    for number in range(10):
        make(audit, store, str(number))
    assert audit.waiting() == 10, "what does not fit into the queue waits in the store, like the rest"
    read.set()
    until(lambda: audit.waiting() == 0)
    audit.close()


def test_records_of_tokens_are_refused_when_they_are_required_and_cannot_be_made(store: SqliteStore) -> None:
    audit = AuditLog(store, DecisionLog(Full(), nobody, required=True), apart=True)
    with pytest.raises(DecisionLogUnavailable):
        audit.write({"kind": "token"})
    audit.close()
