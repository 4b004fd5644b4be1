"""What was asked is read from the environ of any WSGI server."""

from __future__ import annotations

import io
from typing import Any

import pytest

from falconbox.body import MAX_BODY
from falconbox.document import RequestDocument
from falconbox.errors import Malformed
from falconbox.forwarded import Proxies
from falconbox.request import WsgiDoor


def environ(**more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", "PATH_INFO": "/Patient", "REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(b'{"a": 1}GET /next'), "CONTENT_TYPE": "application/json", **more}  # fmt: skip


DOOR = WsgiDoor("box", Proxies())


def test_a_request_is_described_without_any_framework() -> None:
    asked = DOOR.read(environ(REQUEST_URI="/%50atient?a=1", HTTP_AUTHORIZATION="Basic eDp5"))
    assert (asked.method, asked.target.path, asked.target.query, asked.scheme, asked.remote_addr) == (
        "POST", "/Patient", "a=1", "https", "192.0.2.1",
    )  # fmt: skip
    assert asked.authorization == "Basic eDp5"


def test_a_body_ends_where_its_length_says_whatever_follows_in_the_stream() -> None:
    body = DOOR.read(environ(CONTENT_LENGTH="8")).body
    assert body.sent
    assert body.parsed() == {"a": 1}


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}])
def test_without_a_length_there_is_no_body(length: dict[str, str]) -> None:
    assert not DOOR.read(environ(**length)).body.sent


class Pieces(io.BytesIO):
    """Gives less than it is asked for, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(-1 if size is None else min(size, 3))


@pytest.mark.parametrize("protocol", ["HTTP/2", "HTTP/2.0", "HTTP/3", ""])
def test_a_body_that_http_2_need_not_announce_is_seen_if_the_server_ends_it_and_unknown_otherwise(
    protocol: str,
) -> None:
    def asked(data: bytes, **more: Any) -> RequestDocument:
        stream = {"wsgi.input": Pieces(data), "SERVER_PROTOCOL": protocol}
        return RequestDocument({}, {}, DOOR.read(environ(**stream, **more)).body)

    ended = {"wsgi.input_terminated": True}
    for data, more, document, unknown in (
        (b'{"a": 1}', ended, {"body": {"a": 1}}, False),
        (b'{"a": ', ended, {}, True),
        (b'"' + b"x" * MAX_BODY + b'"', ended, {}, True),
        (b"", ended, {}, False),
        (b'{"a": 1}', {}, {}, True),
        (b"", {}, {}, True),
        (b'{"a": 1}', {"CONTENT_LENGTH": "0"}, {}, False),
    ):
        question = asked(data, **more)
        assert question.read(body=True) == document
        assert ("body" in question.unknown) is unknown


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": "8"}])
def test_a_body_in_chunks_was_sent_and_cannot_be_read_whatever_length_is_told_beside_them(
    length: dict[str, str],
) -> None:
    body = DOOR.read(environ(HTTP_TRANSFER_ENCODING="chunked", **length)).body
    assert body.sent
    with pytest.raises(Malformed):
        body.parsed()


@pytest.mark.parametrize("length", ["-1", "8 ", "0x8", "eight", "+8", "٨", "9" * 20])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(Malformed):
        DOOR.read(environ(CONTENT_LENGTH=length))


@pytest.mark.parametrize(
    "more", [{"REQUEST_URI": "/a//b?secret=1"}, {"RAW_URI": "/a//b?secret=1"}, {"PATH_INFO": "/a//b"}]
)
def test_what_was_sent_is_told_as_it_was_sent(more: dict[str, str]) -> None:
    assert DOOR.claimed(environ(**more))[1].startswith("/a//b")


def test_without_an_address_the_address_is_unknown() -> None:
    assert DOOR.read(environ()).unseen == set()
    assert DOOR.read(environ(REMOTE_ADDR="")).unseen == {"remote-addr"}
