"""What real proxies send, byte by byte, to the real service: decided on as what they were asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import serving
from serving import Box

pytestmark = pytest.mark.blackbox
BASIC = "Basic YXBpLWNvbnN1bWVyOnZlcnlzZWNyZXRzdHJpbmc="

# From what Traefik 3 (pkg/middlewares/auth/forward.go) and Envoy (ext_authz_http_impl.cc) do with the request
# `GET /Patient?active=true` of curl; of the others it is what a socket received from nginx 1.22, Caddy 2.6 and
# HAProxy 2.6 with the configurations of the how-to pages.
SENT = {
    "nginx": """\
{own} /forward-auth/nginx HTTP/1.1
Host: service.example
X-Original-Method: {method}
X-Original-URI: {target}
X-Original-Body: none
X-Real-IP: 198.51.100.7
X-Forwarded-Proto: https
Authorization: {basic}
User-Agent: curl/8.5.0
Accept: */*
{more}
""",
    "caddy": """\
{own} /forward-auth/caddy?active=true HTTP/1.1
Host: service.example
User-Agent: curl/8.5.0
Accept: */*
Authorization: {basic}
X-Forwarded-For: 198.51.100.7
X-Forwarded-Host: service.example
X-Forwarded-Method: {method}
X-Forwarded-Proto: https
X-Forwarded-Uri: {target}
Accept-Encoding: gzip
{more}
""",
    "haproxy": """\
{own} /forward-auth/haproxy HTTP/1.1
x-forwarded-host: service.example
x-forwarded-proto: https
x-original-body: none
x-original-method: {method}
accept: */*
authorization: {basic}
x-forwarded-for: 198.51.100.7
user-agent: curl/8.5.0
x-original-uri: {target}
host: 127.0.0.1:8080
{more}
""",
    "traefik": """\
{own} /forward-auth/traefik HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: curl/8.5.0
Accept: */*
Authorization: {basic}
X-Forwarded-For: 198.51.100.7
X-Forwarded-Host: service.example
X-Forwarded-Method: {method}
X-Forwarded-Port: 443
X-Forwarded-Proto: https
X-Forwarded-Server: gateway
X-Forwarded-Uri: {target}
X-Real-Ip: 198.51.100.7
Accept-Encoding: gzip
{more}
""",
    "envoy": """\
{method} /forward-auth/envoy{target} HTTP/1.1
host: service.example
content-length: 0
authorization: {basic}
x-real-ip: 198.51.100.7
x-forwarded-proto: https
x-envoy-internal: true
x-forwarded-for: 172.17.0.3
x-envoy-expected-rq-timeout-ms: 1000
{more}
""",
}
OWN = {"haproxy": "HEAD"}
BARE = """\
{method} /forward-auth/envoy{target} HTTP/1.1
host: service.example
content-length: 0
authorization: {basic}
x-envoy-internal: true
x-forwarded-for: 127.0.0.1
x-envoy-expected-rq-timeout-ms: 200

"""
"""Envoy with nothing configured but the path."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    everything = {
        "remote-addr": "198.51.100.7",
        "scheme": "https",
        "uri": "/told",
        "request-method": "get",
        "query-string": "active=true",
    }
    told: dict[str, Any] = {name: {"const": value} for name, value in everything.items()}
    told["headers"] = {"required": ["host"], "properties": {"host": {"const": "service.example"}}}
    schemas = {
        "seed": {"type": "object", "properties": {"request-method": {"constant": "get"}, "uri": {"enum": ["/Patient", "Encounter"]}}},
        "told": {"required": [*told], "properties": told},
        "body": {"required": ["uri", "body"], "properties": {"uri": {"const": "/body"}, "body": {"required": ["a"]}}},
    }  # fmt: skip
    with serving.running(tmp_path_factory.mktemp("box"), "--trusted-proxies", "127.0.0.1") as running:
        client = {"id": "api-consumer", "secret": "verysecretstring", "grant_types": ["basic"]}
        assert running.admin("POST", "/Client", client).status == 201
        for name, schema in schemas.items():
            policy = {
                "id": name,
                "engine": "json-schema",
                "schema": schema,
                "link": [{"reference": "Client/api-consumer"}],
            }
            assert running.admin("POST", "/AccessPolicy", policy).status == 201
        yield running


