"""nginx, Caddy and HAProxy, configured as their pages say, let pass what is allowed and nothing else."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import catalogue
import fronts
import jwt
import pytest
from fronts import PROXIES, Front, Service, fronting, in_front_of_the_box

import serving
from falconbox.canonical import read_target
from ports import free_port
from serving import Box

pytestmark = [
    pytest.mark.blackbox,
    pytest.mark.skipif(
        os.environ.get("FALCONBOX_TEST_PROXIES") != "1", reason="needs nginx, Caddy and HAProxy: make test-proxies"
    ),
]
AUDIENCE = "https://service.example"


def credentials(text: str) -> str:
    return f"Authorization: Basic {base64.b64encode(text.encode()).decode()}"


CONSUMER = credentials("api-consumer:verysecretstring")
ROOT = credentials("root:rootsecret")


def schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def policy(name: str, schema: Any, link: str | None = None) -> dict[str, Any]:
    links = {} if link is None else {"link": [{"resourceType": "Client", "id": link}]}
    return {"resourceType": "AccessPolicy", "id": name, "engine": "json-schema", "schema": schema, **links}


UNDER = {"/public/remote": ("remote-addr", {"const": "127.0.0.1"}), "/public/elsewhere": ("remote-addr", {"const": "203.0.113.9"}),
         "/public/http": ("scheme", {"const": "http"}), "/public/https": ("scheme", {"const": "https"}),
         "/public/host": ("headers", {"required": ["host"], "properties": {"host": {"pattern": "^service\\.example(:[0-9]+)?$"}}}),
         "/public/query": ("params", {"required": ["a"], "properties": {"a": {"const": "1"}}}),
         "/public/tenant": ("headers", {"properties": {key: {"const": "ours"} for key in ("tenant", "x-tenant")}}),
         "/public/body": ("body", {})}  # fmt: skip
"""Paths that anybody may ask for if one more key of the document is as it should be."""

DOCUMENTS = [
    {"resourceType": "Client", "id": "api-consumer", "secret": "verysecretstring", "grant_types": ["basic"]},
    {"resourceType": "Client", "id": "root", "secret": "rootsecret", "grant_types": ["basic"]},
    {"resourceType": "AccessPolicy", "id": "root", "engine": "allow", "link": [{"resourceType": "Client", "id": "root"}]},
    policy("for-api-consumer", {"type": "object", "properties": {"request-method": {"constant": "get"}, "uri": {"enum": ["/Patient", "Encounter"]}}},
           "api-consumer"),
    policy("public", schema(["uri"], uri={"const": "/public"})),
    *(policy(path[1:].replace("/", "-"), schema(["uri"] if key == "body" else ["uri", key], uri={"const": path}, **{key: wanted}))
      for path, (key, wanted) in UNDER.items()),
]  # fmt: skip


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A service that trusts the proxies of this machine."""
    arguments = ("--trusted-proxies", "127.0.0.1", "--forward-auth-audience", AUDIENCE)
    with serving.running(tmp_path_factory.mktemp("box"), *arguments) as running:
        for document in DOCUMENTS:
            assert running.admin("POST", f"/{document['resourceType']}", document).status == 201
        yield running


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    behind = Service()
    yield behind
    behind.close()


@pytest.fixture(scope="module", params=PROXIES)
def running(request: Any, tmp_path_factory: pytest.TempPathFactory, box: Box, service: Service) -> Iterator[Front]:
    with fronting(request.param, tmp_path_factory.mktemp(request.param), box.port, service) as front:
        yield front


@pytest.fixture
def front(running: Front) -> Front:
    running.service.seen.clear()
    return running


def test_what_is_allowed_reaches_the_service_with_the_identity_of_the_caller(front: Front, box: Box) -> None:
    assert front.ask("GET", "/Patient?active=true&b=%2F", CONSUMER).body == b"service"
    (seen,) = front.service.seen
    assert (seen.method, seen.target) == ("GET", "/Patient?active=true&b=%2F")
    assert seen.values("X-Client-Id") == ["api-consumer"]
    assert seen.values("X-Session-Id") == []
    (record,) = box.records(*seen.values("X-Decision-Id"))
    assert (record["door"], record["uri"], record["method"]) == (f"forward-auth/{front.name}", "/Patient", "GET")
    assert (record["decision"], record["client"], record["remote_addr"]) == ("allow", "api-consumer", "127.0.0.1")
    claims = jwt.decode(
        *seen.values("X-Falconbox-Token"), key=jwt.PyJWKClient(f"{box.url}/.well-known/jwks.json").get_signing_key_from_jwt(
            *seen.values("X-Falconbox-Token")), algorithms=["ES256"], audience=AUDIENCE, issuer=box.url,
    )  # fmt: skip
    assert claims["sub"] == "api-consumer"


