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
def test_an_encoded_secret_reads_back_unless_spaces_are_all_that_was_encoded(
    encode: Callable[[str], str], client_id: str, secret: str
) -> None:
    sent = (encode(client_id), encode(secret))
    assume("%" in "".join(sent) or "+" not in sent[1])
    assert read_spelling(*sent) == (client_id, secret)


@given(ids, secrets)
def test_a_secret_as_it_is_reads_back_unless_it_looks_encoded_itself(client_id: str, secret: str) -> None:
    assume("%" not in secret)
    assert read_spelling(client_id, secret) == (client_id, secret)


@each_encoder
def test_a_generated_secret_has_one_meaning_in_every_spelling(encode: Callable[[str], str]) -> None:
    for _ in range(50):
        secret = generate_secret()
        assert read_spelling("my-app.1_2", secret) == ("my-app.1_2", secret)
        assert read_spelling(encode("my-app.1_2"), encode(secret)) == ("my-app.1_2", secret)


@pytest.mark.parametrize(
    "secret",
    ["100%", "%zz", "a%2", "50%off", "a b%20c", "%41bc", "%7a", "100%25 of it", "sl/ash%20", "%ff", "%C3", "\u00e9%20", "a=%20", "a&b%26",
     "#%23", "p+w", "p+w+", "", "+"],
)  # fmt: skip
def test_what_no_encoder_writes_is_read_as_it_is(secret: str) -> None:
    assert read_spelling("me", secret) == ("me", secret)


def test_an_escape_in_the_id_says_that_the_secret_is_encoded_too() -> None:
    assert read_spelling("my%2Dapp", "a+long+secret") == ("my-app", "a long secret")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_read_in_exactly_one_way(client_id: str, secret: str) -> None:
    first = read_spelling(client_id, secret)
    assert first == read_spelling(client_id, secret)
    assert first == (client_id, secret) or "%" in client_id + secret
