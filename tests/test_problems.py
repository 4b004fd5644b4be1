"""What goes with a 401: both challenges, and where the resource is described."""

from __future__ import annotations

import re

import pytest

from falconbox.errors import CredentialsRejected, CredentialsRequired, Forbidden, TokenRejected
from falconbox.oauth.metadata import metadata_of
from falconbox.problems import CHALLENGES, challenges, http_problem

PARAMETER = re.compile(r', resource_metadata="((?:[^"\\]|\\.)*)"$')


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://box.example", "https://box.example/.well-known/oauth-protected-resource"),
        ("http://[::1]:8080", "http://[::1]:8080/.well-known/oauth-protected-resource"),
        ("https://box.example/a/b", "https://box.example/.well-known/oauth-protected-resource/a/b"),
    ],
)
def test_the_bearer_challenge_names_the_place_that_rfc_9728_gives_the_metadata(resource: str, url: str) -> None:
    found = PARAMETER.search(challenges(metadata_of(resource)))
    assert found is not None
    assert found[1] == url


@pytest.mark.parametrize("path", ['/a"b', "/a\\", '/", realm="evil'])
def test_no_url_ends_the_string_that_it_stands_in(path: str) -> None:
    found = PARAMETER.search(challenges(f"https://box.example{path}"))
    assert found is not None
    assert re.sub(r"\\(.)", r"\1", found[1]) == f"https://box.example{path}"


def test_a_resource_without_metadata_has_both_challenges_and_names_none() -> None:
    assert challenges() == CHALLENGES == 'Basic realm="falconbox", charset="UTF-8", Bearer realm="falconbox"'


def test_what_is_wrong_with_a_token_is_said_in_the_bearer_challenge_alone() -> None:
    basic, bearer = challenges("https://box.example/m", "invalid_token").split(", Bearer ")
    assert basic == challenges().split(", Bearer ")[0]
    assert bearer == 'realm="falconbox", error="invalid_token", resource_metadata="https://box.example/m"'


@pytest.mark.parametrize("error", [CredentialsRejected("x"), TokenRejected("x"), CredentialsRequired("x")])
def test_every_401_has_the_challenges_of_its_door(error: CredentialsRejected | CredentialsRequired) -> None:
    assert dict(http_problem(error, "Some challenge").headers or {})["WWW-Authenticate"] == "Some challenge"
    assert dict(http_problem(error).headers or {})["WWW-Authenticate"] == CHALLENGES


def test_what_is_no_401_has_no_challenge() -> None:
    assert not http_problem(Forbidden("x"), "Some challenge").headers
