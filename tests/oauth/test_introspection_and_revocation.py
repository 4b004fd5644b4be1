"""Introspection tells those whom a token concerns, and nobody else anything; revocation ends a client's own tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from falconbox.audit_log import AuditTrail
from falconbox.audit_log.trail import ENTRY
from falconbox.decision_log.record import Asked
from falconbox.errors import OAuthRequestRefused, SnapshotStale, StoreUnavailable
from falconbox.model import Client
from falconbox.oauth.assertions import ClientAssertions
from falconbox.oauth.client_authentication import ClientAuthentication
from falconbox.oauth.endpoint import Answer, Endpoint, Origin
from falconbox.oauth.introspection import IntrospectionEndpoint
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.revocation import RevocationEndpoint
from falconbox.oauth.sessions import MARGIN, store_session
from falconbox.oauth.tokens import AccessTokens
from falconbox.store.sqlite import SqliteStore
from falconbox.world import World

ISSUER = "https://box"
HERE = Origin(Asked("POST", "/auth/x", "192.0.2.1", 0), "record")


def client(client_id: str, *audiences: str, **fields: Any) -> Client:
    known: dict[str, Any] = {
        "version": 1, "secrets": (), "generation": "g1", "active": True, "grant_types": frozenset({"client_credentials"}),
        "token_lifetime": 3600, "audiences": None, "public": {"id": client_id}, "updated_at": 0.0, "answers_to": frozenset({client_id, *audiences}),
    }  # fmt: skip
    return Client(client_id, **{**known, **fields})


CLIENTS = {
    "me": client("me"),
    "other": client("other"),
    "api": client("api", "https://api", grant_types=frozenset()),
    "never": client("never", token_lifetime=None),
}


def is_the_id(
    use: str,
    client_id: str,
    secret: str,
    client: Client | None,
    *,
    permitted: bool,
    address: str,
    otherwise: str | None,
) -> bool:
    return client_id in (secret, otherwise) and permitted


class Box:
    """Both endpoints on one store; a secret is right if it is the id."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.now = time.time()
        self.world = World(clients=CLIENTS)
        self.fresh = True
        self.refreshed = 0
        self.keys = SigningKeys.open(store)
        self.tokens = AccessTokens(self.keys, ISSUER, lambda: self.now)
        authentication = ClientAuthentication(
            lambda: self.world.clients,
            read_basic=lambda text: (text, text),
            verify=is_the_id,
            assertions=ClientAssertions(store, (ISSUER,)),
        )
        self.introspection = IntrospectionEndpoint(
            authentication, self.tokens, lambda: self.world, fresh=lambda: self.fresh, clock=lambda: self.now
        )
        self.revocation = RevocationEndpoint(
            authentication, self.tokens, store, AuditTrail(store), refresh=self._refresh
        )

    def _refresh(self) -> None:
        self.refreshed += 1
        revoked = {record.id: None for record in self.store.find("revocation").records}
        self.world = World(clients=self.world.clients, revoked=revoked)

    def issue(self, client_id: str = "me", *audience: str, scope: str | None = None) -> str:
        token, claims, kid = self.tokens.issue(CLIENTS[client_id], f"sid-{time.time_ns()}", audience, scope)
        store_session(self.store, claims, kid)
        return token

    def introspect(self, token: str, client_id: str = "me") -> Any:
        return dict(ask(self.introspection, token, client_id).body)

    def revoke(self, token: str, client_id: str = "me") -> Answer:
        return ask(self.revocation, token, client_id)


def ask(endpoint: Endpoint[Any], token: Any, client_id: str, **more: Any) -> Answer:
    sent = {"token": token, "client_id": client_id, "client_secret": client_id, **more}
    return endpoint.respond({name: value for name, value in sent.items() if value is not None}, None, HERE)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store = SqliteStore(tmp_path / "store")
    yield Box(store)
    store.close()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_client_is_told_what_its_own_token_says(box: Box) -> None:
    token = box.issue("me", "https://a", "https://b", scope="read write")
    claims = claims_of(token)
    told = {"active": True, "token_type": "bearer", **{name: claims[name] for name in claims if name != "gen"}}
    assert box.introspect(token) == told
    assert told.keys() >= {"iss", "sub", "client_id", "aud", "scope", "iat", "exp", "jti", "sid"}