def ask(
    box: Box,
    form: str,
    name: str,
    target: str,
    *,
    method: str = "GET",
    basic: str = BASIC,
    more: str = "",
    body: str = "",
) -> tuple[int, str]:
    own = OWN.get(name, "GET")
    head = form.format(own=own, method=method, target=target, basic=basic, more=more)
    answer = box.raw(
        (head if more else head.removesuffix("\n\n") + "\n\n").replace("\n", "\r\n").encode() + body.encode()
    )
    assert answer.count(b"HTTP/1.1 ") == 1
    return int(answer[9:12]), answer.decode()


@pytest.mark.parametrize("name", SENT)
def test_what_proxies_send_is_decided_as_what_they_were_asked(box: Box, name: str) -> None:
    ids = []
    for target, method, status in [("/Patient?active=true", "GET", 200), ("/told?active=true", "GET", 200), ("/told?active=false", "GET", 403),
                                   ("/Admin", "GET", 403), ("/Patient", "DELETE", 403), ("/Patient", "HEAD", 403), ("/Patient", "OPTIONS", 403)]:  # fmt: skip
        answered, answer = ask(box, SENT[name], name, target, method=method)
        assert answered == status, (target, method)
        ids.append(answer.partition("\r\nX-Decision-Id: ")[2].partition("\r\n")[0])
    records = box.records(*ids)
    assert {record["remote_addr"] for record in records} == {"198.51.100.7"}
    assert [record["method"] for record in records[-3:]] == ["DELETE", "HEAD", "OPTIONS"]


@pytest.mark.parametrize("name", SENT)
def test_what_is_allowed_is_a_200_that_leaves_the_connection_open(box: Box, name: str) -> None:
    status, answer = ask(box, SENT[name], name, "/Patient?active=true")
    assert status == 200
    assert "\r\nContent-Length: 0\r\n" in answer
    assert "\r\nX-Client-Id: api-consumer\r\n" in answer
    assert "\r\nConnection: close" not in answer


@pytest.mark.parametrize("name", SENT)
def test_a_401_has_the_challenges(box: Box, name: str) -> None:
    status, answer = ask(box, SENT[name], name, "/Patient", basic="Basic d3Jvbmc6d3Jvbmc=")
    assert status == 401
    assert f"\r\nWww-Authenticate: {box.challenges}\r\n" in answer


def test_envoy_as_it_comes_is_answered_where_policies_read_nothing_that_it_does_not_tell(box: Box) -> None:
    assert ask(box, BARE, "envoy", "/Patient?active=true")[0] == 200
    assert ask(box, BARE, "envoy", "/told?active=true")[0] == 403


@pytest.mark.parametrize(("flag", "status"), [("false", 200), ("true", 403)])
def test_a_body_of_envoy_is_read_if_it_is_all_of_it(box: Box, flag: str, status: int) -> None:
    form = SENT["envoy"].replace("content-length: 0", "content-length: 8").replace("{more}", "{more}\n")
    more = f"content-type: application/json\nx-envoy-auth-partial-body: {flag}"
    assert ask(box, form, "envoy", "/body", method="POST", more=more, body='{"a": 1}')[0] == status
    assert ask(box, form, "envoy", "/body", method="POST", more=more, body='{"b": 1}')[0] == 403


def test_a_body_of_traefik_is_read_if_it_is_passed_on(box: Box) -> None:
    more = "Content-Type: application/json\nContent-Length: 8"
    form = SENT["traefik"].replace("{more}", "{more}\n")
    assert ask(box, form, "traefik", "/body", method="POST", more=more, body='{"a": 1}')[0] == 200
    assert ask(box, form, "traefik", "/body", method="POST", more=more, body='{"b": 1}')[0] == 403
    coded = f"{more}\nContent-Encoding: deflate"
    assert ask(box, form, "traefik", "/body", method="POST", more=coded, body='{"a": 1}')[0] == 403
    assert ask(box, SENT["traefik"], "traefik", "/body", method="POST")[0] == 403


LARGE = "x-a: " + "a" * 40_000
SPOILED = {"two credentials": "authorization: Basic cm9vdDpyb290", "a head that is too large": LARGE, "a folded field": "x-a: 1\n b",
           "a name that is no token": "x a: 1", "a length that is none": "content-length: x"}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("more", SPOILED.values(), ids=SPOILED.keys())
def test_what_the_server_refuses_is_a_denial_too(box: Box, name: str, more: str) -> None:
    form = SENT[name].replace("content-length: 0\n", "").replace("{more}", "{more}\n")
    status, answer = ask(box, form, name, "/Patient?active=true", more=more)
    assert status == 403 if name in ("nginx", "envoy") else status in (400, 431)
    assert "\r\nX-Decision-Id: " in answer
