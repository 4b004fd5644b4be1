"""A profile reads its own headers and no others; what it is told twice, not at all or in no sense is not allowed."""

from __future__ import annotations

import io
import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.canonical import read_target
from falconbox.document import request_document
from falconbox.errors import FalconboxError, Malformed, UntrustedProxy
from falconbox.forward_auth.doors import NoDoor, ProfileDoor, profile_asked
from falconbox.forward_auth.profiles import PROFILES
from falconbox.forwarded import Proxies
from falconbox.model import ANONYMOUS
from falconbox.request import Request

TRUSTED = Proxies([ipaddress.ip_network("10.0.0.0/8")])
DOORS = {name: ProfileDoor(profile, TRUSTED) for name, profile in PROFILES.items()}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "forward-auth.md"
ALL = sorted(PROFILES)


def asking(name: str, method: str = "GET", target: str = "/Patient?a=1", **more: Any) -> dict[str, Any]:
    """Return the environ of a proxy's question, with everything told that it tells."""
    profile = PROFILES[name]
    environ = {
        "REQUEST_METHOD": method if profile.method is None else "GET",
        "REQUEST_URI": f"/forward-auth/{name}{target if profile.uri is None else ''}",
        "REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0",
        "HTTP_HOST": "falconbox:8080", profile.host: "service.example", profile.address: "198.51.100.7", profile.scheme: "https",
        "HTTP_ACCEPT": "*/*", "HTTP_AUTHORIZATION": "Basic eDp5", "HTTP_CONNECTION": "close",
    }  # fmt: skip
    if profile.method is not None and profile.uri is not None:
        environ |= {profile.method: method, profile.uri: target}
    return {key: value for key, value in (environ | more).items() if value is not None}


def document(request: Request) -> dict[str, Any]:
    asked = request_document(
        request.environ, request.body, method=request.method, scheme=request.scheme, target=request.target,
        remote_addr=request.remote_addr, caller=ANONYMOUS, unseen=request.unseen,
    )  # fmt: skip
    return dict(asked.read(body=True))


