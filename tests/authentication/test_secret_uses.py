"""When a client's secret was used last: told whoever was let in by it, kept beside the client, forgotten with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from falconbox.authentication import secret_uses
from falconbox.authentication.secret_uses import KIND, SecretUses, forget_gone, last_uses
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.verification import CredentialVerifier
from falconbox.compiling import PolicyCompiler
from falconbox.errors import StoreUnavailable
from falconbox.mapping import client_from_record, with_secrets
from falconbox.model import Client, StoredSecret
from falconbox.oauth.client_sessions import SETTLED
from falconbox.resources.shown import shown
from falconbox.snapshot import Snapshot
from falconbox.store.sqlite import SqliteStore

START = 1_800_000_000
HASH = SecretHasher().hash("newest")
NEWEST, OLDER = StoredSecret("2", HASH, 5.0), StoredSecret("1", SecretHasher().hash("older", beside=HASH), 1.0, 4e9)


class Clock:
    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield store
    store.close()


def put(store: SqliteStore, client_id: str, *secrets: StoredSecret) -> Client:
    document = {"id": client_id, "grant_types": ["basic"]}
    return client_from_record(
        store.put("Client", client_id, with_secrets({"document": document, "generation": "g"}, secrets))
    )


def told(client: Client, uses: Any) -> list[Any]:
    return [secret.get("last_used") for secret in shown(client, uses)["meta"]["secrets"]]


def test_whoever_is_let_in_has_used_a_secret_and_whoever_is_not_has_used_none(store: SqliteStore) -> None:
    client, noted = put(store, "app", NEWEST, OLDER), []
    verifier = CredentialVerifier(SecretHasher(), used=lambda *ids: noted.append(ids))

    def tried(secret: str, *, permitted: bool = True, use: str = "basic") -> bool:
        return verifier.verify(use, "app", secret, client, permitted=permitted, address="192.0.2.1")

    for secret, secret_id in (("newest", "2"), ("older", "1")):
        for use in ("basic", "client_authentication"):
            # The second time it is remembered, and not verified.
            for _ in range(2):
                noted.clear()
                assert tried(secret, use=use)
                assert noted == [("app", secret_id)]
    noted.clear()
    for _ in range(2):
        assert not tried("wrong")
        assert not tried("newest", permitted=False)
        assert not tried("older", permitted=False, use="other")
    assert not verifier.verify("basic", "nobody", "newest", None, permitted=False, address="192.0.2.1")
    assert noted == []


def test_each_secret_has_its_own_time_and_one_that_was_never_used_has_none(store: SqliteStore, clock: Clock) -> None:
    client, uses = put(store, "app", NEWEST, OLDER), SecretUses(store, clock)
    assert last_uses(store, [client]) == {}
    clock.now = START + 119
    uses.note("app", "1")
    assert last_uses(store, [client]) == {}
    uses.write()
    assert told(client, last_uses(store, [client])) == [None, "2027-01-15T08:01:00.000Z"]
    assert all(None not in secret.values() for secret in shown(client, last_uses(store, [client]))["meta"]["secrets"])


def test_of_several_nodes_the_later_use_counts_whoever_writes_first(store: SqliteStore, clock: Clock) -> None:
    client, one, other = put(store, "app", NEWEST), SecretUses(store, clock), SecretUses(store, clock)
    one.note("app", "2")
    clock.now += 120
    other.note("app", "2")
    other.write()
    one.write()
    assert last_uses(store, [client]) == {"app/2": START + 120}


def test_a_use_is_no_change_of_the_client_and_wakes_nobody_who_follows_the_store(
    store: SqliteStore, clock: Clock
) -> None:
    client, uses, head = put(store, "app", NEWEST), SecretUses(store, clock), store.head()
    record = store.get("Client", "app")
    uses.note("app", "2")
    uses.write()
    assert last_uses(store, [client]) == {"app/2": START}
    assert (store.get("Client", "app"), store.head()) == (record, head)
    assert store.changes(head, ["Client", KIND]).items == ()


def test_what_is_stored_of_a_use_is_two_ids_and_a_time_and_nothing_of_the_secret(
    store: SqliteStore, clock: Clock
) -> None:
    uses = SecretUses(store, clock)
    put(store, "app", NEWEST)
    uses.note("app", "2")
    uses.write()
    (record,) = store.find(KIND).records
    assert (record.id, record.body) == ("app/2", {"last_used": START})


def test_a_use_that_cannot_be_written_is_written_later(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, uses = put(store, "app", NEWEST), SecretUses(store, clock)

    def fail(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("away")

    uses.note("app", "2")
    with monkeypatch.context() as away:
        away.setattr(store, "mark_used", fail)
        with pytest.raises(StoreUnavailable):
            uses.write()
    assert last_uses(store, [client]) == {}
    uses.write()
    assert last_uses(store, [client]) == {"app/2": START}


def test_a_use_goes_with_its_secret_or_its_client_and_no_other_does(store: SqliteStore, clock: Clock) -> None:
    snapshot, uses = Snapshot(store, PolicyCompiler({})), SecretUses(store, clock)
    for client_id in ("stays", "rotated", "ended", "deleted", "dele", "unreadable"):
        put(store, client_id, NEWEST, OLDER)
        uses.note(client_id, "2")
        uses.note(client_id, "1")
    uses.write()
    put(store, "rotated", NEWEST)
    put(store, "ended", NEWEST, StoredSecret("1", OLDER.hash, 1.0, START + 1.0))
    store.delete("Client", "deleted")
    store.put("Client", "unreadable", {"document": {"id": "unreadable"}})
    # Young ones are left alone: they may be those of secrets that are not seen here yet.
    clock.now += SETTLED
    assert forget_gone(store, snapshot.refresh, clock.now) == 0
    clock.now += 1
    assert forget_gone(store, snapshot.refresh, clock.now) == 6
    assert [record.id for record in store.find(KIND).records] == [
        "dele/1", "dele/2", "ended/2", "rotated/2", "stays/1", "stays/2",
    ]  # fmt: skip
    assert forget_gone(store, snapshot.refresh, clock.now) == 0
    uses.note("stays", "2")
    uses.write()
    assert store.get(KIND, "stays/2").body["last_used"] > START


def test_more_than_can_be_looked_at_together_are_all_looked_at(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_uses, "TOGETHER", 2)
    snapshot, uses = Snapshot(store, PolicyCompiler({})), SecretUses(store, clock)
    clients = [put(store, f"c{number}", NEWEST, OLDER) for number in range(4)]
    for client in clients[1:]:
        uses.note(client.id, "1")
    uses.note("gone", "1")
    uses.write()
    assert last_uses(store, clients) == {f"c{number}/1": START for number in range(1, 4)}
    clock.now += SETTLED + 1
    assert forget_gone(store, snapshot.refresh, clock.now) == 1
    assert last_uses(store, clients) == {f"c{number}/1": START for number in range(1, 4)}
