"""One world at a time: assembled from the store, patched by its changes, swapped whole, and honest about its age."""

from __future__ import annotations

import sqlite3
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from falconbox.compiling import PolicyCompiler
from falconbox.errors import FeedGap, StoreNotAsked, StoreUnavailable
from falconbox.model import POLICY_TYPES, Effect, Mode, StoredSecret
from falconbox.plugins import load_plugins
from falconbox.snapshot import RECONCILE_INTERVAL, Snapshot
from falconbox.store.sqlite import SqliteStore
from waiting import until

COMPILER = PolicyCompiler(load_plugins().engines)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Faulty:
    """A store that fails, or hides changes, when told to."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.down = False
        self.gap = False
        self.hidden: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if self.down:
            raise StoreUnavailable("it is away")
        return getattr(self._store, name)

    def changes(self, since: int, kinds: Any) -> Any:
        if self.down:
            raise StoreUnavailable("it is away")
        if self.gap and since:
            raise FeedGap("swept")
        changes = self._store.changes(since, kinds)
        kept = tuple(change for change in changes.items if since == 0 or change.id not in self.hidden)
        return type(changes)(kept, changes.cursor, changes.head)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Faulty]:
    store = SqliteStore(tmp_path / "store")
    yield Faulty(store)
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def snapshot(store: Faulty, clock: Clock) -> Snapshot:
    return Snapshot(store, COMPILER, clock)


def put_client(store: Any, client_id: str, **document: Any) -> None:
    public = {"resourceType": "Client", "id": client_id, **document}
    store.put("Client", client_id, {"document": public, "generation": "g", "secrets": [{"id": "1", "hash": "h"}]})


def put_policy(store: Any, policy_id: str, **document: Any) -> None:
    document = {"resourceType": "AccessPolicy", "id": policy_id, "engine": "allow", **document}
    store.put("AccessPolicy", policy_id, {"document": document})


def put_managed(store: Any, revision: str, *documents: dict[str, Any]) -> None:
    members = []
    for document in documents:
        member = f"{document['resourceType']}.{document['id']}.{revision}"
        body = {"document": document}
        if document["resourceType"] == "Client":
            body["generation"] = "g"
        store.put("managed-member", member, body)
        members.append({"type": document["resourceType"], "id": document["id"], "member": member, "file": "f.yaml"})
    store.put("policy-source", "default", {"revision": revision, "directory": "d", "commit": None, "members": members})


POLICY = {"resourceType": "AccessPolicy", "id": "p", "engine": "allow"}


def test_what_is_stored_is_in_the_world(store: Faulty, snapshot: Snapshot) -> None:
    put_client(store, "a", name="A")
    put_policy(store, "p", link=[{"reference": "Client/a"}], effect="deny", mode="shadow")
    store.put("revocation", "sid", {})
    world = snapshot.refresh()
    assert (world.clients["a"].public["name"], world.clients["a"].secrets) == ("A", (StoredSecret("1", "h"),))
    policy = world.policies.policies["p"].policy
    assert (policy.links, policy.effect, policy.mode) == (frozenset("a"), Effect.DENY, Mode.SHADOW)
    assert "sid" in world.revoked
    assert world.revision == store.head()


def test_a_world_that_was_read_never_changes(store: Faulty, snapshot: Snapshot) -> None:
    put_client(store, "a")
    before = snapshot.refresh()
    put_client(store, "b")
    put_policy(store, "p")
    store.delete("Client", "a")
    after = snapshot.refresh()
    assert (set(before.clients), set(before.policies.policies)) == ({"a"}, set())
    assert (set(after.clients), set(after.policies.policies)) == ({"b"}, {"p"})


def test_each_world_is_shown_before_it_counts_and_signing_keys_are_in_it(store: Faulty) -> None:
    shown: list[tuple[set[str], bool]] = []
    snapshot = Snapshot(
        store, COMPILER, prepare=lambda world: shown.append((set(world.keys), world is snapshot.current))
    )
    store.put("SigningKey", "first", {"kid": "k"})
    assert snapshot.refresh().keys["first"].body == {"kid": "k"}
    store.put("SigningKey", "2", {})
    store.delete("SigningKey", "first")
    before = snapshot.refresh().keys
    put_client(store, "a")
    assert snapshot.refresh().keys is before
    assert shown == [({"first"}, False), ({"2"}, False), ({"2"}, False)]


def test_only_what_has_changed_is_compiled_anew(store: Faulty, snapshot: Snapshot) -> None:
    put_policy(store, "p")
    put_policy(store, "q")
    before = snapshot.refresh().policies.policies
    put_policy(store, "q", mode="off")
    after = snapshot.refresh().policies.policies
    assert after["p"] is before["p"]
    assert after["q"] is not before["q"]


def test_a_managed_set_counts_as_a_whole_when_its_pointer_moves(store: Faulty, snapshot: Snapshot) -> None:
    store.put("managed-member", "AccessPolicy.p.r1", {"document": POLICY})
    assert snapshot.refresh().policies.policies == {}
    put_managed(store, "r2", POLICY, {"resourceType": "Client", "id": "c"})
    world = snapshot.refresh()
    assert world.policies.policies["p"].policy.source.file == "f.yaml"
    assert world.clients["c"].source.directory == "d"
    put_managed(store, "r3", {**POLICY, "id": "q"})
    world = snapshot.refresh()
    assert (set(world.policies.policies), set(world.clients)) == ({"q"}, set())


def test_a_managed_set_with_a_lost_member_never_counts_and_the_old_one_stays(store: Faulty, snapshot: Snapshot) -> None:
    put_managed(store, "r1", POLICY)
    snapshot.refresh()
    members = [{"type": "AccessPolicy", "id": "q", "member": "lost", "file": "f"}]
    put_client(store, "made-before-the-pointer-moved")
    store.put("policy-source", "default", {"revision": "r2", "directory": "d", "members": members})
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            snapshot.refresh()
        assert set(snapshot.current.policies.policies) == {"p"}
    put_managed(store, "r3", {**POLICY, "id": "q"})
    world = snapshot.refresh()
    assert set(world.policies.policies) == {"q"}
    assert set(world.clients) == {"made-before-the-pointer-moved"}


def test_of_a_managed_and_an_own_resource_of_one_id_the_managed_one_counts(store: Faulty, snapshot: Snapshot) -> None:
    put_policy(store, "p", mode="off")
    put_managed(store, "r", POLICY)
    assert snapshot.refresh().policies.policies["p"].policy.mode is Mode.ENFORCE
    store.delete("policy-source", "default")
    assert snapshot.refresh().policies.policies["p"].policy.mode is Mode.OFF


@pytest.mark.parametrize("body", [{}, {"document": None}, {"document": {}}, {"document": {"id": "p", "effect": "allow"}},
                                  {"document": {**POLICY, "effect": "?"}}, {"document": {**POLICY, "link": [{}]}}, {"document": {**POLICY, "type": "?"}}])  # fmt: skip
def test_a_stored_policy_that_cannot_be_read_is_a_deny_policy_that_fails(
    store: Faulty, snapshot: Snapshot, body: dict[str, Any]
) -> None:
    store.put("AccessPolicy", "p", body)
    held = snapshot.refresh().policies
    assert (held.policies["p"].policy.effect, held.policies["p"].policy.links) == (Effect.DENY, None)
    assert held.broken() == 1
    for policy_type in POLICY_TYPES:
        assert [one.policy.id for one in held.candidates("anybody", policy_type)[1].denies.policies] == ["p"]


def test_a_stored_policy_that_cannot_be_read_can_be_switched_off(store: Faulty, snapshot: Snapshot) -> None:
    store.put("AccessPolicy", "p", {"document": {"mode": "off"}})
    assert snapshot.refresh().policies.candidates(None)[1].denies.policies == ()


@pytest.mark.parametrize("body", [{}, {"document": {}}, {"document": None, "generation": "g"}])
def test_a_stored_client_that_cannot_be_read_is_nobody(store: Faulty, snapshot: Snapshot, body: dict[str, Any]) -> None:
    store.put("Client", "c", body)
    assert snapshot.refresh().clients == {}


def test_the_age_is_that_of_the_last_successful_look(store: Faulty, snapshot: Snapshot, clock: Clock) -> None:
    assert snapshot.age() == float("inf")
    snapshot.refresh()
    clock.now += 7
    assert snapshot.age() == 7
    store.down = True
    with pytest.raises(StoreUnavailable):
        snapshot.refresh()
    assert snapshot.age() == 7
    store.down = False
    snapshot.refresh()
    assert snapshot.age() == 0


def test_a_gap_in_the_feed_leads_to_a_new_world_from_nothing(store: Faulty, snapshot: Snapshot) -> None:
    put_client(store, "a")
    snapshot.refresh()
    put_client(store, "b")
    store.delete("Client", "a")
    store.gap = True
    assert set(snapshot.refresh().clients) == {"b"}


def test_a_store_that_was_restored_from_a_backup_is_read_anew(tmp_path: Path) -> None:
    """What was made after the backup is gone, and what was deleted after it is back."""
    store = SqliteStore(tmp_path / "store")
    put_client(store, "a")
    store.put("SigningKey", "first", {})
    with closing(sqlite3.connect(tmp_path / "backup")) as backup, closing(sqlite3.connect(tmp_path / "store")) as live:
        live.backup(backup)
    snapshot = Snapshot(store, COMPILER)
    put_client(store, "b")
    store.delete("Client", "a")
    store.put("SigningKey", "2", {})
    assert set(snapshot.refresh().clients) == {"b"}
    with closing(sqlite3.connect(tmp_path / "backup")) as backup, closing(sqlite3.connect(tmp_path / "store")) as live:
        backup.backup(live)
    world = snapshot.refresh()
    assert (set(world.clients), set(world.keys)) == ({"a"}, {"first"})
    store.close()


def test_what_the_feed_has_missed_is_found_by_comparing_with_the_store(
    store: Faulty, snapshot: Snapshot, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    put_client(store, "seen")
    put_client(store, "going")
    snapshot.refresh()
    store.hidden = {"late", "going"}
    put_client(store, "late")
    store.delete("Client", "going")
    assert set(snapshot.refresh().clients) == {"seen", "going"}
    clock.now += RECONCILE_INTERVAL + 1
    assert set(snapshot.refresh().clients) == {"seen", "late"}
    assert "missed 2 changes" in caplog.text


def test_comparing_finds_nothing_where_nothing_was_missed(
    store: Faulty, snapshot: Snapshot, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    put_client(store, "a")
    put_managed(store, "r", POLICY)
    store.put("revocation", "sid", {})
    for _ in range(3):
        snapshot.refresh()
        clock.now += RECONCILE_INTERVAL + 1
    assert caplog.text == ""


def test_a_revocation_is_forgotten_only_when_the_store_has_let_it_expire(tmp_path: Path, clock: Clock) -> None:
    wall = Clock()
    store = SqliteStore(tmp_path / "expiring", clock=wall)
    snapshot = Snapshot(store, COMPILER, clock)
    store.put("revocation", "brief", {}, expires_at=wall.now + 10)
    store.put("revocation", "for-ever", {})
    assert set(snapshot.refresh().revoked) == {"brief", "for-ever"}
    wall.now += 11
    clock.now += RECONCILE_INTERVAL + 1
    assert set(snapshot.refresh().revoked) == {"for-ever"}
    store.close()


def test_the_revision_never_goes_back(store: Faulty, snapshot: Snapshot) -> None:
    seen = []
    for number in range(5):
        put_client(store, f"c{number}")
        seen.append(snapshot.refresh().revision)
        store.put("Patient", "1", {})
        seen.append(snapshot.refresh().revision)
    assert seen == sorted(set(seen))


def test_no_reader_ever_sees_a_mixture_of_two_sets(store: Faulty, snapshot: Snapshot) -> None:
    """Under continuous replacement, every world holds the policies of exactly one set."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns a thousand times more often than usual
    put_managed(store, "r0", {**POLICY, "id": "a0"}, {**POLICY, "id": "b0"})
    snapshot.refresh()
    done = threading.Event()
    mixed: list[set[str]] = []

    def read() -> None:
        while not done.is_set():
            held = snapshot.current.policies.policies
            if len({key[1:] for key in held}) != 1 or len(held) != 2:
                mixed.append(set(held))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(60):
        put_managed(store, f"r{number}", {**POLICY, "id": f"a{number}"}, {**POLICY, "id": f"b{number}"})
        snapshot.refresh()
    done.set()
    for reader in readers:
        reader.join()
    sys.setswitchinterval(usual)
    assert mixed == []