@pytest.mark.parametrize("name", ALL)
def test_the_original_request_is_the_one_that_is_described(name: str) -> None:
    request = DOORS[name].read(asking(name, "DELETE"))
    assert request.authorization == "Basic eDp5"
    assert document(request) == {
        "request-method": "delete", "uri": "/Patient", "query-string": "a=1", "params": {"a": "1", "resource/type": "Patient"},
        "scheme": "https", "remote-addr": "198.51.100.7", "headers": {"host": "service.example", "accept": "*/*"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("peer", ["192.0.2.1", "", "127.0.0.1", "::1"])
def test_only_trusted_proxies_may_ask(name: str, peer: str) -> None:
    with pytest.raises(UntrustedProxy):
        DOORS[name].read(asking(name, REMOTE_ADDR=peer))
    with pytest.raises(UntrustedProxy):
        ProfileDoor(PROFILES[name], Proxies()).read(asking(name))


NAMES = ["method", "uri"]


@pytest.mark.parametrize("name", [name for name in ALL if name != "envoy"])
@pytest.mark.parametrize("told", NAMES)
@pytest.mark.parametrize("value", [None, "", "{0}, {0}", " {0}", "{0} "])
def test_method_and_target_are_told_once_or_nothing_is_allowed(name: str, told: str, value: str | None) -> None:
    environ = asking(name)
    variable = getattr(PROFILES[name], told)
    value = None if value is None else value.format(environ[variable])
    with pytest.raises(Malformed):
        DOORS[name].read(asking(name, **{variable: value}))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", ["get", "Get", "GET POST", "GET\n", "GÉT", "GET/1", "(GET)"])
def test_a_method_is_one_word_in_upper_case(name: str, method: str) -> None:
    with pytest.raises(Malformed):
        DOORS[name].read(asking(name, method))


TWICE = {"address": ["198.51.100.7, x", "not-an-ip", "198.51.100.7:80", "fe80::1%eth0"], "scheme": ["https, http", "ws", ""],
         "host": ["a, b", "a,b", "", "a/b", "a b", "a@b:c", "a\x00"]}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("told", "value"), [(told, value) for told, values in TWICE.items() for value in values])
def test_what_makes_no_sense_is_not_allowed(name: str, told: str, value: str) -> None:
    with pytest.raises(Malformed):
        DOORS[name].read(asking(name, **{getattr(PROFILES[name], told): value}))


def test_where_one_address_is_told_two_are_too_many() -> None:
    for name in ("nginx", "envoy"):
        with pytest.raises(Malformed):
            DOORS[name].read(asking(name, HTTP_X_REAL_IP="198.51.100.7, 198.51.100.8"))


@pytest.mark.parametrize("name", ["traefik", "caddy", "haproxy"])
def test_of_a_list_of_addresses_the_last_one_counts_that_is_no_trusted_proxys(name: str) -> None:
    told = "127.0.0.1, 198.51.100.7, 10.0.0.9"
    assert DOORS[name].read(asking(name, HTTP_X_FORWARDED_FOR=told)).remote_addr == "198.51.100.7"


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_told_is_unknown(name: str) -> None:
    profile = PROFILES[name]
    told = {profile.address: "remote-addr", profile.scheme: "scheme", profile.host: "headers"}
    for variable, key in told.items():
        request = DOORS[name].read(asking(name, **{variable: None}))
        assert request.unseen == {key}
        assert key not in document(request)
    assert DOORS[name].read(asking(name)).unseen == set()


BODIES = {
    "nginx": ({}, {"HTTP_X_ORIGINAL_BODY": "unknown"}, {"HTTP_X_ORIGINAL_BODY": "none, none"}, {"HTTP_X_ORIGINAL_BODY": "None"}),
    "haproxy": ({}, {"HTTP_X_ORIGINAL_BODY": "unknown"}),
    "caddy": ({}, {"HTTP_X_ORIGINAL_BODY": "none"}, {"HTTP_X_ENVOY_AUTH_PARTIAL_BODY": "false"}),
    "traefik": ({}, {"HTTP_X_ORIGINAL_BODY": "none"}),
    "envoy": ({}, {"HTTP_X_ENVOY_AUTH_PARTIAL_BODY": "true"}, {"HTTP_X_ENVOY_AUTH_PARTIAL_BODY": "false"}, {"HTTP_X_ORIGINAL_BODY": "none"}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "told"), [(name, told) for name, all_told in BODIES.items() for told in all_told])
def test_a_body_that_may_be_there_is_unknown(name: str, told: dict[str, str]) -> None:
    request = DOORS[name].read(asking(name, **told))
    assert request.body.sent
    assert "body" not in document(request)


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_no_body_is_believed_where_the_configuration_says_so(name: str) -> None:
    assert not DOORS[name].read(asking(name, HTTP_X_ORIGINAL_BODY="none")).body.sent


SENT = {"CONTENT_LENGTH": "8", "CONTENT_TYPE": "application/json"}


@pytest.mark.parametrize(
    ("name", "told", "seen"),
    [
        ("traefik", {}, True),
        ("envoy", {"HTTP_X_ENVOY_AUTH_PARTIAL_BODY": "false"}, True),
        ("envoy", {"HTTP_X_ENVOY_AUTH_PARTIAL_BODY": "true"}, False),
        ("envoy", {}, False),
        ("nginx", {}, False),
        ("caddy", {}, False),
        ("haproxy", {}, False),
    ],
)
def test_a_body_is_seen_where_the_proxy_passes_it_on_as_a_whole(name: str, told: dict[str, str], seen: bool) -> None:
    request = DOORS[name].read(asking(name, "POST", **SENT, **told, **{"wsgi.input": io.BytesIO(b'{"a": 1}')}))
    assert document(request).get("body") == ({"a": 1} if seen else None)
    assert request.body.sent


def test_a_length_that_is_none_is_not_allowed_where_a_body_is_read() -> None:
    with pytest.raises(Malformed):
        DOORS["traefik"].read(asking("traefik", CONTENT_LENGTH="x"))


FOREIGN = sorted(
    {variable for profile in PROFILES.values() for variable in (profile.method, profile.uri, profile.address, profile.scheme) if variable}
    | {"HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_PORT", "HTTP_X_ORIGINAL_URL", "HTTP_X_REWRITE_URL",
       "HTTP_X_ENVOY_ORIGINAL_PATH", "HTTP_X_CLIENT_ID", "HTTP_X_SESSION_ID", "HTTP_X_DECISION_ID", "HTTP_X_FALCONBOX_TOKEN",
       "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_PROXY_AUTHORIZATION", "HTTP_COOKIE", "QUERY_STRING",
       "PATH_INFO", "SCRIPT_NAME", "RAW_URI"}
)  # fmt: skip


@given(
    st.sampled_from(ALL),
    st.dictionaries(st.sampled_from(FOREIGN), st.sampled_from(["/Admin", "DELETE", "203.0.113.9", "evil", ""])),
)
def test_a_header_of_another_profile_changes_nothing_and_is_in_no_document(name: str, foreign: dict[str, str]) -> None:
    profile = PROFILES[name]
    read = {profile.method, profile.uri, profile.address, profile.scheme, profile.host}
    told = {variable: value for variable, value in foreign.items() if variable not in read}
    assert document(DOORS[name].read(asking(name, **told))) == document(DOORS[name].read(asking(name)))


@given(st.sampled_from(ALL), st.text(st.characters(max_codepoint=0x17F), max_size=30))
def test_every_profile_reads_a_target_as_everything_else_does(name: str, text: str) -> None:
    for target in (text, f"/{text}", f"/Patient{text}", f"http://service.example/{text}"):
        try:
            expected = read_target(target, "service.example")
        except Malformed:
            with pytest.raises(Malformed):
                DOORS[name].read(asking(name, target=target))
        else:
            assert DOORS[name].read(asking(name, target=target)).target == expected


def test_an_absolute_target_names_the_host_that_is_told() -> None:
    assert DOORS["nginx"].read(asking("nginx", target="http://service.example/Patient")).target.path == "/Patient"
    for host in ("evil", None):
        with pytest.raises(Malformed):
            DOORS["nginx"].read(asking("nginx", target="http://service.example/Patient", HTTP_HOST=host))


def test_a_server_that_does_not_tell_the_target_as_sent_is_no_server_for_envoy() -> None:
    with pytest.raises(Malformed):
        DOORS["envoy"].read(asking("envoy", REQUEST_URI=None, PATH_INFO="/forward-auth/envoy/Patient"))


@pytest.mark.parametrize(
    ("target", "name"),
    [("/forward-auth/nginx", "nginx"), ("/forward-auth/nginx?uri=/Patient", "nginx"), ("/forward-auth/envoy", "envoy"),
     ("/forward-auth/envoy/Patient?a=/forward-auth/nginx", "envoy"), ("/forward-auth/envoy//Patient", "envoy"), ("/forward-auth/envoy/../nginx", "envoy"),
     ("/forward-auth", ""), ("/forward-auth?x", ""), ("/forward-auth/", ""), ("/forward-auth/NGINX", ""), ("/forward-auth/nginx/", ""),
     ("/forward-auth/nginx/Patient", ""), ("/forward-auth/../Client", ""), ("/forward-auth/%6eginx", ""), ("/forward-auth//nginx", ""),
     ("/forward-authx", None), ("/Patient", None), ("/", None), ("", None), ("//forward-auth/nginx", None), ("/%66orward-auth/nginx", None),
     ("http://box/forward-auth/nginx", None), ("*", None)],
)  # fmt: skip
def test_the_path_pins_the_profile(target: str, name: str | None) -> None:
    assert profile_asked(target) == name


def test_where_there_is_no_profile_nothing_is_read() -> None:
    with pytest.raises(FalconboxError, match="no such profile"):
        NoDoor().read(asking("nginx"))


WORDS = {"its own": None, "what follows `/forward-auth/envoy`": None}


def test_the_page_says_what_the_profiles_read() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert [name for name, _ in rows] == [*PROFILES]
    for name, row in rows:
        profile = PROFILES[name]
        cells = [cell.strip() for cell in row.split("|")]
        told = [
            WORDS[cell] if cell in WORDS else "HTTP_" + cell.strip("`").upper().replace("-", "_") for cell in cells[:5]
        ]
        assert told == [profile.method, profile.uri, profile.address, profile.scheme, profile.host]
        assert (cells[6] == "any") is profile.relays
