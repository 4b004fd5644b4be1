"""Secrets take each other's place with an overlap: none is lost while it lives, none lives longer than was said."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from falconbox.authentication.hashes import Recipe, read_recipe
from falconbox.authentication.rotation import MAX_SECRETS, rotated, stored_secret
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid
from falconbox.mapping import secrets_from_body, with_secrets
from falconbox.model import StoredSecret, live

HASHER = SecretHasher()
BODY = with_secrets({"document": {"id": "c"}, "generation": "g"}, [stored_secret(HASHER.hash("first"), 100.0)])
HOUR = 3600.0


def rotate(body: Any, secret: str, now: float, overlap: float = HOUR) -> dict[str, Any]:
    return rotated(body, secret, HASHER, overlap=overlap, now=now)


def opens(body: Any, secret: str, now: float) -> bool:
    return HASHER.find([held.hash for held in live(secrets_from_body(body), now)], secret) is not None


def test_the_old_secret_goes_on_for_the_overlap_and_the_new_one_for_ever() -> None:
    body = rotate(BODY, "second", 1000.0)
    newest, before = secrets_from_body(body)
    assert (newest.created, newest.expires, before.created, before.expires) == (1000.0, None, 100.0, 1000.0 + HOUR)
    for secret, now, right in (
        ("first", 1000.0 + HOUR - 1, True),
        ("first", 1000.0 + HOUR, False),
        ("second", 9e9, True),
    ):
        assert opens(body, secret, now) is right


def test_without_an_overlap_only_the_new_secret_is_left() -> None:
    body = rotate(rotate(BODY, "second", 1000.0), "third", 1001.0, overlap=0)
    assert [opens(body, secret, 1001.0) for secret in ("first", "second", "third")] == [False, False, True]
    assert len(body["secrets"]) == 1


def test_an_overlap_shortens_what_is_left_of_others_and_never_lengthens_it() -> None:
    body = rotate(BODY, "second", 1000.0, overlap=HOUR)
    shorter = secrets_from_body(rotate(body, "third", 1001.0, overlap=10))
    longer = secrets_from_body(rotate(body, "third", 1001.0, overlap=10 * HOUR))
    assert [held.expires for held in shorter] == [None, 1011.0, 1011.0]
    assert [held.expires for held in longer] == [None, 1001.0 + 10 * HOUR, 1000.0 + HOUR]


def test_no_more_secrets_live_than_there_can_be_and_the_refusal_says_until_when() -> None:
    body = BODY
    for number in range(MAX_SECRETS - 1):
        body = rotate(body, f"next {number}", 1000.0 + number)
    with pytest.raises(Invalid, match=r"the first expires at 1970-01-01T01:16:40\+00:00"):
        rotate(body, "one too many", 2000.0)
    assert len(rotate(body, "at last", 1000.0 + HOUR)["secrets"]) == MAX_SECRETS
    assert len(rotate(body, "now", 2000.0, overlap=0)["secrets"]) == 1


@pytest.mark.parametrize("secret", ["first", "second"])
def test_a_secret_that_is_live_already_is_no_new_one(secret: str) -> None:
    body = rotate(BODY, "second", 1000.0)
    with pytest.raises(Invalid, match="/secret is a secret of the client already"):
        rotate(body, secret, 1001.0)


def test_a_rotation_changes_nothing_but_the_secrets() -> None:
    body = rotate(BODY, "second", 1000.0)
    assert {name: body[name] for name in BODY if name != "secrets"} == {
        name: BODY[name] for name in BODY if name != "secrets"
    }


def test_a_client_without_a_secret_and_one_whose_hash_is_broken_get_one() -> None:
    for secrets in ([], [StoredSecret("0", "broken")]):
        body = rotate(with_secrets(BODY, secrets), "first", 1000.0)
        assert opens(body, "first", 1000.0)
        assert len(body["secrets"]) == 1


def test_a_secret_that_was_stored_before_there_could_be_several_goes_on() -> None:
    old = {"document": {"id": "c"}, "generation": "g", "secret_hash": HASHER.hash("first")}
    body = rotate(old, "second", 1000.0)
    assert opens(old, "first", 1000.0)
    assert "secret_hash" not in body
    assert [opens(body, secret, 1001.0) for secret in ("first", "second")] == [True, True]


FORMS = {
    "ours": HASHER.hash("first"),
    "weaker": PasswordHasher(time_cost=1, memory_cost=1024, parallelism=2, hash_len=16, salt_len=8).hash("first"),
    "of a digest": HASHER.hash_sha256(hashlib.sha256(b"first").hexdigest()),
}


@pytest.mark.parametrize("known", FORMS.values(), ids=FORMS)
def test_secrets_that_overlap_have_one_recipe_whatever_that_is_and_are_told_by_one_computation(known: str) -> None:
    body = rotate(with_secrets(BODY, [StoredSecret("0", known)]), "second", 1000.0)
    recipes = {read_recipe(held.hash) for held in secrets_from_body(body)}
    assert len(recipes) == 1
    hasher, computed = SecretHasher(), []
    compute = hasher._compute
    hasher._compute = lambda *arguments: computed.append(1) or compute(*arguments)  # type: ignore[method-assign]
    hashes = [held.hash for held in secrets_from_body(body)]
    found = [hasher.find(hashes, secret) for secret in ("second", "first", "wrong")]
    assert found == [*hashes, None]
    assert len(computed) == hasher.slow_verifications == 3


def test_a_hash_is_what_the_library_makes_and_verifies() -> None:
    assert PasswordHasher().verify(HASHER.hash("a secret"), "a secret")
    recipe = read_recipe(HASHER.hash("x"))
    assert recipe.is_current()
    assert not read_recipe(FORMS["weaker"]).is_current()
    assert not read_recipe(FORMS["of a digest"]).is_current()


@given(st.text(), st.text())
def test_two_secrets_have_one_hash_of_a_recipe_only_if_they_are_equal(one: str, other: str) -> None:
    recipe = Recipe(salt=b"12345678", memory=8, passes=1)
    assert (recipe.hash(one) == recipe.hash(other)) is (one == other)


def test_without_an_overlap_a_new_secret_has_a_salt_of_its_own() -> None:
    body = rotate(BODY, "second", 1000.0, overlap=0)
    (newest,) = secrets_from_body(body)
    assert read_recipe(newest.hash) != read_recipe(secrets_from_body(BODY)[0].hash)
