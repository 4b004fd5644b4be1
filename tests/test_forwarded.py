"""Only a trusted proxy is believed about who stands behind it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from falconbox.errors import Malformed
from falconbox.forwarded import Proxies

TRUSTED = Proxies([ipaddress.ip_network("10.0.0.0/8")])


def environ(peer: str, **headers: str) -> dict[str, Any]:
    return {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", **headers}


def test_a_stranger_is_not_believed() -> None:
    asked = environ("192.0.2.1", HTTP_X_FORWARDED_FOR="127.0.0.1", HTTP_X_FORWARDED_PROTO="https")
    assert TRUSTED.origin(asked) == ("192.0.2.1", "http")
    assert Proxies().origin(environ("10.0.0.1", HTTP_X_FORWARDED_FOR="1.2.3.4")) == ("10.0.0.1", "http")


def test_a_trusted_proxy_is_believed_about_address_and_scheme() -> None:
    asked = environ("10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7", HTTP_X_FORWARDED_PROTO="https")
    assert TRUSTED.origin(asked) == ("198.51.100.7", "https")


def test_what_a_caller_wrote_before_the_proxy_is_not_believed() -> None:
    asked = environ("10.0.0.1", HTTP_X_FORWARDED_FOR="127.0.0.1, 198.51.100.7, 10.0.0.9")
    assert TRUSTED.origin(asked)[0] == "198.51.100.7"


def test_a_proxy_that_forwards_nothing_is_itself_the_peer() -> None:
    assert TRUSTED.origin(environ("10.0.0.1")) == ("10.0.0.1", "http")


@pytest.mark.parametrize(
    "headers",
    [{"HTTP_X_FORWARDED_FOR": "unknown"}, {"HTTP_X_FORWARDED_FOR": "1.2.3.4:80"}, {"HTTP_X_FORWARDED_PROTO": "gopher"}],
)
def test_words_of_a_trusted_proxy_that_make_no_sense_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        TRUSTED.origin(environ("10.0.0.1", **headers))


def test_a_peer_without_an_address_is_trusted_by_nobody() -> None:
    assert TRUSTED.origin(environ("", HTTP_X_FORWARDED_FOR="1.2.3.4"))[0] == ""


@pytest.mark.parametrize("zone", ["fe80::1%eth0", "fe80::1%\x1b[2J", "::1%<b>", "1.2.3.4\xa0", "1.2.3.4\x1f"])
def test_an_address_brings_no_text_with_it(zone: str) -> None:
    with pytest.raises(Malformed):
        TRUSTED.origin(environ("10.0.0.1", HTTP_X_FORWARDED_FOR=zone))


def test_an_address_of_ipv4_has_one_spelling() -> None:
    asked = environ("10.0.0.1", HTTP_X_FORWARDED_FOR="::ffff:198.51.100.7,\t::FFFF:a00:9")
    assert TRUSTED.origin(asked)[0] == "198.51.100.7"


def test_a_peer_that_is_seen_over_ipv6_is_known_by_its_address_of_ipv4() -> None:
    assert TRUSTED.origin(environ("::ffff:192.0.2.1", HTTP_X_FORWARDED_FOR="1.2.3.4"))[0] == "192.0.2.1"
    assert TRUSTED.origin(environ("::ffff:10.0.0.1", HTTP_X_FORWARDED_FOR="1.2.3.4"))[0] == "1.2.3.4"
    assert Proxies().origin(environ("::ffff:10.0.0.1"))[0] == "10.0.0.1"
