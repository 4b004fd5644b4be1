"""The request document says what was asked, hides what is secret, and cannot be talked into anything by a query."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox.body import RequestBody
from falconbox.canonical import read_target
from falconbox.document import RequestDocument, build_document, request_document, wsgi_headers
from falconbox.engine import ALL, All
from falconbox.model import ANONYMOUS, Caller, Client


def document(target: str, caller: Caller = ANONYMOUS, **headers: str) -> dict[str, Any]:
    return build_document(
        method="GET",
        scheme="https",
        target=read_target(target),
        headers=headers,
        remote_addr="192.0.2.1",
        caller=caller,
    )


def test_an_anonymous_request_has_no_client_session_or_token() -> None:
    assert document("/nothing/here/at-all") == {
        "request-method": "get", "scheme": "https", "uri": "/nothing/here/at-all", "params": {}, "headers": {},
        "remote-addr": "192.0.2.1",
    }  # fmt: skip


def test_a_known_caller_is_shown_without_secrets() -> None:
    client = Client(
        "c", 1, "gen", True, frozenset(), "$argon2id$hash", None, None, {"id": "c", "details": {"x": 1}}, 0.0
    )
    made = document("/Patient", Caller(client, "sid", {"sub": "c"}))
    assert (made["client"], made["session"], made["jwt"]) == (
        {"id": "c", "details": {"x": 1}},
        {"id": "sid"},
        {"sub": "c"},
    )
    assert "argon2id" not in str(made)


@pytest.mark.parametrize(
    ("target", "params"),
    [
        ("/Patient", {"resource/type": "Patient"}),
        ("/Patient/1?a=1&a=2", {"a": ["1", "2"], "resource/type": "Patient", "resource/id": "1"}),
        ("/Patient?resource/type=Client&resource/id=1", {"resource/type": "Patient"}),
        ("/Client?resource%2Fid=admin", {"resource/type": "Client"}),
        ("/auth/test-policy?resource/type=Patient&resource/id=1", {}),
        ("/unknown?resource/type=Patient", {}),
    ],
)
def test_type_and_id_come_from_the_path_and_never_from_the_query(target: str, params: dict[str, Any]) -> None:
    assert document(target)["params"] == params


def test_headers_that_hold_credentials_or_that_only_a_proxy_may_write_are_not_seen() -> None:
    headers = {"authorization": "Basic x", "cookie": "a=b", "proxy-authorization": "x", "x-forwarded-for": "127.0.0.1",
               "x-real-ip": "127.0.0.1", "forwarded": "for=127.0.0.1", "accept": "*/*"}  # fmt: skip
    assert document("/Patient", **headers)["headers"] == {"accept": "*/*"}


def test_wsgi_headers_have_lower_case_names_with_dashes() -> None:
    environ = {
        "HTTP_X_A": "1",
        "CONTENT_TYPE": "text/yaml",
        "CONTENT_LENGTH": "",
        "REMOTE_USER": "admin",
        "SERVER_NAME": "x",
    }
    assert wsgi_headers(environ) == {"x-a": "1", "content-type": "text/yaml"}


class Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        data, self.data = self.data[:size], self.data[size:]
        return data


@pytest.mark.parametrize(
    ("content_type", "data", "known"),
    [("application/json", b'{"a": 1}', True), ("application/json", b'{"a": 1, "a": 2}', False), ("text/plain", b"x", False),
     (None, b"{}", False), ("application/json", b'"' + b"x" * 1_100_000 + b'"', False), ("application/x-www-form-urlencoded", b"a=1", False)],
)  # fmt: skip
def test_a_body_is_read_once_when_wanted_and_is_unknown_when_it_cannot_be_read(
    content_type: str | None, data: bytes, known: bool
) -> None:
    stream = Stream(data)
    asked = RequestDocument({}, {}, RequestBody(stream, content_type, sent=True))
    assert asked.unknown == {"body"}
    assert "body" not in asked.read(body=False)
    assert stream.reads == 0
    for _ in range(2):
        assert ("body" in asked.read(body=True)) is known
    assert (asked.unknown == set()) is known
    assert stream.reads <= 1


ENVIRON = {"HTTP_HOST": "box", "HTTP_ACCEPT": "*/*", "HTTP_COOKIE": "a=b", "CONTENT_TYPE": "text/plain"}
KEYS = (
    "request-method",
    "scheme",
    "uri",
    "query-string",
    "params",
    "headers",
    "remote-addr",
    "client",
    "body",
    "unknown",
)


def asked_for(target: str, unseen: frozenset[str] = frozenset()) -> RequestDocument:
    return request_document(
        ENVIRON,
        RequestBody(None, None, sent=False),
        method="GET",
        scheme="http",
        target=read_target(target),
        remote_addr="127.0.0.1",
        caller=ANONYMOUS,
        unseen=unseen,
    )


@pytest.mark.parametrize("target", ["/Patient", "/Patient/1?a=1&a=2", "/x?resource/type=Client"])
@pytest.mark.parametrize("keys", [ALL, frozenset(), *(frozenset({key}) for key in KEYS), frozenset({"headers", "uri"})])
def test_what_is_asked_for_is_in_the_document_as_in_the_whole_one(target: str, keys: frozenset[str] | All) -> None:
    whole = build_document(
        method="GET", scheme="http", target=read_target(target), headers=wsgi_headers(ENVIRON), remote_addr="127.0.0.1",
        caller=ANONYMOUS,
    )  # fmt: skip
    read = asked_for(target).read(keys, body=False)
    wanted = whole.keys() if isinstance(keys, All) else keys & whole.keys()
    assert wanted <= read.keys() <= whole.keys()
    assert dict(read) == {key: whole[key] for key in read}


def test_headers_and_parameters_are_not_even_made_before_a_policy_reads_them() -> None:
    asked = asked_for("/Patient?a=1")
    assert {"headers", "params"}.isdisjoint(asked.read(frozenset({"uri", "body"}), body=True))
    assert "headers" in asked.read(frozenset({"headers"}), body=False)
    assert asked.read(frozenset({"params"}), body=False)["headers"] == {
        "host": "box",
        "accept": "*/*",
        "content-type": "text/plain",
    }


def test_no_body_sent_is_absent_and_not_unknown() -> None:
    asked = RequestDocument({}, {}, RequestBody(None, None, sent=False))
    assert asked.read(body=True) == {}
    assert not asked.unknown


def test_what_a_door_cannot_see_is_unknown_and_not_in_the_document_whoever_asks() -> None:
    unseen = frozenset({"headers", "remote-addr"})
    asked = asked_for("/Patient", unseen)
    assert asked.unknown == unseen
    assert asked.read(ALL, body=True).keys() == {"request-method", "scheme", "uri", "params"}
    assert asked.unknown == unseen
