"""The client admin: made once, by one of several nodes, repaired when its making was cut short, restored on demand."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from falconbox import bootstrap
from falconbox.audit_log import AuditTrail
from falconbox.audit_log.trail import ENTRY
from falconbox.authentication.secrets import SecretHasher
from falconbox.bootstrap import write_secret
from falconbox.errors import Invalid, StoreUnavailable
from falconbox.recovery import recover
from falconbox.store.sqlite import SqliteStore
from faults import CutShort

HASHER = SecretHasher()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store")
    yield store
    store.close()


def ensure_admin(store: Any, *arguments: Any) -> str | None:
    return bootstrap.ensure_admin(store, AuditTrail(store), *arguments)


def secret_opens(store: SqliteStore, secret: str) -> bool:
    return HASHER.verify(store.get("Client", "admin").body["secrets"][0]["hash"], secret)


def test_the_first_start_makes_client_policy_and_secret(store: SqliteStore, tmp_path: Path) -> None:
    secret = ensure_admin(store, HASHER, None, tmp_path / "deep" / "secret")
    assert secret is not None
    assert (tmp_path / "deep" / "secret").read_text() == f"{secret}\n"
    assert secret_opens(store, secret)
    policy = store.get("AccessPolicy", "admin").body["document"]
    assert (policy["engine"], policy["link"]) == ("allow", [{"resourceType": "Client", "id": "admin"}])


def test_further_starts_write_nothing(store: SqliteStore, tmp_path: Path) -> None:
    ensure_admin(store, HASHER, "configured-secret", tmp_path / "secret")
    head = store.head()
    assert ensure_admin(store, HASHER, "configured-secret", tmp_path / "secret") is None
    assert ensure_admin(store, HASHER, None, tmp_path / "secret") is None
    assert store.head() == head
    assert not (tmp_path / "secret").exists()


def test_a_deleted_admin_does_not_come_back_with_a_changed_secret(store: SqliteStore, tmp_path: Path) -> None:
    ensure_admin(store, HASHER, "first-secret", tmp_path / "secret")
    store.delete("Client", "admin")
    ensure_admin(store, HASHER, "second-secret", tmp_path / "secret")
    assert store.get("Client", "admin") is None


@pytest.mark.parametrize("writes", range(5))
def test_a_first_start_that_was_cut_short_is_repaired_by_the_next(
    store: SqliteStore, tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "RACE", 0.0)
    with pytest.raises(StoreUnavailable):
        ensure_admin(CutShort(store, writes), HASHER, None, tmp_path / "secret")
    secret = ensure_admin(store, HASHER, None, tmp_path / "secret")
    assert secret is not None
    assert secret_opens(store, secret)
    assert (tmp_path / "secret").read_text() == f"{secret}\n"
    assert store.get("AccessPolicy", "admin") is not None
    assert ensure_admin(store, HASHER, None, tmp_path / "secret") is None


def test_of_two_nodes_that_start_at_once_one_makes_admin_and_its_secret_opens(
    store: SqliteStore, tmp_path: Path
) -> None:
    made: dict[int, str | None] = {}
    barrier = threading.Barrier(2)

    def start(node: int) -> None:
        barrier.wait()
        made[node] = ensure_admin(store, HASHER, None, tmp_path / f"secret-{node}")

    nodes = [threading.Thread(target=start, args=(node,)) for node in range(2)]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    shown = [secret for secret in made.values() if secret is not None]
    assert len(shown) == 1
    assert secret_opens(store, shown[0])


def test_of_nodes_that_start_at_once_with_a_changed_secret_none_fails_and_it_is_changed_once(
    store: SqliteStore, tmp_path: Path
) -> None:
    ensure_admin(store, HASHER, "first-secret", tmp_path / "secret")
    before = store.find(ENTRY).total
    failed: list[Exception] = []
    barrier = threading.Barrier(3)

    def start() -> None:
        barrier.wait()
        try:
            ensure_admin(store, HASHER, "second-secret", tmp_path / "secret")
        except Exception as error:
            failed.append(error)

    nodes = [threading.Thread(target=start) for _ in range(3)]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    assert failed == []
    assert secret_opens(store, "second-secret")
    assert store.find(ENTRY).total == before + 1
    head = store.head()
    ensure_admin(store, HASHER, "second-secret", tmp_path / "secret")
    assert store.head() == head


def test_a_secret_file_is_replaced_as_a_whole_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old and much longer than the new one")
    path.chmod(0o644)
    write_secret(path, "new")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_recovery_is_all_or_nothing_and_written_down(store: SqliteStore, tmp_path: Path) -> None:
    ensure_admin(store, HASHER, "first-secret", tmp_path / "secret")
    store.put("AccessPolicy", "own", {"document": {"id": "own", "engine": "allow", "effect": "deny"}})
    members = [{"type": "AccessPolicy", "id": "managed", "member": "m", "file": "deny.yaml"}]
    store.put("policy-source", "default", {"members": members})
    head = store.head()
    with pytest.raises(Invalid) as raised:
        recover(store, off=["own", "managed", "never-was"], secret=None, secret_file=tmp_path / "secret")
    assert [problem.pointer for problem in raised.value.problems] == ["AccessPolicy/managed", "AccessPolicy/never-was"]
    assert "deny.yaml" in raised.value.problems[0].detail
    assert store.head() == head
    done = recover(store, off=["own"], secret=None, secret_file=tmp_path / "secret")
    assert secret_opens(store, done.generated_secret)
    assert store.get("AccessPolicy", "own").body["document"]["mode"] == "off"
    records = [entry.body["record"] for entry in store.find(ENTRY).records]
    told = [(record["code"], record["resource"]) for record in records if record["actor"]["by"] == "command"]
    assert told == [
        ("policy-replaced", "AccessPolicy/own"), ("client-replaced", "Client/admin"), ("policy-replaced", "AccessPolicy/admin")
    ]  # fmt: skip
    assert records[-1]["actor"].keys() == {"by", "command", "user"}
    assert done.generated_secret not in str(records)


def test_recovery_switches_off_a_policy_that_cannot_be_read(store: SqliteStore, tmp_path: Path) -> None:
    store.put("AccessPolicy", "broken", {"nothing": "we know"})
    recover(store, off=["broken"], secret="a-new-secret", secret_file=tmp_path / "secret")
    assert store.get("AccessPolicy", "broken").body["document"]["mode"] == "off"
