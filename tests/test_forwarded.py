"""Only a trusted proxy is believed about who stands behind it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from falconbox.canonical import canonical_target
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


RFC7239 = Proxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")], ["forwarded"])
WITH_HOST = Proxies([ipaddress.ip_network("10.0.0.0/8")], ["x-forwarded-for", "x-forwarded-host"])


@pytest.mark.parametrize(
    ("text", "address", "scheme", "host"),
    [
        ("for=198.51.100.7", "198.51.100.7", "http", "box"),
        ("for=198.51.100.7;proto=https;host=box.example", "198.51.100.7", "https", "box.example"),
        ('For="[2001:db8::1]:4711" ;proto=http'.replace(" ;", ";"), "2001:db8::1", "http", "box"),
        ('for=127.0.0.1, for="198.51.100.7:80";proto=https , for=10.0.0.9', "198.51.100.7", "https", "box"),
        ('proto=https;host="box.example:8443"', "10.0.0.1", "https", "box.example:8443"),
    ],
)
def test_a_forwarded_field_says_what_the_three_others_say(text: str, address: str, scheme: str, host: str) -> None:
    asked = environ("10.0.0.1", HTTP_FORWARDED=text, HTTP_HOST="box")
    assert RFC7239.origin(asked) == (address, scheme)
    assert RFC7239.host(asked) == host


@pytest.mark.parametrize(
    "text",
    ["", ",", "for", "for=", "for=1.2.3.4,", "for=1.2.3.4;", "for=1.2.3.4; proto=https", "for = 1.2.3.4", 'for="1.2.3.4', "for=unknown",
     "for=_hidden", "for=1.2.3.4;for=5.6.7.8", 'for="[fe80::1%eth0]"', "for=2001:db8::1", "for=1.2.3.4 proto=https", "proto=gopher",
     'for="1.2.3.4\\"', "for=1.2.3.4;proto=https;proto=http", "for=999.1.1.1"],
)  # fmt: skip
def test_a_forwarded_field_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        RFC7239.origin(environ("10.0.0.1", HTTP_FORWARDED=text))


def test_only_what_is_declared_is_believed_of_a_trusted_proxy() -> None:
    everything = {"HTTP_FORWARDED": "for=1.1.1.1;proto=https;host=one", "HTTP_X_FORWARDED_FOR": "2.2.2.2",
                  "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "two", "HTTP_X_REAL_IP": "3.3.3.3",
                  "HTTP_HOST": "box"}  # fmt: skip
    asked = environ("10.0.0.1", **everything)
    assert (*RFC7239.origin(asked), RFC7239.host(asked)) == ("1.1.1.1", "https", "one")
    assert (*TRUSTED.origin(asked), TRUSTED.host(asked)) == ("2.2.2.2", "https", "box")
    assert (*WITH_HOST.origin(asked), WITH_HOST.host(asked)) == ("2.2.2.2", "http", "two")
    stranger = environ("192.0.2.1", **everything)
    for proxies in (RFC7239, TRUSTED, WITH_HOST, Proxies()):
        assert (*proxies.origin(stranger), proxies.host(stranger)) == ("192.0.2.1", "http", "box")


def test_an_absolute_target_is_for_the_host_that_a_trusted_proxy_was_asked_for() -> None:
    asked = environ("10.0.0.1", HTTP_X_FORWARDED_HOST="box.example", HTTP_HOST="upstream", SCRIPT_NAME="", PATH_INFO="/Patient",
                    REQUEST_URI="http://box.example/Patient")  # fmt: skip
    assert canonical_target(asked, WITH_HOST.host(asked)).path == "/Patient"
    with pytest.raises(Malformed):
        canonical_target(asked, TRUSTED.host(asked))