def test_a_token_without_end_has_none_here_either(box: Box) -> None:
    assert "exp" not in box.introspect(box.issue("never"), "never")


@pytest.mark.parametrize("audience", [("https://api",), ("https://x", "https://api"), ("api",)])
def test_a_client_is_told_about_the_tokens_that_are_for_it_whatever_grants_it_has(
    box: Box, audience: tuple[str, ...]
) -> None:
    assert box.introspect(box.issue("me", *audience), "api")["client_id"] == "me"


@pytest.mark.parametrize("audience", [(), ("https://x",), ("https://api/",), ("https://API",), ("https://other",)])
def test_a_client_is_told_nothing_about_the_tokens_of_others(box: Box, audience: tuple[str, ...]) -> None:
    token = box.issue("me", *audience)
    assert box.introspect(token, "api") == box.introspect(token, "other") == {"active": False}


def test_a_token_that_has_come_to_its_end_is_not_active(box: Box) -> None:
    token = box.issue("me", "https://api")
    for changed in (
        client("me", generation="g2"),
        client("me", active=False),
        client("me", grant_types=frozenset({"basic"})),
        None,
    ):
        clients = {**CLIENTS, "me": changed} if changed else {"api": CLIENTS["api"]}
        box.world = World(clients=clients)
        assert box.introspect(token, "api") == {"active": False}
    box.world = World(clients=CLIENTS, revoked={claims_of(token)["sid"]: None})
    assert box.introspect(token, "api") == {"active": False}
    box.world = World(clients=CLIENTS)
    assert box.introspect(token, "api")["active"] is True
    box.now += 3600
    assert box.introspect(token, "api") == {"active": False}


@pytest.mark.parametrize("text", ["x", "a.b.c", "x" * 100_000, "\ud800", "eyJ.eyJ.AA"])
def test_what_is_no_token_of_ours_is_not_active_and_needs_no_revocation(box: Box, text: str) -> None:
    assert box.introspect(text) == {"active": False}
    assert (box.revoke(text).body, box.revoke(text).code) == ({}, "nothing-revoked")


def test_a_token_of_another_server_is_not_active(box: Box, tmp_path: Path) -> None:
    elsewhere = SqliteStore(tmp_path / "elsewhere")
    foreign = AccessTokens(SigningKeys.open(elsewhere), ISSUER).issue(CLIENTS["me"], "s").token
    other_issuer = AccessTokens(box.keys, "https://other").issue(CLIENTS["me"], "s").token
    elsewhere.close()
    for token in (foreign, other_issuer):
        assert box.introspect(token) == {"active": False}
        assert box.revoke(token).code == "nothing-revoked"


def test_what_cannot_be_known_to_be_good_is_not_said_to_be(box: Box) -> None:
    token = box.issue()
    box.fresh = False
    with pytest.raises(SnapshotStale):
        box.introspect(token)


def test_the_log_is_told_who_asked_about_which_session(box: Box) -> None:
    token = box.issue()
    told = ask(box.introspection, token, "me")
    assert (told.code, told.allow, told.caller.client, told.caller.session) == (
        "token-active", True, CLIENTS["me"], claims_of(token)["sid"]
    )  # fmt: skip
    told = ask(box.introspection, token, "other")
    assert (told.code, told.allow, told.caller.client, told.caller.session) == (
        "token-inactive", False, CLIENTS["other"], None
    )  # fmt: skip


def test_a_revoked_token_is_dead_before_that_is_acknowledged_and_stays_so(box: Box) -> None:
    token, other = box.issue(), box.issue()
    sid = claims_of(token)["sid"]
    answer = box.revoke(token)
    assert (answer.body, answer.code, answer.caller.session, box.refreshed) == ({}, "token-revoked", sid, 1)
    assert box.introspect(token) == {"active": False}
    assert box.introspect(other)["active"] is True
    assert box.store.get("Session", sid) is None
    assert box.store.get("revocation", sid).expires_at == claims_of(token)["exp"] + MARGIN
    assert box.revoke(token).code == "nothing-revoked"


