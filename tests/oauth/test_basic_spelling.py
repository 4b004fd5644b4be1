"""Basic credentials mean the same, sent as they are or form-encoded, by whoever encodes them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from falconbox.authentication.secrets import generate_secret
from falconbox.model import ID_PATTERN
from falconbox.oauth.basic_spelling import read_spelling


def encode_all(text: str) -> str:
    """As oauth4webapi: everything but letters and digits is an escape, a space is a plus."""
    return quote_plus(text).replace("-", "%2D").replace("_", "%5F").replace(".", "%2E").replace("~", "%7E")


def encode_like_a_browser(text: str) -> str:
    return quote(text, safe="!~*'()")


def encode_like_java(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")


def encode_in_lower_case(text: str) -> str:
    first, *escaped = quote_plus(text).split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in escaped)])


ENCODERS = [quote_plus, encode_all, encode_like_a_browser, encode_like_java, encode_in_lower_case]
ids = st.from_regex(ID_PATTERN, fullmatch=True)
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40)
each_encoder = pytest.mark.parametrize("encode", ENCODERS, ids=lambda encode: encode.__name__)


@each_encoder
@given(client_id=ids, secret=secrets)
def test_an_encoded_secret_reads_back(encode: Callable[[str], str], client_id: str, secret: str) -> None:
    read, *meanings = read_spelling(encode(client_id), encode(secret))
    assert read == client_id
    assert secret in meanings


@each_encoder
@given(client_id=ids, secret=secrets)
def test_an_encoded_secret_with_an_escape_is_what_is_meant_in_the_first_place(
    encode: Callable[[str], str], client_id: str, secret: str
) -> None:
    assume("%" in encode(secret))
    assert read_spelling(encode(client_id), encode(secret))[1] == secret


@given(ids, secrets)
def test_a_secret_as_it_is_reads_back(client_id: str, secret: str) -> None:
    read, *meanings = read_spelling(client_id, secret)
    assert read == client_id
    assert secret in meanings


@given(ids, secrets)
def test_a_secret_without_percent_and_plus_has_one_meaning(client_id: str, secret: str) -> None:
    assume(not {"%", "+"} & set(secret))
    assert read_spelling(client_id, secret) == (client_id, secret, None)


@each_encoder
def test_a_generated_secret_is_what_is_meant_in_the_first_place_in_every_spelling(
    encode: Callable[[str], str],
) -> None:
    for _ in range(50):
        secret = generate_secret()
        assert read_spelling("my-app.1_2", secret) == ("my-app.1_2", secret, None)
        assert read_spelling(encode("my-app.1_2"), encode(secret))[:2] == ("my-app.1_2", secret)


@pytest.mark.parametrize(
    "secret",
    ["100%", "%zz", "a%2", "50%off", "a b%20c", "%41bc", "%7a", "100%25 of it", "sl/ash%20", "%ff", "%C3", "\u00e9%20", "a=%20", "a&b%26",
     "#%23", "p+w=", "p+w/", "", "a b+c"],
)  # fmt: skip
def test_what_no_encoder_writes_is_read_as_it_is(secret: str) -> None:
    assert read_spelling("me", secret) == ("me", secret, None)


@pytest.mark.parametrize(
    ("sent", "first", "second"),
    [("a+long+secret", "a+long+secret", "a long secret"), ("+", "+", " "), ("100%25", "100%", "100%25"), ("a%2Bb+c", "a+b c", "a%2Bb+c")],
)  # fmt: skip
def test_what_can_be_read_both_ways_has_two_meanings(sent: str, first: str, second: str) -> None:
    assert read_spelling("me", sent) == ("me", first, second)


def test_an_escape_in_the_id_says_that_the_secret_is_encoded_too() -> None:
    assert read_spelling("my%2Dapp", "a+long+secret") == ("my-app", "a long secret", None)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_has_the_same_meaning_twice_and_only_one_with_escapes_or_pluses_has_two(
    client_id: str, secret: str
) -> None:
    _, first, second = read_spelling(client_id, secret)
    assert first != second
    assert second is None or {"%", "+"} & set(secret)