def test_a_token_brings_its_session(front: Front, box: Box) -> None:
    client = {"id": "tokens", "secret": "a-long-secret-for-tokens", "grant_types": ["client_credentials"]}
    assert box.admin("PUT", "/Client/tokens", client).status in (200, 201)
    issued = box.ask("POST", "/auth/token", "grant_type=client_credentials", auth="tokens:a-long-secret-for-tokens",
                     media="application/x-www-form-urlencoded").json["access_token"]  # fmt: skip
    assert front.ask("GET", "/public", f"Authorization: Bearer {issued}").status == 200
    assert front.service.seen[0].values("X-Client-Id") == ["tokens"]
    assert front.service.seen[0].values("X-Session-Id") == [
        jwt.decode(issued, options={"verify_signature": False})["sid"]
    ]


@pytest.mark.parametrize("line", ["X-A: 1", credentials("api-consumer:wrong"), "Authorization: Negotiate abc"])
def test_nobody_and_wrong_credentials_get_a_401_with_the_challenges(front: Front, box: Box, line: str) -> None:
    answer = front.ask("GET", "/Patient", line)
    assert answer.status == 401
    assert answer.values("WWW-Authenticate") == [box.challenges]
    assert front.service.seen == []


def test_whose_token_is_refused_is_told_so_through_the_proxy(front: Front, box: Box) -> None:
    answer = front.ask("GET", "/Patient", "Authorization: Bearer x.y.z")
    assert answer.status == 401
    assert answer.values("WWW-Authenticate") == [box.token_challenges]
    assert front.service.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"])
def test_every_method_is_decided_as_itself(front: Front, method: str) -> None:
    expected = 200 if method == "GET" else 403
    assert front.ask(method, "/Patient", CONSUMER).status == expected
    assert front.ask(method, "/Admin", CONSUMER).status == 403
    assert [seen.method for seen in front.service.seen] == (["GET"] if method == "GET" else [])
    assert front.ask(method, "/Admin", ROOT).status == 200
    assert front.service.seen[-1].method == method


def test_a_query_is_decided_on_and_passed_on(front: Front) -> None:
    assert front.ask("GET", "/public/query?a=1&b=2").status == 200
    assert front.ask("GET", "/public/query?a=2").status == 401
    assert front.ask("GET", "/public/query").status == 401
    assert [seen.target for seen in front.service.seen] == ["/public/query?a=1&b=2"]


