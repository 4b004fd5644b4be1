"""A secret's file that changes is read again while the service runs; one that is gone or broken changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import StoreUnavailable
from falconbox.managed import managed_records
from falconbox.mapping import secrets_from_body
from falconbox.plugins import load_plugins
from falconbox.store.sqlite import SqliteStore
from falconbox.sync import PolicyDirectory, Secrets

ADMISSION = Admission(load_plugins().engines)
HASHER = SecretHasher()
CLIENT = "resourceType: Client\nid: app\nsecret: { file: %s }\n"


class Node:
    """A store, and a policy directory with one client whose secret is in a file."""

    def __init__(self, folder: Path) -> None:
        self.policies = folder / "policies"
        self.policies.mkdir()
        self.secret = folder / "mounted" / "secret"
        self.secret.parent.mkdir()
        self.secret.write_text("s3cret-one\n")
        (self.policies / "app.yaml").write_text(CLIENT % self.secret)
        self.store = SqliteStore(folder / "store")
        self.meanwhile: Callable[[], Any] = lambda: None
        secrets = Secrets({}, HASHER)
        self.directory = PolicyDirectory(
            self.policies, self.store, AuditTrail(self.store), ADMISSION, secrets, wait=lambda _: self.meanwhile()
        )
        self.directory.bring_in()

    def opens(self, secret: str) -> bool:
        ((_, record, _),) = managed_records(self.store, "Client")
        return HASHER.find([held.hash for held in secrets_from_body(record.body)], secret) is not None


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    node.store.close()


def replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def test_a_file_that_has_changed_is_read_again_and_otherwise_nothing_is_done(node: Node) -> None:
    head = node.store.head()
    node.directory.look()
    assert node.store.head() == head
    replace(node.secret, "s3cret-two\n")  # as long as the one before
    node.directory.look()
    assert [node.opens(secret) for secret in ("s3cret-one", "s3cret-two")] == [False, True]
    head = node.store.head()
    node.directory.look()
    assert node.store.head() == head


def test_a_link_that_is_swapped_as_kubernetes_does_is_a_change(tmp_path: Path, node: Node) -> None:
    mounted = tmp_path / "volume"
    for number in ("one", "two"):
        (mounted / f"..{number}").mkdir(parents=True)
        (mounted / f"..{number}" / "secret").write_text(f"s3cret-{number}")
    (mounted / "..data").symlink_to("..one")
    (mounted / "secret").symlink_to("..data/secret")
    (node.policies / "app.yaml").write_text(CLIENT % (mounted / "secret"))
    node.directory.bring_in()
    assert node.opens("s3cret-one")
    (mounted / "..data_tmp").symlink_to("..two")
    (mounted / "..data_tmp").replace(mounted / "..data")
    node.directory.look()
    assert [node.opens(secret) for secret in ("s3cret-one", "s3cret-two")] == [False, True]


@pytest.mark.parametrize("text", [None, b"", b"\n", b"\xff", b"__sha256:" + b"0" * 64])
def test_a_file_that_is_gone_or_broken_changes_nothing_is_told_and_counts_again_when_it_is_back(
    node: Node, caplog: pytest.LogCaptureFixture, text: bytes | None
) -> None:
    head = node.store.head()
    node.secret.unlink()
    if text is not None:
        node.secret.write_bytes(text)
    with caplog.at_level(logging.ERROR):
        node.directory.look()
        node.directory.look()
    assert len(caplog.records) == 1
    assert "the last good set stays in force: app.yaml:3:1: /secret" in caplog.text
    assert "s3cret" not in caplog.text
    assert node.directory.problem is not None
    assert (node.store.head(), node.opens("s3cret-one")) == (head, True)
    replace(node.secret, "s3cret-two")
    node.directory.look()
    assert node.directory.problem is None
    assert node.opens("s3cret-two")


def test_a_secret_that_changes_while_the_directory_is_broken_counts_once_it_is_mended(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    (node.policies / "other.yaml").write_text("id: [")
    replace(node.secret, "s3cret-two")
    for _ in range(3):
        node.directory.look()
    assert node.directory.problem is not None
    assert node.opens("s3cret-one")
    assert [record.levelname for record in caplog.records] == ["ERROR"], "told once"
    (node.policies / "other.yaml").unlink()
    node.directory.look()
    assert node.directory.problem is None
    assert [node.opens(secret) for secret in ("s3cret-one", "s3cret-two")] == [False, True]


def test_a_file_that_is_still_being_written_is_not_read(node: Node) -> None:
    node.secret.write_text("s3cr")
    node.meanwhile = lambda: node.secret.write_text("s3cret-t")
    node.directory.look()
    assert node.opens("s3cret-one")
    node.meanwhile = lambda: None
    node.secret.write_text("s3cret-two")
    node.directory.look()
    assert node.opens("s3cret-two")


def test_a_change_while_the_store_is_away_is_brought_in_when_it_is_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(node.secret, "s3cret-two")

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as faulty:
        faulty.setattr(node.store, "put", away)
        with pytest.raises(StoreUnavailable):
            node.directory.look()
    assert node.opens("s3cret-one")
    node.directory.look()
    assert node.opens("s3cret-two")