def test_revoking_is_on_record_with_who_did_it(box: Box) -> None:
    token = box.issue()
    box.revoke(token)
    records = [entry.body["record"] for entry in box.store.find(ENTRY).records]
    (told,) = [record for record in records if record["code"] == "session-revoked"]
    assert (told["resource"], told["client"]) == (f"Session/{claims_of(token)['sid']}", "me")
    assert told["actor"] == {"by": "caller", "client": "me", "remote_addr": "192.0.2.1", "decision": "record"}


def test_the_token_of_another_client_is_not_revoked_and_the_client_is_told(box: Box) -> None:
    token = box.issue("me", "https://api")
    for client_id in ("other", "api"):
        with pytest.raises(OAuthRequestRefused) as refused:
            box.revoke(token, client_id)
        assert refused.value.error == "unauthorized_client"
        assert refused.value.caller.client is CLIENTS[client_id]
    assert box.introspect(token)["active"] is True
    assert box.store.find("revocation").total == 0


def test_a_token_whose_session_is_lost_is_revoked_all_the_same(box: Box) -> None:
    token = box.issue("never")
    sid = claims_of(token)["sid"]
    box.store.delete("Session", sid)
    assert box.revoke(token, "never").code == "token-revoked"
    assert box.store.get("revocation", sid).expires_at is None
    assert box.introspect(token, "never") == {"active": False}


@pytest.mark.parametrize("later", [-3600, -90, 3600, 3600 + MARGIN - 1])
def test_a_token_that_is_good_only_by_the_clock_of_another_node_is_revoked(box: Box, later: float) -> None:
    box.now = int(box.now)
    token = box.issue()
    box.now += later
    assert box.introspect(token) == {"active": False}
    assert box.revoke(token).code == "token-revoked"
    revoked = box.store.get("revocation", claims_of(token)["sid"])
    assert revoked is not None
    assert revoked.expires_at == claims_of(token)["exp"] + MARGIN


def test_a_token_that_no_clock_takes_for_good_needs_no_revocation(box: Box) -> None:
    token = box.issue()
    box.now += 3600 + MARGIN
    assert box.revoke(token).code == "nothing-revoked"


def test_of_many_who_revoke_the_same_at_the_same_moment_all_are_told_that_it_is_done(box: Box) -> None:
    for _ in range(10):
        token, answers, barrier = box.issue(), [], threading.Barrier(4)

        def revoke(token: str, answers: list[str], barrier: threading.Barrier) -> None:
            barrier.wait(60)
            answers.append(box.revoke(token).code)

        threads = [threading.Thread(target=revoke, args=(token, answers, barrier)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 4
        assert "token-revoked" in answers
        assert box.introspect(token) == {"active": False}


def test_a_revocation_that_cannot_be_stored_is_not_acknowledged(box: Box) -> None:
    token = box.issue()
    box.store.close()
    with pytest.raises(StoreUnavailable):
        box.revoke(token)


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_nobody_is_told_anything_without_authentication(box: Box, name: str) -> None:
    endpoint, token = getattr(box, name), box.issue()
    for changes, error in (
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_secret": None, "client_id": None}, "invalid_request"),
        ({"client_assertion": "x"}, "invalid_request"),
        ({"token": None}, "invalid_request"),
        ({"token": ""}, "invalid_request"),
        ({"token": ["x"]}, "invalid_request"),
        ({"token_type_hint": {}}, "invalid_request"),
    ):
        sent = {"token": token, "client_id": "me", "client_secret": "me", **changes}
        with pytest.raises(OAuthRequestRefused) as refused:
            endpoint.respond({key: value for key, value in sent.items() if value is not None}, None, HERE)
        assert refused.value.error == error, changes
    with pytest.raises(OAuthRequestRefused) as refused:
        endpoint.respond({"token": token}, f"Bearer {token}", HERE)
    assert (refused.value.error, refused.value.by_header) == ("invalid_client", True)


@pytest.mark.parametrize("name", ["introspection", "revocation"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something else"])
def test_a_hint_at_the_type_changes_nothing(box: Box, name: str, hint: str) -> None:
    answer = ask(getattr(box, name), box.issue(), "me", token_type_hint=hint)
    assert answer.code in ("token-active", "token-revoked")