IDENTITY = ["X-Client-Id", "X-Session-Id", "X-Decision-Id", "X-Falconbox-Token"]
SPELLINGS = [
    spelling
    for name in IDENTITY
    for spelling in (name, name.lower(), name.replace("-", "_"), name.lower().replace("-", "_"), name.replace("-", "_", 1),
                     "_".join(name.rsplit("-", 1)), name.upper())
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_identity_that_a_caller_has_made_up_never_reaches_the_service(front: Front, spelling: str) -> None:
    for line in (CONSUMER, "X-A: 1"):
        assert front.ask("GET", "/public", line, f"{spelling}: evil", f"{spelling}: evil").status == 200
    known, nobody = front.service.seen
    assert known.values("X-Client-Id") == ["api-consumer"]
    assert nobody.values("X-Client-Id") == []
    for seen in (known, nobody):
        assert "evil" not in str(seen.headers)
        assert len(seen.values("X-Decision-Id")) == 1


def test_a_name_that_some_take_for_ours_is_dropped_where_the_proxy_can(front: Front) -> None:
    assert (
        front.ask("GET", "/public", CONSUMER, "X.Client.Id: evil", "X-Client~Id: evil", "X!Client-Id: evil").status
        == 200
    )
    (seen,) = front.service.seen
    assert ("evil" in str(seen.headers)) is (front.name == "caddy")
    assert seen.values("X-Client-Id") == ["api-consumer"]


@pytest.mark.parametrize(
    "name",
    [
        "X-Original-URL",
        "x-original-url",
        "X-Rewrite-Url",
        "X-HTTP-Method-Override",
        "X-Http-Method",
        "X-METHOD-OVERRIDE",
    ],
)
def test_a_header_by_which_services_take_another_path_or_method_does_not_reach_the_service(
    front: Front, name: str
) -> None:
    for value in ("/Admin", "DELETE"):
        assert front.ask("GET", "/public", f"{name}: {value}", f"{name}: {value}").status == 200
    assert [seen.values(name) for seen in front.service.seen] == [[], []]


FORWARDING = ["X-Forwarded-Uri: /public", "X-Forwarded-Method: GET", "X-Original-Uri: /public", "X-Original-Url: /public", "X-Original-Method: GET",
              "X_Original_Uri: /public", "X-Original_Uri: /public", "X_Forwarded_Uri: /public", "X-Rewrite-Url: /public",
              "X-Envoy-Original-Path: /public", "X-Forwarded-Prefix: /public", "X-Http-Method-Override: GET",
              "Connection: close, X-Original-Uri, X-Original-Method", "Connection: X-Forwarded-Uri, X-Forwarded-Method",
              "Connection: close, Authorization"]  # fmt: skip


@pytest.mark.parametrize("line", FORWARDING)
def test_no_header_of_a_caller_changes_what_is_decided_on(front: Front, line: str) -> None:
    assert front.ask("GET", "/Admin", CONSUMER, line, line).status in (401, 403)
    assert front.ask("DELETE", "/Patient", CONSUMER, line).status in (401, 403)
    assert front.service.seen == []


@pytest.mark.parametrize(
    "line",
    ["X-Forwarded-For: 203.0.113.9", "X-Real-Ip: 203.0.113.9", "Forwarded: for=203.0.113.9;proto=https;host=evil", "X_Forwarded_For: 203.0.113.9",
     "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Client-Ip: 203.0.113.9", "True-Client-Ip: 203.0.113.9", "X-Original-Body: none"],
)  # fmt: skip
def test_no_caller_can_say_where_it_comes_from(front: Front, line: str) -> None:
    for path in ("/public/remote", "/public/http", "/public/host"):
        assert front.ask("GET", path, line).status == 200, path
    for path in ("/public/elsewhere", "/public/https"):
        assert front.ask("GET", path, line).status == 401, path
    assert front.ask("GET", "/public/host", line, "Host: evil").status == 401
    assert front.ask("POST", "/public/body", line, "Content-Length: 2", body="{}").status == 401


@pytest.mark.parametrize(
    "line", ["X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host", "Host", "X-Original-Body"]
)
def test_having_headers_stripped_on_the_way_gains_nothing(front: Front, line: str) -> None:
    for path in ("/public/elsewhere", "/public/https", "/Admin"):
        assert front.ask("GET", path, f"Connection: close, {line}").status == 401
    assert front.ask("POST", "/public/body", f"Connection: {line}", "Content-Length: 2", body="{}").status == 401


@pytest.mark.parametrize(
    "options", ["close", "X-Tenant", "Tenant", "close, Tenant, X-Other", "close, tenant, x-tenant"]
)
@pytest.mark.parametrize("name", ["Tenant", "X-Tenant"])
def test_no_header_reaches_the_service_that_was_kept_from_the_decision(front: Front, name: str, options: str) -> None:
    assert front.ask("GET", "/public/tenant", f"{name}: ours", f"Connection: {options}").status == 200
    front.service.seen.clear()
    status = front.ask("GET", "/public/tenant", f"{name}: theirs", f"Connection: {options}").status
    assert status == 401 or [seen.values(name) for seen in front.service.seen] == [[]]


@pytest.mark.parametrize(
    "protocol",
    [
        "h2c",
        "H2C",
        "h2c, websocket",
        "websocket, h2c",
        "TLS/1.2",
        "h2c\r\nUpgrade: websocket",
        "websocket\r\nUpgrade: h2c",
    ],
)
@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "upgrade", "close, Upgrade"])
def test_no_caller_can_turn_its_connection_into_one_of_another_protocol(
    front: Front, connection: str, protocol: str
) -> None:
    end = "\r\n"
    lines = (f"Connection: {connection}", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    front.send(f"GET /public HTTP/1.1\r\nHost: service.example\r\n{end.join(lines)}\r\n\r\n".encode())
    assert [seen.values("Upgrade") for seen in front.service.seen] in ([], [[]], [["websocket"]])


def test_a_websocket_still_reaches_the_service_where_the_page_lets_it(front: Front) -> None:
    end = "\r\n"
    lines = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    front.send(f"GET /public HTTP/1.1\r\nHost: service.example\r\n{end.join(lines)}\r\n\r\n".encode())
    (seen,) = front.service.seen
    assert seen.values("Upgrade") == ([] if front.name == "nginx" else ["websocket"])


def test_what_policies_say_of_a_body_fails_where_there_may_be_one(front: Front) -> None:
    tells = front.name != "caddy"
    assert front.ask("GET", "/public/body").status == (200 if tells else 401)
    assert front.ask("GET", "/public/body", "Content-Length: 0").status == (200 if tells else 401)
    assert front.ask("GET", "/public/body", "Content-Length: 2", body="{}").status == 401
    assert front.ask("GET", "/public/body", "Transfer-Encoding: chunked", body="2\r\n{}\r\n0\r\n\r\n").status == 401


def served(entry: Any, front: Front) -> list[fronts.Answer]:
    return front.send(catalogue.raw(entry), answers=1)


PATHS = [entry for entry in catalogue.entries() if entry["group"] in ("path", "method") and "raw" in entry]


READ_BY_THE_PROXY = {
    ("caddy", "PATH-048"): "it takes http:/Patient for /Patient before it asks, and passes on what was decided",
    ("caddy", "METH-009"): "it answers OPTIONS * itself, and nothing reaches the service",
}


@catalogue.NEEDED
@pytest.mark.parametrize("entry", PATHS, ids=lambda entry: entry["id"])
def test_the_target_that_was_decided_on_is_the_one_that_the_service_gets(front: Front, box: Box, entry: Any) -> None:
    answers = served(entry, front)
    assert len(answers) <= 1
    for seen in front.service.seen:
        (record,) = box.records(*seen.values("X-Decision-Id"))
        target = (
            seen.target.partition("://")[2].partition("/")[2]
            if "://" in seen.target.partition("?")[0]
            else seen.target[1:]
        )
        assert (record["decision"], record["method"], record["uri"]) == (
            "allow",
            seen.method,
            read_target(f"/{target}").path,
        )
        assert record["uri"] == "/Patient"
        assert record["method"] == "GET"
    # No answer at all is a refusal too: some proxies close the connection on what they do not understand.
    if 200 not in entry["expected"]["status"] and (front.name, entry["id"]) not in READ_BY_THE_PROXY:
        assert front.service.seen == []
        assert all(answer.status >= 400 for answer in answers)


ODD = {
    "HTTP/1.0": b"GET /Admin HTTP/1.0\r\n%b\r\n\r\n",
    "HTTP/1.0 with Host": b"GET /Admin HTTP/1.0\r\nHost: service.example\r\n%b\r\n\r\n",
    "an absolute target": b"GET http://service.example/Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nConnection: close\r\n\r\n",
    "two Authorization fields": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nAuthorization: Basic cm9vdDpyb290c2VjcmV0\r\nConnection: close\r\n\r\n",
    "two Authorization fields, ours last": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\nAuthorization: Basic cm9vdDp3cm9uZw==\r\n%b\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\nHost: evil\r\n%b\r\nConnection: close\r\n\r\n",
    "a large header": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nX-A: " + b"a" * 40_000 + b"\r\nConnection: close\r\n\r\n",
    "many headers": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\n" + b"X-A: 1\r\n" * 95 + b"Connection: close\r\n\r\n",
    "a long target": b"GET /Admin/" + b"a" * 7_000 + b" HTTP/1.1\r\nHost: service.example\r\n%b\r\nConnection: close\r\n\r\n",
    "a folded field": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nX-A: 1\r\n X-Original-Uri: /Patient\r\nConnection: close\r\n\r\n",
    "a bare CR": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nX-A: 1\rX-Original-Uri: /Patient\r\nConnection: close\r\n\r\n",
    "a length twice": b"GET /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nContent-Length: 0\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
    "length and chunks": b"POST /Admin HTTP/1.1\r\nHost: service.example\r\n%b\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("request_", ODD.values(), ids=ODD.keys())
def test_an_odd_request_is_not_let_pass_by_its_oddity(front: Front, request_: bytes) -> None:
    answers = front.send(request_.replace(b"%b", CONSUMER.encode()))
    assert all(answer.status >= 400 for answer in answers)
    assert [seen for seen in front.service.seen if "Admin" in seen.target or "evil" in seen.target] == []


@pytest.mark.parametrize(
    ("authority", "host"), [("evil", "service.example"), ("service.example", "evil"), ("evil", "evil")]
)
def test_the_host_that_was_decided_on_is_the_one_that_the_service_gets(front: Front, authority: str, host: str) -> None:
    answer = front.ask("GET", f"http://{authority}/public/host", f"Host: {host}")
    assert [seen.values("Host") for seen in front.service.seen] in ([], [["service.example"]])
    assert (answer.status == 200) is bool(front.service.seen)


@pytest.mark.parametrize(
    "before", ["http://service.example", "http://u@service.example", "http://", "HTTP://service.example:80"]
)
def test_of_an_absolute_target_the_service_gets_what_was_decided_on_and_nothing_before_it(
    front: Front, before: str
) -> None:
    # Some take what stands behind `http:///` for the host, and another path than was decided on for the path.
    front.ask("GET", f"{before}/public")
    assert {seen.target for seen in front.service.seen} <= {"/public"}


def test_a_second_request_on_a_connection_is_decided_for_itself(front: Front) -> None:
    lines = [f"Host: service.example\r\n{CONSUMER}", f"Host: service.example\r\n{CONSUMER}", "Host: service.example"]
    data = "".join(
        f"GET {path} HTTP/1.1\r\n{line}\r\n\r\n"
        for path, line in zip(("/Patient", "/Admin", "/public"), lines, strict=True)
    )
    assert [answer.status for answer in front.send(data.encode(), answers=3)] == [200, 403, 200]
    allowed, public = front.service.seen
    assert (allowed.target, public.target) == ("/Patient", "/public")
    assert (allowed.values("X-Client-Id"), public.values("X-Client-Id")) == (["api-consumer"], [])


def test_an_identity_cannot_be_stripped_on_the_way_to_the_service(front: Front) -> None:
    assert front.ask("GET", "/public", CONSUMER, "Connection: X-Client-Id, X-Decision-Id").status == 200
    (seen,) = front.service.seen
    assert seen.values("X-Client-Id") == ["api-consumer"]
    assert len(seen.values("X-Decision-Id")) == 1
    assert "x-" not in str(seen.values("Connection")).lower(), "a proxy that is part of the service would strip it"


TOLD = ["X-Original-Method: GET", "X-Original-Uri: /Patient", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /Patient",
        "X-Original-Body: none", "X-Real-Ip: 203.0.113.9"]  # fmt: skip


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_a_caller_of_the_box_cannot_ask_as_a_proxy_does(proxy: str, tmp_path: Path, box: Box, service: Service) -> None:
    with in_front_of_the_box(proxy, tmp_path, box.port, service) as front:
        assert front.ask("GET", "/Patient", ROOT).status == 200
        profiles = ("nginx", "traefik", "caddy", "haproxy", "envoy/Patient")
        odd = ("/FORWARD-AUTH/nginx", "/%66orward-auth/nginx", "//forward-auth/nginx", "/a/../forward-auth/nginx",
               "/forward-auth%2Fnginx", "/./forward-auth/nginx", "/forward-auth", "/forward-auth/")  # fmt: skip
        for target in (*(f"/forward-auth/{profile}" for profile in profiles), *odd):
            answer = front.ask("GET", target, ROOT, *TOLD)
            assert answer.status in (400, 404), target
            assert answer.values("X-Falconbox-Token") == [], target


@pytest.mark.parametrize("proxy", PROXIES)
def test_nothing_reaches_the_service_while_falconbox_is_down_or_silent(
    proxy: str, tmp_path: Path, service: Service
) -> None:
    service.seen.clear()
    with fronting(proxy, tmp_path / "down", free_port(), service) as front:
        assert front.ask("GET", "/public", CONSUMER).status >= 500
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        fronting(proxy, tmp_path / "silent", silent.getsockname()[1], service) as front,
    ):
        assert front.ask("GET", "/public", CONSUMER).status >= 500
    assert service.seen == []


@pytest.mark.parametrize(
    "said",
    [
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 302 Found\r\nLocation: /",
        "HTTP/1.1 500 No",
        "HTTP/1.1 403 No",
        "nothing",
        "HTTP/1.1 100 Continue",
    ],
)
@pytest.mark.parametrize("proxy", ["haproxy"])
def test_the_script_takes_nothing_but_a_200_for_an_allow(
    said: str, proxy: str, tmp_path: Path, service: Service
) -> None:
    service.seen.clear()
    with (
        fronts.saying(f"{said}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port,
        fronting(proxy, tmp_path, port, service) as front,
    ):
        assert front.ask("GET", "/public").status >= 400
    assert service.seen == []


@pytest.mark.parametrize(
    "line",
    [
        "local headers = question(txn)",
        "if answer.status == 200 then",
        "for _, name in ipairs(IDENTITY) do",
        'txn:set_var("txn.falconbox_allows", true)',
    ],
)
@pytest.mark.parametrize("proxy", ["haproxy"])
def test_a_script_that_fails_lets_nothing_pass(
    line: str, proxy: str, tmp_path: Path, box: Box, service: Service
) -> None:
    service.seen.clear()
    script = fronts.block("haproxy", "lua")
    assert script.count(line) == 1
    with fronting(proxy, tmp_path, box.port, service, script=script.replace(line, f"error('no') {line}")) as front:
        assert front.ask("GET", "/public", CONSUMER).status == 503
    assert service.seen == []
