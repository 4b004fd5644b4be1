"""Sessions: when they were used last, and what becomes of them when all of a client are revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from falconbox.audit_log import AuditTrail, by_itself
from falconbox.authentication.bearer import BearerAuthentication
from falconbox.compiling import PolicyCompiler
from falconbox.errors import CredentialsRejected
from falconbox.mapping import client_body
from falconbox.oauth.client_sessions import SETTLED, forget_dead_sessions, forget_sessions, is_known, revoke_all
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.sessions import KIND, is_live, revocation, revoke_session, store_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.snapshot import Snapshot
from falconbox.store.sqlite import SqliteStore
from falconbox.world import EPOCH

START = 1_800_000_000.0
ACTOR = by_itself("a test")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Faulty:
    """A store that fails, or does something first, when one of its methods is called."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.before: dict[str, Callable[[], object]] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        self.before.get(name, lambda: None)()
        return getattr(self._store, name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Faulty]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield Faulty(store)
    store.close()


class Node:
    """A node with two clients, which gives out tokens and looks at them."""

    def __init__(self, store: Faulty, clock: Clock) -> None:
        self.store: Any = store
        self.clock = clock
        for client_id in ("app", "other"):
            document = {"id": client_id, "grant_types": ["client_credentials"]}
            self.store.put("Client", client_id, client_body(document, (), None))
        keys = SigningKeys.open(self.store, clock=clock)
        self.snapshot = Snapshot(self.store, PolicyCompiler({}), prepare=lambda world: keys.follow(world.keys))
        self.tokens = AccessTokens(keys, "https://box", clock)
        self.bearer = BearerAuthentication(self.tokens, clock)
        self.snapshot.refresh()
        self.number = 0

    def issue(self, client_id: str = "app", *, sign_first: Callable[[], object] = lambda: None) -> str:
        """Give out a token; `sign_first` happens between its signing and the storing of its session."""
        self.number += 1
        token, claims, kid = self.tokens.issue(self.snapshot.current.clients[client_id], f"s{self.number:05d}")
        sign_first()
        store_session(self.store, claims, kid)
        return token

    def accepts(self, token: str) -> bool:
        try:
            self.bearer.authenticate(token, self.snapshot.refresh())
        except CredentialsRejected:
            return False
        return True

    def sessions(self, client_id: str = "app") -> list[str]:
        return [record.id for record in self.store.find(KIND, {"client": client_id}, limit=1000).records]

    def revoke_all(self, client_id: str = "app") -> int:
        revoke_all(self.store, AuditTrail(self.store), ACTOR, client_id)
        return forget_sessions(self.store, client_id)


@pytest.fixture
def node(store: Faulty, clock: Clock) -> Node:
    return Node(store, clock)


def test_all_tokens_of_a_client_stop_and_those_of_others_do_not(node: Node) -> None:
    mine, theirs = [node.issue() for _ in range(3)], node.issue("other")
    assert all(map(node.accepts, [*mine, theirs]))
    assert node.revoke_all() == 3
    assert [node.accepts(token) for token in [*mine, theirs]] == [False, False, False, True]
    assert (node.sessions(), len(node.sessions("other"))) == ([], 1)


def test_a_token_that_is_issued_afterwards_works_and_keeps_its_session(node: Node) -> None:
    node.issue()
    for _ in range(3):
        node.revoke_all()
        node.snapshot.refresh()
        token = node.issue()
        assert node.accepts(token)
        assert len(node.sessions()) == 1


def test_revoked_tokens_do_not_come_back_when_their_client_is_written_or_made_anew(node: Node) -> None:
    token, record = node.issue(), node.store.get("Client", "app")
    node.revoke_all()
    node.store.put("Client", "app", client_body(record.body["document"] | {"name": "App"}, (), record.body))
    assert not node.accepts(token)
    node.store.delete("Client", "app")
    node.store.put("Client", "app", record.body)
    assert not node.accepts(token)


def test_the_tokens_of_a_client_from_a_policy_directory_stop_too(node: Node) -> None:
    body = client_body({"id": "managed", "grant_types": ["client_credentials"]}, (), None)
    node.store.put("managed-member", "m", body)
    members = [{"type": "Client", "id": "managed", "member": "m", "file": "f"}]
    node.store.put("policy-source", "default", {"revision": "r", "directory": "d", "members": members})
    node.snapshot.refresh()
    token = node.issue("managed")
    assert node.accepts(token)
    assert is_known(node.store, "managed")
    node.revoke_all("managed")
    assert not node.accepts(token)