steps = st.lists(
    st.tuples(st.sampled_from(["client", "policy", "managed", "delete", "refresh"]), st.sampled_from("abc")),
    max_size=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_world_that_was_patched_equals_one_that_is_built_anew(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    store = SqliteStore(tmp_path / uuid.uuid4().hex)
    patched = Snapshot(store, COMPILER)
    patched.refresh()
    for number, (step, key) in enumerate(steps):
        if step == "client":
            put_client(store, key, name=str(number))
        elif step == "policy":
            put_policy(store, key, description=str(number), link=[{"reference": f"Client/{key}"}])
        elif step == "managed":
            put_managed(store, f"r{store.head()}", {**POLICY, "id": key})
        elif step == "delete" and store.get("Client", key) is not None:
            store.delete("Client", key)
        elif step == "refresh":
            patched.refresh()
    built = Snapshot(store, COMPILER).refresh()
    world = patched.refresh()
    assert world.clients == built.clients
    assert world.revision == built.revision
    policies = [{key: held.policy for key, held in made.policies.policies.items()} for made in (world, built)]
    assert policies[0] == policies[1]
    for client in (None, *"abc"):
        names = [
            [[c.policy.id for c in group.allows.policies] for group in made.policies.candidates(client)]
            for made in (world, built)
        ]
        assert names[0] == names[1]
    store.close()


def test_following_goes_on_after_the_store_has_been_away(store: Faulty) -> None:
    snapshot = Snapshot(store, COMPILER)
    snapshot.start()
    try:
        store.down = True
        put_client(store._store, "made-while-away")
        store.down = False
        deadline = threading.Event()
        for _ in range(600):
            if "made-while-away" in snapshot.current.clients:
                break
            deadline.wait(0.1)
        assert "made-while-away" in snapshot.current.clients
    finally:
        snapshot.stop()


def test_a_store_that_was_not_asked_is_nothing_new_for_the_log(
    store: Faulty, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("falconbox.snapshot.POLL_INTERVAL", 0.001)
    looks: list[StoreUnavailable] = []
    outage: list[StoreUnavailable] = [StoreNotAsked("it has not answered a moment ago")]

    def away(*_: object) -> None:
        looks.append(outage[-1])
        raise outage[-1]

    snapshot = Snapshot(store, COMPILER)
    snapshot.start()
    try:
        monkeypatch.setattr(store, "changes", away)
        until(lambda: len(looks) > 3)
        assert caplog.text == ""
        outage.append(StoreUnavailable("it is away"))
        until(lambda: "the store cannot be followed: it is away" in caplog.text)
    finally:
        snapshot.stop()
