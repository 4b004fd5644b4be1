"""The head of a request, read to the letter of RFC 9112; what it forbids or leaves open is refused, never repaired.

Two readers of one message who disagree about where it ends let requests be smuggled past the one in front. So
whatever a lenient reader could understand in another way is answered 400, and the connection is closed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from falconbox.server.refusal import Refused, head_too_large

MAX_FIELDS: Final = 100
"""Header fields that a request may have."""

ONCE: Final = frozenset({"HOST", "AUTHORIZATION", "CONTENT_LENGTH", "CONTENT_TYPE", "TRANSFER_ENCODING", "EXPECT"})
"""Fields of which a second one could be read in two ways: first wins, last wins, or both joined by a comma."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110 section 5.6.2
_REQUEST_LINE: Final = re.compile(rb"(%b) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])" % _TOKEN)  # RFC 9112 section 3
_NAME: Final = re.compile(_TOKEN)
_FIELDS: Final = re.compile(rb"(?:%b:[\t\x20-\x7e\x80-\xff]*\r\n)*" % _TOKEN)  # RFC 9112 section 5
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
)  # RFC 9110 section 7.2
_LENGTH: Final = re.compile(r"[0-9]{1,19}")  # RFC 9110 section 8.6


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What the head of a request says. `fields` are by WSGI name (`CONTENT_TYPE`), repeated ones joined by `, `.

    `length` is the size of the body in bytes, 0 also for a chunked one. `close`: no request follows on the connection.
    """

    method: str
    target: str
    version: str
    fields: Mapping[str, str]
    length: int
    chunked: bool
    close: bool
    expects_continue: bool


def read_head(data: bytes) -> Head:
    """Read the bytes from the request line to the empty line, both included. Raises Refused."""
    # Section 2.2: a lone CR or LF ends no line here, so each of them is left inside a line, and refused there.
    line, _, rest = data.removesuffix(b"\r\n").partition(b"\r\n")
    method, target, version = _request_line(line)
    fields = _fields(rest)
    _check_host(fields, version)
    chunked = _chunked(fields, version)
    length = _length(fields)
    options = [option.strip().lower() for option in fields.get("CONNECTION", "").split(",")]
    return Head(
        method,
        target,
        version,
        fields,
        length,
        chunked,
        # Section 9.3: a connection persists in HTTP/1.1 unless told otherwise, and in HTTP/1.0 only if asked for.
        close="close" in options or (version == "1.0" and "keep-alive" not in options),
        expects_continue=_expects_continue(fields, version) and (chunked or length > 0),
    )


def check_fields(data: bytes) -> None:
    """Check field lines, each with its CRLF, such as the trailer of a chunked body. Raises Refused."""
    if not _FIELDS.fullmatch(data):
        raise Refused(_what_is_wrong(data.removesuffix(b"\r\n").split(b"\r\n")))


def _request_line(line: bytes) -> tuple[str, str, str]:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        # Also HTTP/0.9, which has no version, and targets with raw blanks or bytes that must be percent-encoded.
        raise Refused(
            "the request line must hold method, target and version in visible ASCII, with one space between them"
        )
    method, target, version = (part.decode() for part in match.groups())
    if version not in ("1.0", "1.1"):
        raise Refused(
            "only HTTP/1.1 and HTTP/1.0 are spoken here", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "version-not-supported"
        )
    if method != method.upper():
        # Methods are case-sensitive (RFC 9110 section 9.1); a reader that folds case would see another one.
        raise Refused("the method must be in upper case")
    return method, target, version


def _fields(data: bytes) -> dict[str, str]:
    check_fields(data)
    lines = data.split(b"\r\n")[:-1]
    if len(lines) > MAX_FIELDS:
        raise head_too_large(f"there are more than {MAX_FIELDS} header fields")
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        if b"_" in name:
            # WSGI spells it like the field with a dash, which somebody in front of us may vouch for.
            continue
        key = name.decode().upper().replace("-", "_")
        text = value.strip(b" \t").decode("latin-1")
        if key not in fields:
            fields[key] = text
        elif key in ONCE:
            raise Refused(f"there are two {key.replace('_', '-').title()} fields")
        else:
            fields[key] += f", {text}"
    return fields


def _what_is_wrong(lines: list[bytes]) -> str:
    for line in lines:
        name, colon, _ = line.partition(b":")
        if line.startswith((b" ", b"\t")):
            return "a header field is folded over several lines (RFC 9112 section 5.2)"
        if colon and name.endswith((b" ", b"\t")):
            return "there is a blank between a header field's name and its colon"
        if not colon or not _NAME.fullmatch(name):
            return "a header field has no name, or a name that is no token"
    return "a header field holds a control character"


def _check_host(fields: Mapping[str, str], version: str) -> None:
    # Section 3.2: exactly one Host in HTTP/1.1 (a second one has been refused already), and a valid one.
    host = fields.get("HOST")
    if host is None and version == "1.1":
        raise Refused("the Host field is missing")
    if host is not None and not _HOST.fullmatch(host):
        raise Refused("the Host field is not a host name or address with an optional port")


def _chunked(fields: dict[str, str], version: str) -> bool:
    coding = fields.get("TRANSFER_ENCODING")
    if coding is None:
        return False
    if "CONTENT_LENGTH" in fields:
        raise Refused("there are both Content-Length and Transfer-Encoding")  # section 6.3, the classic of smuggling
    if version == "1.0":
        raise Refused("HTTP/1.0 has no Transfer-Encoding")  # section 6.1
    if coding.lower() != "chunked":
        raise Refused(
            "chunked is the only transfer coding understood here", HTTPStatus.NOT_IMPLEMENTED, "coding-not-implemented"
        )
    return True


def _length(fields: Mapping[str, str]) -> int:
    text = fields.get("CONTENT_LENGTH")
    if text is None:
        return 0
    if not _LENGTH.fullmatch(text) or not text.isascii():
        raise Refused("Content-Length is not a number of bytes")
    return int(text)


def _expects_continue(fields: Mapping[str, str], version: str) -> bool:
    expected = fields.get("EXPECT")
    if expected is None or version == "1.0":
        return False  # RFC 9110 section 10.1.1: ignored in HTTP/1.0
    if expected.lower() != "100-continue":
        raise Refused(
            "100-continue is the only expectation understood here",
            HTTPStatus.EXPECTATION_FAILED,
            "expectation-failed",
        )
    return True
