"""A head is read to the letter of RFC 9112, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.server.head import MAX_FIELDS, read_head
from falconbox.server.refusal import Refused

LINE = b"POST /Patient?a=1 HTTP/1.1\r\n"
HOST = b"Host: box\r\n"


def head(*fields: bytes, line: bytes = LINE) -> bytes:
    return line + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def test_a_well_formed_head_says_what_was_sent() -> None:
    read = read_head(head(b"Host: box:8080", b"X-A:  one\t", b"x-a: two", b"Content-Length: 3"))
    assert (read.method, read.target, read.version) == ("POST", "/Patient?a=1", "1.1")
    assert read.fields == {"HOST": "box:8080", "X_A": "one, two", "CONTENT_LENGTH": "3"}
    assert (read.length, read.chunked, read.close, read.expects_continue) == (3, False, False, False)


REFUSED = {
    "a request line without a version (HTTP/0.9)": (b"GET /Patient\r\n\r\n", 400),
    "two spaces in the request line": (b"GET  /Patient HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "a tab in the request line": (b"GET\t/Patient HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "a space in the target": (b"GET /Pat ient HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "a byte in the target that must be encoded": (b"GET /Pati\xc3\xa9nt HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "NUL in the target": (b"GET /Patient\0 HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "a blank at the end of the request line": (b"GET /Patient HTTP/1.1 \r\nHost: box\r\n\r\n", 400),
    "a bare LF behind the request line": (b"GET /Patient HTTP/1.1\nHost: box\r\n\r\n", 400),
    "a method in lower case": (b"get /Patient HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "a method that is no token": (b"G(T /Patient HTTP/1.1\r\nHost: box\r\n\r\n", 400),
    "HTTP in lower case": (b"GET /Patient http/1.1\r\nHost: box\r\n\r\n", 400),
    "HTTP/2.0": (b"PRI * HTTP/2.0\r\nHost: box\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: box\r\n\r\n", 505),
    "no Host": (head(b"X: y"), 400),
    "two Host fields": (head(b"Host: box", b"Host: box"), 400),
    "two Host fields in one": (head(b"Host: box, evil"), 400),
    "a Host with a user": (head(b"Host: a@box"), 400),
    "a Host with a path": (head(b"Host: box/Admin"), 400),
    "an empty Host": (head(b"Host:"), 400),
    "Content-Length and Transfer-Encoding": (head(b"Host: box", b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
    "Transfer-Encoding and Content-Length": (head(b"Host: box", b"Transfer-Encoding: chunked", b"Content-Length: 3"), 400),
    "Transfer-Encoding twice": (head(b"Host: box", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "another transfer coding": (head(b"Host: box", b"Transfer-Encoding: gzip, chunked"), 501),
    "chunked twice": (head(b"Host: box", b"Transfer-Encoding: chunked, chunked"), 501),
    "chunked in quotes": (head(b"Host: box", b'Transfer-Encoding: "chunked"'), 501),
    "chunked behind a no-break space": (head(b"Host: box", b"Transfer-Encoding: \xa0chunked"), 501),
    "an empty transfer coding": (head(b"Host: box", b"Transfer-Encoding:"), 501),
    "Transfer-Encoding in HTTP/1.0": (head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0\r\n"), 400),
    "Content-Length twice, equal": (head(b"Host: box", b"Content-Length: 3", b"Content-Length: 3"), 400),
    "Content-Length as a list": (head(b"Host: box", b"Content-Length: 3, 3"), 400),
    "a signed Content-Length": (head(b"Host: box", b"Content-Length: +3"), 400),
    "a negative Content-Length": (head(b"Host: box", b"Content-Length: -3"), 400),
    "an empty Content-Length": (head(b"Host: box", b"Content-Length:"), 400),
    "Content-Length in other digits": (head(b"Host: box", b"Content-Length: \xd9\xa3"), 400),
    "Content-Length in superscript": (head(b"Host: box", b"Content-Length: \xb3"), 400),
    "Content-Length with an underscore": (head(b"Host: box", b"Content-Length: 1_0"), 400),
    "a folded field": (head(b"Host: box", b"X-A: one", b" two"), 400),
    "a first field that starts with a blank": (head(b" Host: box"), 400),
    "a blank before the colon": (head(b"Host : box"), 400),
    "a field without a colon": (head(b"Host: box", b"X-A"), 400),
    "a field without a name": (head(b"Host: box", b": x"), 400),
    "a field name that is no token": (head(b"Host: box", b"X(A): x"), 400),
    "a bare CR in a field": (head(b"Host: box", b"X-A: a\rX-B: c"), 400),
    "a bare LF in a field": (head(b"Host: box", b"X-A: a\nX-B: c"), 400),
    "NUL in a field": (head(b"Host: box", b"X-A: a\0"), 400),
    "DEL in a field": (head(b"Host: box", b"X-A: a\x7f"), 400),
    "ESC in a field": (head(b"Host: box", b"X-A: \x1b[2J"), 400),
    "two Authorization fields": (head(b"Host: box", b"Authorization: Basic eDp5", b"authorization: Basic eDp5"), 400),
    "two Content-Type fields": (head(b"Host: box", b"Content-Type: text/yaml", b"Content-Type: application/json"), 400),
    "another expectation": (head(b"Host: box", b"Expect: 200-ok", b"Content-Length: 3"), 417),
    "too many fields": (head(b"Host: box", *[b"X-A: 1"] * MAX_FIELDS), 431),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_two_readers_could_understand_differently_is_refused(what: str) -> None:
    data, status = REFUSED[what]
    with pytest.raises(Refused) as refusal:
        read_head(data)
    assert refusal.value.status == status


def test_every_refusal_is_refused_for_its_own_reason() -> None:
    # The same heads without what is wrong with them are read.
    for field in (b"X-A: a", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Authorization: Basic eDp5"):
        assert read_head(head(b"Host: box", field)).method == "POST"
    assert read_head(head(b"Host: box", *[b"X-A: 1"] * (MAX_FIELDS - 1))).fields["X_A"].count("1") == MAX_FIELDS - 1


@pytest.mark.parametrize("host", [b"box", b"box:8080", b"127.0.0.1", b"[::1]:8080", b"a-b.example.com:"])
def test_a_host_with_an_optional_port_is_read(host: bytes) -> None:
    assert read_head(head(b"Host: " + host)).fields["HOST"] == host.decode()


@pytest.mark.parametrize(
    ("fields", "line", "close"),
    [
        ((b"Host: box",), LINE, False),
        ((b"Host: box", b"Connection: close"), LINE, True),
        ((b"Host: box", b"Connection: Keep-Alive, Close"), LINE, True),
        ((b"Host: box", b"Connection: upgrade", b"Connection: close"), LINE, True),
        ((), b"GET / HTTP/1.0\r\n", True),
        ((b"Connection: keep-alive",), b"GET / HTTP/1.0\r\n", False),
    ],
)
def test_a_connection_persists_as_its_version_and_options_say(
    fields: tuple[bytes, ...], line: bytes, close: bool
) -> None:
    assert read_head(head(*fields, line=line)).close is close


def test_a_field_whose_name_has_an_underscore_does_not_pass_for_the_one_with_a_dash() -> None:
    assert read_head(head(b"Host: box", b"X_Forwarded_For: 1.2.3.4", b"Content_Length: 9")).fields == {"HOST": "box"}


def test_nothing_is_to_be_continued_where_no_body_comes() -> None:
    # Else the connection would wait for one, and take the next request for a part of this one.
    assert read_head(head(b"Host: box", b"Expect: 100-continue")).expects_continue is False
    assert read_head(head(b"Host: box", b"Expect: 100-continue", b"Content-Length: 1")).expects_continue is True


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for tried in (data, LINE + data, LINE + HOST + data, LINE + HOST + data + b"\r\n\r\n"):
        try:
            read = read_head(tried)
        except Refused as refusal:
            assert 400 <= refusal.status < 600
        else:
            assert read.target.isascii()
            assert not any(set("\r\n\0") & set(value) for value in read.fields.values())


TOKEN = st.text("abcXYZ-!~09", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f", exclude_categories=["Cc"]))  # fmt: skip


@given(st.dictionaries(TOKEN.map(str.upper), VALUE.map(lambda text: text.strip(" \t"))))
def test_every_field_of_a_well_formed_head_arrives_unchanged(fields: dict[str, str]) -> None:
    single = {name: value for name, value in fields.items() if name != "EXPECT"}
    lines = [f"{name}: {value}".encode("latin-1") for name, value in single.items()]
    read = read_head(head(b"Host: box", *lines))
    assert read.fields == {"HOST": "box", **{name.replace("-", "_"): value for name, value in single.items()}}
