"""Read a request target in the one way that everything else relies on, or refuse it.

The path that is decided on is the one that is routed, logged and passed on. Whatever two readers could understand
differently is refused instead of repaired (docs/reference/request-document.md lists it).
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from falconbox.errors import Malformed

MAX_PARAMETERS: Final = 500
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AMBIGUOUS: Final = frozenset("/\\;?#%")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A request target: its canonical decoded path, its query as sent (None: no query), and its parameters."""

    path: str
    query: str | None
    params: Mapping[str, Any]


def raw_target(environ: Mapping[str, Any]) -> str:
    """Return the target of a WSGI request as it was sent; empty if the server does not tell."""
    return environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""


def canonical_target(environ: Mapping[str, Any], host: str | None = None) -> Target:
    """Read the target of a WSGI request that was sent to `host` (default: its Host field). Raises Malformed.

    REQUEST_URI (or RAW_URI) holds the target as sent; the decoded path and the query that the server derived, which are
    what the application goes by, must agree with it.
    Servers that give neither are read from PATH_INFO under the same rules, in which `%2F` can no longer be told
    from `/`.
    """
    decoded = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    raw = raw_target(environ)
    if not raw:
        query = environ.get("QUERY_STRING") or None
        _check_spelling(query or "")
        return Target(_checked_path(decoded.encode("latin-1")), query, parse_query(query))
    target = read_target(raw, environ.get("HTTP_HOST", "") if host is None else host)
    if target.path.encode() != decoded.encode("latin-1"):
        raise Malformed("the server and the request target disagree about the path")
    if environ.get("QUERY_STRING", target.query or "") != (target.query or ""):
        raise Malformed("the server and the request target disagree about the query")
    return target


def read_target(raw: str, host: str = "") -> Target:
    """Read a target in origin form, such as `/Patient?active=true`, or an absolute one for a host. Raises Malformed."""
    raw = _origin_form(raw, host)
    _check_spelling(raw)
    if not raw.startswith("/"):
        raise Malformed("the request target must start with a slash")
    path, mark, query = raw.partition("?")
    for part in re.findall(r"%[0-9A-Fa-f]{2}|[\\;]", path):
        if part in _AMBIGUOUS or chr(int(part[1:], 16)) in _AMBIGUOUS:
            raise Malformed("the path holds one of / \\ ; ? # % in a spelling that can be read in two ways")
    return Target(_checked_path(unquote_to_bytes(path)), query or None, parse_query(query if mark else None))


def parse_query(query: str | None) -> dict[str, Any]:
    """Read `a=1&b=2` (`;` separates nothing); a repeated name becomes a list. Raises Malformed."""
    params: dict[str, Any] = {}
    pieces = [piece for piece in (query or "").split("&") if piece]
    if len(pieces) > MAX_PARAMETERS:
        raise Malformed(f"the query holds more than {MAX_PARAMETERS} parameters")
    for piece in pieces:
        name, _, value = piece.partition("=")
        _add(params, _text(name), _text(value))
    return params


def _add(params: dict[str, Any], name: str, value: str) -> None:
    if name not in params:
        params[name] = value
    elif isinstance(params[name], list):
        params[name].append(value)
    else:
        params[name] = [params[name], value]


def _text(encoded: str) -> str:
    try:
        return unquote_to_bytes(encoded.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise Malformed("the query is not UTF-8") from None


def _check_spelling(raw: str) -> None:
    if not _PRINTABLE.fullmatch(raw) or "#" in raw:
        raise Malformed("the request target holds a character that must be percent-encoded")
    if _BROKEN_PERCENT.search(raw):
        raise Malformed("the request target holds a % without two hexadecimal digits")


def _origin_form(raw: str, host: str) -> str:
    scheme, mark, rest = raw.partition("://")
    if not mark or "/" in scheme or "?" in scheme:
        return raw
    authority, slash, path = rest.partition("/")
    # An absolute target names its own authority, which replaces Host (RFC 9112 section 3.2.2): only ours will do.
    if scheme.lower() not in ("http", "https") or not host or authority.lower() != host.lower() or not slash:
        raise Malformed("the request target is absolute and not for the host that was asked")
    return f"/{path}"


def _checked_path(encoded: bytes) -> str:
    try:
        path = encoded.decode()
    except UnicodeDecodeError:
        raise Malformed("the path is not UTF-8") from None
    if not path.startswith("/"):
        raise Malformed("the path must start with a slash")
    if "\\" in path or ";" in path or any(unicodedata.category(character) in _UNSEEN for character in path):
        raise Malformed("the path holds a control character, a backslash or a semicolon")
    if not path.isascii() and unicodedata.normalize("NFKC", path) != path:
        raise Malformed("the path holds characters that have a second spelling (Unicode NFKC)")
    segments = path[1:].split("/")
    if "" in segments[:-1]:
        raise Malformed("the path holds an empty segment (//)")
    if "." in segments or ".." in segments:
        raise Malformed("the path holds a dot segment (. or ..)")
    return path
