"""What is stored of a client: a new generation whenever its old tokens must not work any more, and how long new ones do."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox.mapping import client_body, client_from_body

CLIENT: dict[str, Any] = {
    "id": "me",
    "grant_types": ["basic", "client_credentials"],
    "scope": ["read", "write"],
    "auth": {"client_credentials": {"audience": ["https://a", "https://b"]}},
}


def generation_after(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    first = client_body(before, (), None)
    return first["generation"], client_body(after, (), first)["generation"]


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLIENT.items() if name not in names}


LESS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "switched off": (CLIENT, {**CLIENT, "active": False}),
    "a grant less": (CLIENT, {**CLIENT, "grant_types": ["client_credentials"]}),
    "a scope less": (CLIENT, {**CLIENT, "scope": ["read"]}),
    "no scope": (CLIENT, without("scope")),
    "another scope": (CLIENT, {**CLIENT, "scope": ["read", "list"]}),
    "an audience less": (CLIENT, {**CLIENT, "auth": {"client_credentials": {"audience": ["https://a"]}}}),
    "any audience before": (without("auth"), CLIENT),
}
NOT_LESS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the same": (CLIENT, CLIENT),
    "another order": (CLIENT, {**CLIENT, "scope": ["write", "read"]}),
    "a scope more": (CLIENT, {**CLIENT, "scope": ["read", "write", "list"]}),
    "the first scope": (without("scope"), CLIENT),
    "any audience": (CLIENT, without("auth")),
    "a name": (CLIENT, {**CLIENT, "name": "x"}),
    "switched on": ({**CLIENT, "active": False}, CLIENT),
}


@pytest.mark.parametrize(("before", "after"), LESS.values(), ids=LESS)
def test_a_client_that_may_do_less_than_before_gets_a_new_generation(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    old, new = generation_after(before, after)
    assert old != new


@pytest.mark.parametrize(("before", "after"), NOT_LESS.values(), ids=NOT_LESS)
def test_any_other_change_leaves_its_tokens_alone(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = generation_after(before, after)
    assert old == new


@pytest.mark.parametrize(("said", "seconds"), [({}, 3600), ({"access_token_expiration": 60}, 60), ({"access_token_expiration": "never"}, None)])  # fmt: skip
def test_tokens_live_for_an_hour_unless_their_client_says_otherwise(said: dict[str, Any], seconds: int | None) -> None:
    body = client_body({"id": "me", "auth": {"client_credentials": said}}, (), None)
    assert client_from_body(body, version=1, updated_at=0.0).token_lifetime == seconds
