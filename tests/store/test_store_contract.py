"""One suite for every store: each sentence of the contract, on SQLite in a file and in memory, on mongomock, and over a real socket."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mongomock
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from falconbox.errors import FeedGap, StoreConflict
from falconbox.store import TRACE_LIFETIME, UNCOUNTED, Changes, Expect, Record, Store
from falconbox.store.mongo import OVERLAP, MongoStore
from falconbox.store.sqlite import SqliteStore

REAL = os.environ.get("FALCONBOX_TEST_MONGO_URI")
KINDS = ("sqlite", "memory", "mongomock", "wire", "mongodb")
CONCURRENT = ("sqlite", "memory", "wire", "mongodb")


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        # Near the real time: MongoDB collects by its own clock what has expired long ago.
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


Maker = Callable[[], Store]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Maker]:
    """Opens the same store each time it is called."""
    opened: list[Store] = []
    kind = request.param
    if kind == "mongodb" and REAL is None:
        pytest.skip("FALCONBOX_TEST_MONGO_URI names no MongoDB")
    double = mongomock.MongoClient()
    database = f"test{uuid.uuid4().hex[:12]}"
    uri = request.getfixturevalue("nx_mongo_uri") if kind == "wire" else REAL

    def make() -> Store:
        if kind == "sqlite":
            store: Store = SqliteStore(tmp_path / "store.sqlite3", clock=clock)
        elif kind == "memory":
            store = opened[0] if opened else SqliteStore(None, clock=clock)
        elif kind == "mongomock":
            store = MongoStore(double, database, clock=clock)
        else:
            store = MongoStore(uri, database, clock=clock)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make: Maker) -> Store:
    return make()


every = pytest.mark.parametrize("make", KINDS, indirect=True)
concurrent = pytest.mark.parametrize("make", CONCURRENT, indirect=True)


def follow(changes: Changes, seen: dict[tuple[str, str], tuple[int, Record | None]]) -> None:
    """Apply a piece of the feed as the contract tells readers to."""
    for change in changes.items:
        if change.version > seen.get((change.kind, change.id), (0, None))[0]:
            seen[change.kind, change.id] = (change.version, change.record)


@every
def test_what_is_put_is_read_back(store: Store, clock: Clock) -> None:
    written = store.put("Patient", "1", {"a": 1})
    assert store.get("Patient", "1") == written
    assert (written.kind, written.id, written.body, written.version) == ("Patient", "1", {"a": 1}, 1)
    assert written.updated_at == clock.now


@every
def test_what_was_never_put_is_absent(store: Store) -> None:
    assert store.get("Patient", "1") is None


@every
def test_kinds_do_not_share_ids(store: Store) -> None:
    store.put("Patient", "1", {"a": 1})
    assert store.get("Encounter", "1") is None


@every
def test_every_write_takes_the_next_number_of_the_whole_store(store: Store) -> None:
    versions = [store.put("A", "1", {}).version, store.put("B", "1", {}).version, store.put("A", "1", {}).version]
    versions.append(store.delete("B", "1"))
    assert versions == [1, 2, 3, 4]
    assert store.head() == 4


@every
def test_a_put_that_expects_nothing_creates_only(store: Store) -> None:
    store.put("A", "1", {"n": 1}, expect=Expect.ABSENT)
    with pytest.raises(StoreConflict) as raised:
        store.put("A", "1", {"n": 2}, expect=Expect.ABSENT)
    assert raised.value.current == 1
    assert store.get("A", "1").body == {"n": 1}


@every
def test_a_put_that_expects_a_version_replaces_only_that(store: Store) -> None:
    first = store.put("A", "1", {"n": 1})
    second = store.put("A", "1", {"n": 2}, expect=first.version)
    with pytest.raises(StoreConflict) as raised:
        store.put("A", "1", {"n": 3}, expect=first.version)
    assert raised.value.current == second.version
    with pytest.raises(StoreConflict) as raised:
        store.put("A", "2", {}, expect=7)
    assert raised.value.current is None
    assert store.get("A", "1") == second


@every
def test_a_deletion_checks_the_version_and_needs_a_document(store: Store) -> None:
    first = store.put("A", "1", {})
    second = store.put("A", "1", {})
    with pytest.raises(StoreConflict) as raised:
        store.delete("A", "1", expect=first.version)
    assert raised.value.current == second.version
    store.delete("A", "1", expect=second.version)
    assert store.get("A", "1") is None
    with pytest.raises(StoreConflict) as raised:
        store.delete("A", "1")
    assert raised.value.current is None


@every
def test_a_version_never_names_two_contents_even_after_delete_and_create(store: Store) -> None:
    first = store.put("A", "1", {"n": 1})
    store.delete("A", "1")
    again = store.put("A", "1", {"n": 2}, expect=Expect.ABSENT)
    assert again.version > first.version
    with pytest.raises(StoreConflict):
        store.put("A", "1", {"n": 3}, expect=first.version)


@every
def test_an_appended_document_has_a_version_of_its_own_and_is_in_no_feed(store: Store) -> None:
    head = store.head()
    appended = store.append("Session", "s", {"client": "a"}, fields={"client": ["a"]})
    assert appended.version < 0
    assert store.get("Session", "s") == appended
    assert store.head() == head
    assert store.changes(0, ["Session"]).items == ()
    assert store.versions(["Session"]) == {}
    with pytest.raises(StoreConflict):
        store.append("Session", "s", {})
    assert store.delete("Session", "s", expect=appended.version) == appended.version
    assert store.get("Session", "s") is None
    assert store.changes(0, ["Session"]).items == ()


HOSTILE: list[dict[str, Any]] = [
    {"$ne": None}, {"a.b": {"c.d": [{"$gt": ""}]}}, {"": ""}, {"a\x00b": "c\x00"}, {"'; DROP TABLE documents; --": "\"'"},
    {"_id": 1, "version": "x", "$set": {"version": 1}}, {"n": 2**53, "m": -(2**53)}, {"é\u2028": "\U0001f600"},
    {"x": [1.0, 1, 1e300, 5e-324, True, None, [], {}]},
]  # fmt: skip


@every
def test_the_last_use_of_an_appended_document_rises_and_is_no_part_of_its_version(store: Store, clock: Clock) -> None:
    body = {"a": [1, "é", 1.5], "b.c": {"$d": None}, "big": 2**53}
    made = store.append("Session", "s", body, fields={"client": ["me"]}, expires_at=clock.now + 100)
    store.append("Session", "other", {})
    head = store.head()
    for now, expected in ((60, 60), (180, 180), (120, 180)):
        store.mark_used("Session", {"s": now, "nobody": now})
        found = store.get("Session", "s")
        assert found == Record(
            "Session", "s", made.version, {**body, "last_used": expected}, made.updated_at, made.expires_at
        )
    assert store.find("Session", {"client": "me"}).records == (found,)
    assert (store.get("Session", "other").body, store.get("Session", "nobody"), store.head()) == ({}, None, head)
    store.delete("Session", "s", expect=made.version)
    store.mark_used("Session", {"s": 240})
    assert store.get("Session", "s") is None


@every
def test_a_use_can_make_the_document_that_keeps_it_and_then_rises_like_any_other(store: Store) -> None:
    head = store.head()
    for now, expected in ((120, 120), (60, 120), (180, 180)):
        store.mark_used("Use", {"a/1": now, "a/2": 60}, append=True)
        found = store.get("Use", "a/1")
        assert found.body == {"last_used": expected}
        assert found.version < 0
    assert [record.id for record in store.find("Use").records] == ["a/1", "a/2"]
    assert store.remove("Use", ["a/1"]) == 1
    store.mark_used("Use", {"a/1": 60}, append=True)
    assert store.get("Use", "a/1").body == {"last_used": 60}
    assert (store.head(), store.changes(0, ["Use"]).items) == (head, ())


@every
def test_a_use_makes_nothing_in_the_place_of_a_document_that_was_put_or_of_its_trace(store: Store) -> None:
    put = store.put("A", "1", {})
    store.put("A", "2", {})
    store.delete("A", "2")
    changes = store.changes(0, ["A"])
    store.mark_used("A", {"1": 60, "2": 60}, append=True)
    assert (store.get("A", "1"), store.get("A", "2"), store.changes(0, ["A"])) == (put, None, changes)


@every
def test_of_many_documents_those_that_are_there_are_read_together(store: Store, clock: Clock) -> None:
    store.put("A", "é'\"", {"n": 1})
    store.append("A", "a/1", {"n": 2})
    store.put("A", "short", {}, expires_at=clock.now + 1)
    store.put("A", "gone", {})
    store.delete("A", "gone")
    store.put("B", "other", {})
    clock.now += 2
    found = store.get_many("A", ["é'\"", "a/1", "a/1", "short", "gone", "other", "nobody", "$ne"])
    assert found == {name: store.get("A", name) for name in ("é'\"", "a/1")}
    assert store.get_many("A", []) == {}
    assert len(store.get_many("A", [*map(str, range(3000)), "a/1"])) == 1


@every
def test_documents_that_were_put_are_neither_marked_as_used_nor_removed_together(store: Store) -> None:
    put = store.put("A", "1", {})
    store.mark_used("A", {"1": 60})
    assert store.remove("A", ["1"]) == 0
    assert store.get("A", "1") == put


@every
def test_appended_documents_are_removed_together(store: Store) -> None:
    for number in range(5):
        store.append("Session", str(number), {}, fields={"client": ["me"]})
    store.append("Other", "1", {})
    assert store.remove("Session", ["1", "3", "nobody"]) == 2
    assert store.remove("Session", ["1", "3"]) == 0
    assert [record.id for record in store.find("Session", {"client": "me"}).records] == ["0", "2", "4"]
    assert store.remove("Session", []) == 0
    assert store.get("Other", "1") is not None
    again = store.append("Session", "1", {"new": True})
    assert store.find("Session", {"client": "me"}).total == 3
    assert store.get("Session", "1") == again


@every
def test_bodies_come_back_exactly_whatever_their_keys_and_values(store: Store) -> None:
    for number, body in enumerate(HOSTILE):
        store.put("A", str(number), body)
    for number, body in enumerate(HOSTILE):
        found = store.get("A", str(number))
        assert found is not None
        assert found.body == body
    numbers = store.get("A", str(len(HOSTILE) - 1)).body["x"]
    assert [type(number) for number in numbers[:2]] == [float, int]


@every
def test_an_id_is_only_ever_an_exact_string(store: Store) -> None:
    store.put("A", "plain", {})
    for hostile in ('{"$ne": null}', "%", "_", "plain' OR '1'='1", "plain\x00", "Plain", "plain ", "../plain", ""):
        assert store.get("A", hostile) is None
        store.put("A", hostile, {"id": hostile})
        assert store.get("A", hostile).body == {"id": hostile}
    assert store.get("A", "plain").body == {}


@every
def test_find_selects_by_equality_on_every_given_field(store: Store) -> None:
    store.put("A", "1", {}, fields={"colour": ["red"], "tag": ["x", "y"]})
    store.put("A", "2", {}, fields={"colour": ["red"], "tag": ["y"]})
    store.put("B", "3", {}, fields={"colour": ["red"]})
    store.put("A", "4", {})

    def ids(**where: str) -> list[str]:
        return [record.id for record in store.find("A", where).records]

    assert ids() == ["1", "2", "4"]
    assert ids(colour="red") == ["1", "2"]
    assert ids(colour="red", tag="x") == ["1"]
    assert ids(tag="y") == ["1", "2"]
    assert ids(colour="{'$ne': null}") == []
    store.put("A", "1", {}, fields={"colour": ["blue"]})
    assert ids(colour="red") == ["2"]
    assert ids(tag="x") == []
    store.delete("A", "2")
    assert ids(colour="red") == []


@every
def test_find_gives_pages_in_the_order_of_ids_and_the_total(store: Store) -> None:
    for number in range(7):
        store.put("A", f"{number}", {})
    store.delete("A", "3")
    first = store.find("A", limit=4)
    assert ([record.id for record in first.records], first.total) == (["0", "1", "2", "4"], 6)
    second = store.find("A", after="4", limit=4)
    assert ([record.id for record in second.records], second.total) == (["5", "6"], 6)


@every
def test_pages_that_are_not_counted_are_the_same_pages(store: Store) -> None:
    for number in range(7):
        store.append("A", f"{number}", {}, fields={"odd": [str(number % 2)], "all": ["x"]})
    for where in ({}, {"odd": "1"}, {"all": "x"}, {"odd": "0", "all": "x"}, {"odd": "2", "all": "x"}):
        for after in ("", "3", "9"):
            counted, not_counted = (store.find("A", where, after=after, limit=2, counted=yes) for yes in (True, False))
            assert not_counted.records == counted.records
            assert not_counted.total == UNCOUNTED
        assert counted.total == len(store.find("A", where).records)


@every
def test_find_gives_no_more_than_there_is_room_for_and_always_one(store: Store) -> None:
    for number in range(5):
        store.put("A", f"{number}", {"t": "x" * 92})  # a hundred characters of JSON

    def found(room: int, after: str = "") -> list[str]:
        page = store.find("A", after=after, room=room)
        assert page.total == 5
        return [record.id for record in page.records]

    assert found(0) == found(99) == found(199) == ["0"]
    assert found(200) == ["0", "1"]
    assert found(299, after="1") == ["2", "3"]
    assert found(500) == ["0", "1", "2", "3", "4"]
    assert [store.find("A", room=room).cut for room in (0, 499, 500)] == [True, True, False]
    assert store.find("A", room=500, limit=2) == store.find("A", limit=2)


@every
def test_an_expired_document_is_absent_everywhere(store: Store, clock: Clock) -> None:
    store.put("A", "1", {}, fields={"f": ["v"]}, expires_at=clock.now + 10)
    store.append("S", "1", {}, expires_at=clock.now + 10)
    assert store.get("A", "1").expires_at == clock.now + 10
    clock.now += 10
    assert store.get("A", "1") is None
    assert store.get("S", "1") is None
    assert store.find("A", {"f": "v"}).total == 0
    assert store.versions(["A"]) == {}
    assert [change.record for change in store.changes(0, ["A"]).items] == [None]
    with pytest.raises(StoreConflict):
        store.delete("A", "1")
    with pytest.raises(StoreConflict):
        store.put("A", "1", {}, expect=1)
    store.put("A", "1", {"n": 2}, expect=Expect.ABSENT)
    store.append("S", "1", {"n": 2})
    assert store.get("A", "1").body == {"n": 2}


@every
def test_sweeping_removes_what_has_expired_and_old_traces_of_deletions(store: Store, clock: Clock) -> None:
    store.put("A", "expired", {}, expires_at=clock.now + 1)
    store.append("S", "expired", {}, expires_at=clock.now + 1)
    store.put("A", "kept", {}, expires_at=clock.now + TRACE_LIFETIME * 9)
    store.put("A", "deleted", {})
    store.delete("A", "deleted")
    assert store.sweep() == 0
    clock.now += 2
    assert store.sweep() == 2
    clock.now += TRACE_LIFETIME
    assert store.sweep() == 1
    assert store.sweep() == 0
    assert [record.id for record in store.find("A").records] == ["kept"]


@every
def test_a_reader_whose_cursor_lies_before_swept_deletions_is_told_to_start_anew(store: Store, clock: Clock) -> None:
    store.put("A", "1", {})
    store.put("A", "2", {})
    store.delete("A", "2")
    clock.now += TRACE_LIFETIME + 1
    store.sweep()
    with pytest.raises(FeedGap):
        store.changes(1, ["A"])
    assert {change.id for change in store.changes(0, ["A"]).items} == {"1"}
    assert store.changes(store.head(), ["A"]).items == ()


@every
def test_the_feed_tells_the_newest_state_of_what_happened_after_a_cursor(store: Store, clock: Clock) -> None:
    store.put("A", "1", {"n": 1})
    store.put("B", "1", {})
    start = store.head()
    clock.now += OVERLAP
    store.put("A", "1", {"n": 2})
    store.put("A", "2", {})
    store.delete("A", "2")
    changes = store.changes(start, ["A"])
    assert [(change.id, change.version, change.record and change.record.body) for change in changes.items] == [
        ("1", 3, {"n": 2}),
        ("2", 5, None),
    ]
    assert changes.head == 5
    assert changes.cursor <= 5


operations = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "delete", "append", "read"]), st.sampled_from("AB"), st.sampled_from("xyz")
    ),
    max_size=25,
)


@every
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(operations)
def test_a_reader_of_the_feed_holds_what_is_stored(make: Maker, steps: list[tuple[str, str, str]]) -> None:
    """Whatever is written, and whenever it is read: the feed and `versions` lead to the same documents."""
    store = make()
    start = store.head()
    seen: dict[tuple[str, str], tuple[int, Record | None]] = {}
    follow(store.changes(0, "AB"), seen)
    cursor = start
    for number, (step, kind, key) in enumerate(steps):
        if step == "put":
            store.put(kind, key, {"n": number})
        elif step == "append" and store.get("S", key) is None:
            store.append("S", key, {})
        elif step == "delete" and store.get(kind, key) is not None:
            store.delete(kind, key)
        else:
            changes = store.changes(cursor, "AB")
            follow(changes, seen)
            cursor = changes.cursor
    follow(store.changes(cursor, "AB"), seen)
    held = {key: version for key, (version, record) in seen.items() if record is not None}
    assert held == store.versions("AB")
    for (kind, key), version in held.items():
        assert store.get(kind, key).version == version


@concurrent
def test_no_acknowledged_update_is_lost_among_concurrent_writers(store: Store) -> None:
    store.put("A", "1", {"n": 0})
    acknowledged: list[int] = []

    def work() -> None:
        for _ in range(25):
            record = store.get("A", "1")
            try:
                store.put("A", "1", {"n": record.body["n"] + 1}, expect=record.version)
            except StoreConflict:
                continue
            acknowledged.append(1)

    run(work)
    assert len(acknowledged) >= 25
    assert store.get("A", "1").body == {"n": len(acknowledged)}


@concurrent
def test_of_many_who_create_the_same_id_exactly_one_succeeds(store: Store) -> None:
    created: list[str] = []

    def work() -> None:
        for number in range(10):
            try:
                store.put("A", str(number), {"by": threading.get_ident()}, expect=Expect.ABSENT)
            except StoreConflict:
                continue
            created.append(str(number))

    run(work)
    assert sorted(created) == sorted(map(str, range(10)))


@concurrent
def test_unconditional_writes_of_one_document_all_succeed_with_numbers_of_their_own(store: Store) -> None:
    versions: list[int] = []
    run(lambda: versions.extend(store.put("A", "1", {}).version for _ in range(5)), threads=3)
    assert len(set(versions)) == 15


@concurrent
def test_of_uses_that_make_one_document_at_the_same_moment_the_latest_counts(store: Store) -> None:
    times = iter([60, 240, 120, 180])
    barrier = threading.Barrier(4)

    def work() -> None:
        time_used = next(times)
        barrier.wait(60)
        store.mark_used("Use", {str(number): time_used for number in range(5)}, append=True)

    run(work)
    assert {record.id: record.body for record in store.find("Use").records} == {
        str(number): {"last_used": 240} for number in range(5)
    }


def run(work: Callable[[], None], threads: int = 4) -> None:
    """Run work in several threads and raise what any of them raised."""
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)

    started = [threading.Thread(target=guarded) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(120)
    assert not faults, faults


@every
def test_a_store_that_is_opened_again_holds_what_was_written(make: Maker) -> None:
    make().put("A", "1", {"n": 1})
    again = make()
    assert again.get("A", "1").body == {"n": 1}
    assert again.put("A", "2", {}).version == 2


@every
def test_the_description_says_which_store_it_is(store: Store) -> None:
    assert store.description.startswith(("SQLite ", "MongoDB "))


@pytest.mark.parametrize("make", ("mongomock", "wire", "mongodb"), indirect=True)
def test_what_becomes_visible_late_under_a_number_that_has_been_passed_is_still_told(
    store: Store, clock: Clock
) -> None:
    store.put("A", "1", {})
    late = store._next_number()  # a writer takes a number ...
    taken_at = clock.now
    store.put("A", "2", {})
    cursor = store.changes(0, ["A"]).cursor
    assert cursor > late
    clock.now += OVERLAP / 2
    row = {"_id": "A/late", "kind": "A", "name": "late", "version": late, "body": "{}", "updated": taken_at}
    store._swap(None, {**row, "expires": 1e15, "deleted": False})  # ... and commits later
    assert "late" in {change.id for change in store.changes(cursor, ["A"]).items}


@pytest.mark.parametrize("make", ("mongomock", "wire", "mongodb"), indirect=True)
def test_what_was_written_long_ago_is_not_told_again(store: Store, clock: Clock) -> None:
    for number in range(5):
        store.put("A", str(number), {})
    cursor = store.changes(0, ["A"]).cursor
    assert len(store.changes(cursor, ["A"]).items) == 5
    clock.now += OVERLAP
    assert store.changes(cursor, ["A"]).items == ()
