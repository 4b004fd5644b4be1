"""Properties of what reads where a request goes and where it comes from: its target, and forwarded headers.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import parse_qsl, quote

from refusals import attempt

from falconbox.canonical import Target, canonical_target, read_target
from falconbox.forwarded import Proxies

PLAIN = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?(\?[a-z0-9=&]{0,200})?")
"""Targets that nobody reads in two ways."""


def canonical(data: bytes) -> None:
    """An accepted target is its canonical path percent-encoded, and nothing else is; the query is as urllib reads it."""
    raw, _, other = data.decode("latin-1").partition("\n")
    server = {"REQUEST_URI": raw, "PATH_INFO": other, "HTTP_HOST": "box"}
    agreed = attempt(canonical_target, server)
    assert agreed is None or agreed.path.encode() == other.encode("latin-1")
    _check_without_raw(other)
    target = attempt(read_target, raw)
    if target is None:
        assert not PLAIN.fullmatch(raw)
        return
    _check_path(target.path)
    sent, mark, query = raw.partition("?")
    assert _decoded(sent) == target.path.encode()
    assert sent.count("/") == target.path.count("/")
    assert not {*"?#%"} & {*target.path}
    assert target.query == (query or None)
    assert target.params == _grouped(query)
    for again in (quote(target.path, safe="/"), re.sub("[^/]", lambda found: _all_encoded(found[0]), target.path)):
        assert read_target(again + mark + query) == target
    decoded = _decoded(sent).decode("latin-1")
    for spelling in (raw, f"http://box{raw}"):
        assert canonical_target({"REQUEST_URI": spelling, "PATH_INFO": decoded, "HTTP_HOST": "box"}) == target
    assert canonical_target({"PATH_INFO": decoded, "QUERY_STRING": query}) == target


def _check_without_raw(text: str) -> None:
    path, _, query = text.partition("?")
    target: Target | None = attempt(canonical_target, {"PATH_INFO": path, "QUERY_STRING": query})
    if target is not None:
        _check_path(target.path)
        # What is read there would be read from a raw target too, unless only an encoded slash or the like tells them apart.
        respelt = attempt(read_target, quote(target.path, safe="/") + "?" + query)
        assert respelt is None or respelt == target
        assert respelt is not None or any(letter in target.path for letter in "?#%")


def _check_path(path: str) -> None:
    assert path.startswith("/")
    assert not {"", ".", ".."} & {*path[1:].split("/")[:-1]}
    assert path.rpartition("/")[2] not in {".", ".."}
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\\;]", path)


def _decoded(encoded: str) -> bytes:
    found = bytearray()
    rest = encoded
    while rest:
        if rest[0] == "%":
            found.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            found.append(ord(rest[0]))
            rest = rest[1:]
    return bytes(found)


def _all_encoded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _grouped(query: str) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="strict", separator="&"):
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


_TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
_PROXIES = Proxies(_TRUSTED)


def forwarded(data: bytes) -> None:
    """The address is the peer's, or the last one that no trusted proxy has, in its one spelling.

    Lines: the peer, X-Forwarded-For, X-Forwarded-Proto.
    """
    peer, chain, scheme = [*data.decode("latin-1").split("\n", 2), "", ""][:3]
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_X_FORWARDED_FOR": chain}
    found = attempt(_PROXIES.origin, {**environ, "HTTP_X_FORWARDED_PROTO": scheme} if scheme else environ)
    if not _trusted(peer):
        assert found == (_spelt(peer), "http")
        return
    if found is None:
        assert scheme not in ("", "http", "https") or not re.fullmatch(r"(\d\.\d\.\d\.\d)?(, \d\.\d\.\d\.\d)*", chain)
        return
    assert found[1] == (scheme or "http")
    hops = [hop.strip(" \t") for hop in chain.split(",") if hop.strip(" \t")]
    while hops and _trusted(hops[-1]):
        peer = hops.pop()
    peer = hops[-1] if hops else peer
    assert found[0] == _spelt(peer)
    assert re.fullmatch(r"[0-9a-f.:]+", found[0]) or not hops


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _spelt(text: str) -> str:
    try:
        return str(_address(text))
    except ValueError:
        return text


def _trusted(text: str) -> bool:
    try:
        address = _address(text)
    except ValueError:
        return False
    return any(address in network for network in _TRUSTED)
