"""A hash with other parameters is made anew after the next use: never for a wrong secret, never in anybody's way."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from falconbox.audit_log import AuditTrail
from falconbox.audit_log.trail import ENTRY
from falconbox.authentication import hashes
from falconbox.authentication.hashes import Recipe, read_recipe
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.upgrades import MOST, Upgrades
from falconbox.authentication.verification import CredentialVerifier
from falconbox.errors import StoreConflict, StoreUnavailable
from falconbox.mapping import client_from_record, secrets_from_body, with_secrets
from falconbox.model import Client, Source, StoredSecret
from falconbox.store.sqlite import SqliteStore

HASHER = SecretHasher()
SECRET = "s3cret-of-app"
DOCUMENT = {"id": "app", "grant_types": ["basic"]}
OLD = {
    "weaker": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=2, hash_len=16, salt_len=8).hash(SECRET),
    "stronger": PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1).hash(SECRET),
    "of a digest": HASHER.hash_sha256(hashlib.sha256(SECRET.encode()).hexdigest()),
}


class Node:
    """A store with one client, and what verifies its secrets."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.hasher = SecretHasher()
        self.upgrades = Upgrades(store, AuditTrail(store), self.hasher)
        self.verifier = CredentialVerifier(self.hasher, proven=self.upgrades.note)

    def put(self, *secrets: StoredSecret) -> None:
        self.store.put("Client", "app", with_secrets({"document": DOCUMENT, "generation": "g"}, secrets))

    @property
    def client(self) -> Client:
        record = self.store.get("Client", "app")
        assert record is not None
        return client_from_record(record)

    def use(self, secret: str = SECRET, client: Client | None = None, *, permitted: bool = True) -> bool:
        known = client or self.client
        return self.verifier.verify("basic", known.id, secret, known, permitted=permitted, address="192.0.2.1")

    def records(self) -> list[Any]:
        return [entry.body["record"] for entry in self.store.find(ENTRY).records]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    store = SqliteStore(tmp_path / "store")
    yield Node(store)
    store.close()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Every slow hash that is computed from now on, whatever for."""
    made: list[Recipe] = []
    compute = hashes.Recipe._compute
    monkeypatch.setattr(hashes.Recipe, "_compute", lambda recipe, known: made.append(recipe) or compute(recipe, known))
    return made


@pytest.mark.parametrize("old", OLD.values(), ids=OLD)
def test_after_the_next_use_the_hash_has_our_parameters_and_nothing_else_has_changed(node: Node, old: str) -> None:
    node.put(StoredSecret("7", old, 5.0, 9e9), StoredSecret("6", "ended", 1.0, 2.0))
    before = node.client
    assert node.use()
    assert node.client == before
    node.upgrades.work()
    after = node.client
    assert read_recipe(after.secrets[0].hash).is_current()
    assert after.version > before.version
    kept = dataclasses.replace(after.secrets[0], hash=old)
    assert dataclasses.replace(
        after, version=before.version, updated_at=before.updated_at, secrets=(kept, *after.secrets[1:])
    ) == before  # fmt: skip
    assert [node.use(secret) for secret in (SECRET, "wrong")] == [True, False]
    node.upgrades.work()
    assert node.client == after


def test_it_is_on_record_without_a_secret(node: Node) -> None:
    node.put(StoredSecret("7", OLD["weaker"]))
    node.use()
    node.upgrades.work()
    (record,) = node.records()
    assert (record["code"], record["actor"]) == ("client-secret-rehashed", {"by": "falconbox", "why": "next use"})
    assert record["before"] == record["after"]
    assert "argon2" not in str(record)


@pytest.mark.parametrize("old", OLD.values(), ids=OLD)
def test_a_verification_costs_one_slow_hash_right_or_wrong_and_nothing_wrong_causes_another(
    node: Node, computed: list[Recipe], old: str
) -> None:
    node.put(StoredSecret("7", old))
    nobody = dataclasses.replace(node.client, id="nobody", secrets=())
    for outcome, options in (
        (False, {"secret": "wrong"}),
        (False, {"permitted": False}),
        (False, {"client": nobody}),
        (True, {}),
    ):
        computed.clear()
        # One that remembers nothing, as after a minute.
        node.verifier = CredentialVerifier(node.hasher, proven=node.upgrades.note)
        assert node.use(**options) is outcome
        assert len(computed) == 1
        if not outcome:
            node.upgrades.work()
            assert len(computed) == 1
    computed.clear()
    assert node.use()
    assert computed == []
    node.upgrades.work()
    assert [recipe.is_current() for recipe in computed] == [True]


def test_several_live_secrets_keep_their_parameters_until_one_is_left(node: Node) -> None:
    beside = HASHER.hash("the new one", beside=OLD["weaker"])
    node.put(StoredSecret("8", beside, 5.0), StoredSecret("7", OLD["weaker"], 1.0, 9e9))
    before = node.client
    for secret in (SECRET, "the new one"):
        assert node.use(secret)
    node.upgrades.work()
    assert node.client == before
    node.put(StoredSecret("8", beside, 5.0), StoredSecret("7", OLD["weaker"], 1.0, 6.0))
    assert node.use("the new one")
    node.upgrades.work()
    assert read_recipe(node.client.secrets[0].hash).is_current()


def test_a_client_of_a_policy_directory_keeps_the_hash_of_its_file(node: Node) -> None:
    node.put(StoredSecret("7", OLD["weaker"]))
    before = node.client
    assert node.use(client=dataclasses.replace(before, source=Source("policies", "a.yaml")))
    node.upgrades.work()
    assert node.client == before


def test_a_change_in_between_wins_and_nothing_of_it_is_undone(node: Node) -> None:
    other = StoredSecret("9", HASHER.hash("another"))
    for secrets in ([other], [StoredSecret("7", OLD["weaker"]), other], []):
        node.put(StoredSecret("7", OLD["weaker"]))
        assert node.use()
        node.put(*secrets)
        before = node.client
        node.upgrades.work()
        assert node.client == before
    node.put(StoredSecret("7", OLD["weaker"]))
    assert node.use()
    node.store.delete("Client", "app")
    node.upgrades.work()
    assert node.store.get("Client", "app") is None
    assert node.records() == []


@pytest.mark.parametrize("error", [StoreConflict("overtaken", 5), StoreUnavailable("away")])
def test_a_write_that_fails_changes_nothing_is_told_and_is_tried_at_the_next_use(
    node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    node.put(StoredSecret("7", OLD["weaker"]))
    before = node.client
    assert node.use()
    put = node.store.put

    def fail(kind: str, *arguments: Any, **options: Any) -> Any:
        if kind == "Client":
            raise error
        return put(kind, *arguments, **options)

    with monkeypatch.context() as faulty, caplog.at_level(logging.WARNING):
        faulty.setattr(node.store, "put", fail)
        node.upgrades.work()
    assert "the secret of client app could not be hashed anew" in caplog.text
    assert SECRET not in caplog.text
    assert node.client == before
    node.upgrades.work()
    assert node.client == before
    # The next use that is not remembered any more, as after a minute.
    node.verifier = CredentialVerifier(node.hasher, proven=node.upgrades.note)
    assert node.use()
    node.upgrades.work()
    assert secrets_from_body(node.store.get("Client", "app").body)[0].hash != OLD["weaker"]


def test_no_more_secrets_wait_in_memory_than_may(node: Node) -> None:
    weak = StoredSecret("7", OLD["weaker"])
    node.put(weak)
    for number in range(MOST + 10):
        node.upgrades.note(dataclasses.replace(node.client, id=f"c{number}"), weak, SECRET)
    assert len(node.upgrades._waiting) == MOST