def test_cut_short_after_its_first_write_a_revocation_has_stopped_every_token_and_can_be_repeated(node: Node) -> None:
    tokens = [node.issue() for _ in range(4)]

    def fail() -> None:
        raise KeyboardInterrupt

    node.store.before["remove"] = fail
    with pytest.raises(KeyboardInterrupt):
        node.revoke_all()
    assert not any(map(node.accepts, tokens))
    assert len(node.sessions()) == 4
    assert not any(is_live(node.store.get(KIND, sid), node.snapshot.current) for sid in node.sessions())
    node.store.before.clear()
    node.snapshot.refresh()
    fresh = node.issue()
    assert node.revoke_all() == 5
    assert (node.sessions(), node.accepts(fresh)) == ([], False)


def test_a_token_that_is_being_issued_meanwhile_is_stopped_or_keeps_its_session(node: Node) -> None:
    """Signed before and stored after: dead. Issued while the dead ones are removed: alive, with a session."""
    late = node.issue(sign_first=node.revoke_all)
    assert not node.accepts(late)
    assert len(node.sessions()) == 1
    alive: list[str] = []

    def issue_once() -> None:
        node.store.before.clear()
        node.snapshot.refresh()
        alive.append(node.issue())

    node.store.before["remove"] = issue_once
    assert node.revoke_all() == 1
    assert node.accepts(alive[0])
    assert len(node.sessions()) == 1


def test_of_revocations_at_the_same_moment_each_stops_what_was_there_before_it(node: Node) -> None:
    token = node.issue()

    def overtake() -> None:
        del node.store.before["put"]
        node.revoke_all()

    node.store.before["put"] = overtake
    node.revoke_all()
    assert not node.accepts(token)
    assert node.store.find(EPOCH).total == 1


def test_thousands_of_sessions_are_stopped_by_one_write_and_removed_by_few(node: Node) -> None:
    body = {"client": "app", "audience": ["https://box"], "issued_at": 0, "generation": "old"}
    for number in range(1200):
        node.store.append(KIND, f"x{number}", body, fields={"client": ["app"]})
    node.store.calls.clear()
    assert node.revoke_all() == 1200
    assert len(node.store.calls) < 20
    assert node.sessions() == []


def test_a_client_is_known_by_itself_or_by_its_sessions(node: Node) -> None:
    node.issue()
    node.store.delete("Client", "app")
    assert [is_known(node.store, client_id) for client_id in ("app", "other", "nobody")] == [True, True, False]


def test_sessions_whose_tokens_can_never_be_used_again_are_forgotten_and_no_other(node: Node, clock: Clock) -> None:
    dead = node.issue(sign_first=node.revoke_all)
    gone = node.issue("other")
    node.snapshot.refresh()
    alive = node.issue()
    node.store.append(
        KIND, "from before", {"client": "app", "audience": [], "issued_at": 0}, fields={"client": ["app"]}
    )
    node.store.delete("Client", "other")
    young = forget_dead_sessions(node.store, node.snapshot.refresh, clock.now)
    assert (young, len(node.sessions()), len(node.sessions("other"))) == (0, 3, 1)
    clock.now += SETTLED + 1
    assert forget_dead_sessions(node.store, node.snapshot.refresh, clock.now) == 2
    assert (node.sessions(), node.sessions("other")) == (["from before", "s00003"], [])
    assert [node.accepts(token) for token in (dead, gone, alive)] == [False, False, True]


def test_a_session_whose_key_is_gone_is_forgotten(node: Node, clock: Clock) -> None:
    token = node.issue()
    node.store.delete("SigningKey", "first")
    clock.now += SETTLED + 1
    assert not node.accepts(token)
    assert forget_dead_sessions(node.store, node.snapshot.refresh, clock.now) == 1


def test_a_session_is_live_as_long_as_its_token_is(node: Node) -> None:
    token = node.issue()
    session = node.store.get(KIND, "s00001")
    assert is_live(session, node.snapshot.refresh())
    record = node.store.get("Client", "app")
    node.store.put("Client", "app", client_body({"id": "app", "active": False}, (), record.body))
    assert (node.accepts(token), is_live(session, node.snapshot.refresh())) == (False, False)
    node.store.put("Client", "app", record.body)
    assert is_live(session, node.snapshot.refresh())
    with AuditTrail(node.store).change(revocation(ACTOR, session)):
        revoke_session(node.store, session)
    assert (node.accepts(token), is_live(session, node.snapshot.refresh())) == (False, False)


def test_the_session_of_an_accepted_token_is_noted_and_that_of_a_rejected_one_is_not(node: Node) -> None:
    noted: list[str] = []
    bearer = BearerAuthentication(node.tokens, node.clock, used=noted.append)
    token = node.issue()
    for _ in range(2):
        bearer.authenticate(token, node.snapshot.current)
    node.revoke_all()
    with pytest.raises(CredentialsRejected):
        bearer.authenticate(token, node.snapshot.refresh())
    assert noted == ["s00001", "s00001"]
