"""One change, one record: whoever makes it, wherever it is cut short, and never one of what has not happened."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.audit_log import AuditTrail, by_caller, by_command, by_directory, by_itself, change, trail
from falconbox.audit_log.change import Change
from falconbox.audit_log.trail import CLAIM, ENTRY, GRACE, Leftovers
from falconbox.decision_log.record import Asked
from falconbox.errors import Invalid, Problem, StoreConflict, StoreUnavailable
from falconbox.model import Caller, Client, StoredSecret
from falconbox.store import Expect
from falconbox.store.sqlite import SqliteStore

ACTOR = by_itself("a test")
BODY = {"document": {"id": "c", "name": "C"}, "generation": "g"}


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(trail.time, "time", clock)
    return clock


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield store
    store.close()


def creation(store: SqliteStore) -> Change:
    return change.put(ACTOR, "Client", "c", store.get("Client", "c"), BODY)


def found(store: SqliteStore) -> list[Any]:
    """Write what has been left, as a service does; return the records."""
    leftovers, written = Leftovers(store), []
    for entry, record in leftovers.claim():
        if record is not None:
            written.append(record)
        store.delete(ENTRY, entry.id, expect=entry.version)
    return written


def test_a_change_is_on_record_before_it_is_made(store: SqliteStore) -> None:
    with AuditTrail(store).change(creation(store)):
        (entry,) = store.find(ENTRY).records
        assert (entry.body["record"]["code"], entry.body["record"]["resource"]) == ("client-created", "Client/c")
        assert store.get("Client", "c") is None


def test_a_change_without_a_record_is_not_made(store: SqliteStore) -> None:
    class Away:
        def append(self, *_: Any, **__: Any) -> Any:
            raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable), AuditTrail(Away()).change(creation(store)):
        store.put("Client", "c", BODY)
    assert store.get("Client", "c") is None


def test_a_change_that_is_made_is_found_at_once_and_once(store: SqliteStore) -> None:
    with AuditTrail(store).change(creation(store)):
        store.put("Client", "c", BODY)
    (record,) = found(store)
    assert "unconfirmed" not in record
    assert found(store) == []


@pytest.mark.parametrize("refusal", [StoreConflict("at another version", 7), Invalid([Problem("", "no")])])
def test_a_change_that_is_refused_leaves_nothing(store: SqliteStore, refusal: Exception) -> None:
    with pytest.raises(type(refusal)), AuditTrail(store).change(creation(store)):
        raise refusal
    assert store.find(ENTRY).total == 0


@pytest.mark.parametrize("ended", [StoreUnavailable("no answer in time"), KeyboardInterrupt(), ValueError("a fault")])
@pytest.mark.parametrize("made", [False, True])
def test_what_is_cut_short_is_on_record_if_it_was_made_and_not_if_it_was_not(
    store: SqliteStore, clock: Clock, ended: BaseException, made: bool
) -> None:
    def cut_short() -> None:
        with AuditTrail(store).change(creation(store)):
            if made:
                store.put("Client", "c", BODY)
            raise ended

    with pytest.raises(type(ended)):
        cut_short()
    assert found(store) == [], "it may still be going on"
    clock.now += GRACE + 1
    records = found(store)
    assert [record["unconfirmed"] for record in records] == [True] * made
    assert store.find(ENTRY).total == 0


@pytest.mark.parametrize("made", [False, True])
def test_a_deletion_that_is_cut_short_is_told_from_one_that_did_not_happen(
    store: SqliteStore, clock: Clock, made: bool
) -> None:
    record = store.put("Client", "c", BODY)

    def cut_short() -> None:
        with AuditTrail(store).change(change.delete(ACTOR, record)):
            if made:
                store.delete("Client", "c", expect=record.version)
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        cut_short()
    clock.now += GRACE + 1
    assert [told["code"] for told in found(store)] == ["client-deleted"] * made


def test_of_two_services_one_writes_what_was_left(store: SqliteStore) -> None:
    with AuditTrail(store).change(creation(store)):
        store.put("Client", "c", BODY)
    first, second = Leftovers(store).claim(), Leftovers(store).claim()
    assert next(first)[1] is not None
    assert list(second) == []


def test_what_a_service_claimed_and_did_not_write_is_written_by_another(store: SqliteStore, clock: Clock) -> None:
    with AuditTrail(store).change(creation(store)):
        store.put("Client", "c", BODY)
    assert len(list(Leftovers(store).claim())) == 1
    assert found(store) == []
    clock.now += CLAIM + 1
    assert len(found(store)) == 1


def test_what_could_not_be_written_can_be_claimed_again_at_once(store: SqliteStore) -> None:
    with AuditTrail(store).change(creation(store)):
        store.put("Client", "c", BODY)
    leftovers = Leftovers(store)
    ((entry, _),) = leftovers.claim()
    leftovers.release(entry)
    assert len(found(store)) == 1


def test_what_was_left_is_found_in_the_order_in_which_it_happened(store: SqliteStore) -> None:
    audit = AuditTrail(store)
    for number in range(110):
        with audit.change(dataclasses.replace(creation(store), more={"number": number})):
            store.put("Client", "c", BODY)
    assert [record["number"] for record in found(store)] == list(range(110))


def test_a_word_that_cannot_be_left_does_not_undo_what_was_made(store: SqliteStore, clock: Clock) -> None:
    class Halting:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def put(self, *_: Any, **__: Any) -> Any:
            raise StoreUnavailable("away")

    with AuditTrail(Halting()).change(creation(store)):
        store.put("Client", "c", BODY, expect=Expect.ABSENT)
    clock.now += GRACE + 1
    assert len(found(store)) == 1


# What stands in a record.


def test_a_record_tells_what_a_resource_was_and_is_by_digests_of_what_may_be_seen(store: SqliteStore) -> None:
    before = store.put(
        "Client", "c", {"document": {"id": "c"}, "secrets": [{"id": "0", "hash": "HASH"}], "generation": "G"}
    )
    made = change.put(ACTOR, "Client", "c", before, {**BODY, "secrets": [{"id": "1", "hash": "OTHER"}]}).record()
    assert made["before"] == {"digest": change.digest({"id": "c"}), "secrets": ["0"]}
    assert made["after"] == {"digest": change.digest(BODY["document"]), "secrets": ["1"]}
    assert not {"HASH", "OTHER", "G"} & set(json.dumps(made).split('"'))
    assert change.delete(ACTOR, before).record().keys() == {
        "id", "time", "kind", "code", "resource", "actor", "before"
    }  # fmt: skip


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), max_size=5))
def test_a_digest_does_not_depend_on_the_order_of_fields(document: dict[str, Any]) -> None:
    assert change.digest(document) == change.digest(dict(reversed(document.items())))
    assert change.digest({**document, "\0": 0}) != change.digest(document)


def test_an_actor_says_who_and_nothing_that_only_they_know() -> None:
    client = Client("me", 1, "g", True, frozenset(), (StoredSecret("1", "HASH"),), None, None, {}, 0.0)
    asked = Asked("PUT", "/Client/x?secret=S", "192.0.2.1", 5, Caller(client, "sid", {"jti": "J"}))
    assert by_caller(asked, "d" * 32) == {
        "by": "caller", "client": "me", "session": "sid", "remote_addr": "192.0.2.1", "decision": "d" * 32
    }  # fmt: skip
    assert by_command("recover")["user"]
    assert by_directory("/policies", None) == {"by": "policy-directory", "directory": "/policies"}
    assert by_directory("/policies", "abc", dirty=True)["dirty"] is True


def test_the_user_of_a_command_is_the_one_that_the_system_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    before = by_command("recover")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert by_command("recover") == before
    assert before["user"] != "somebody-else"
