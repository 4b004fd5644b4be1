"""Properties of what reads the head of a request: target, credentials, tokens, forwarded headers.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from falconbox.authentication import Authenticator
from falconbox.authentication.basic import read_credentials
from falconbox.authentication.secrets import SecretHasher
from falconbox.canonical import Target, canonical_target, read_target
from falconbox.errors import CredentialsRejected, Malformed
from falconbox.forwarded import Proxies
from falconbox.media import strict_json
from falconbox.model import Client
from falconbox.oauth.keys import SigningKey, SigningKeys, thumbprint
from falconbox.oauth.tokens import MAX_TOKEN, TYPE, AccessTokens
from falconbox.world import World

PLAIN = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?(\?[a-z0-9=&]{0,200})?")
"""Targets that nobody reads in two ways."""


def attempt(read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a reader returns, or None for its documented refusal, which must say something."""
    try:
        return read(*arguments)
    except (Malformed, CredentialsRejected) as refusal:
        assert refusal.detail
        return None


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


class _PlainHasher(SecretHasher):
    """Compares in no time, and counts."""

    def __init__(self) -> None:
        self.slow_verifications = 0

    def verify(self, secret_hash: str | None, secret: str) -> bool:
        self.slow_verifications += 1
        return secret_hash == secret


NOW = 1_800_000_000
ISSUER = "https://box.example"
SECRET = "s:é"
CLIENT = Client(
    id="me", version=1, generation="g", active=True, grant_types=frozenset({"basic", "client_credentials"}),
    secret_hash=SECRET, token_lifetime=3600, audiences=None, public={"id": "me"}, updated_at=0.0,
)  # fmt: skip
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()
_PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
KID = thumbprint(_PRIVATE.public_key())
_TOKENS = AccessTokens(SigningKeys([SigningKey(KID, _PRIVATE, _PRIVATE.public_key(), 0.0)]), ISSUER, lambda: NOW)
TOKEN, CLAIMS = _TOKENS.issue(CLIENT, "sid", None)
HEADER = {"alg": "ES256", "kid": KID, "typ": TYPE}
_HASHER = _PlainHasher()
_WORLD = World(clients={"me": CLIENT})


def authorization(data: bytes) -> None:
    """Only the one spelling of the right credentials is accepted; nothing costs more than one slow verification."""
    header = data.decode("latin-1").replace("{basic}", BASIC).replace("{token}", TOKEN)
    # A new one for each header: what is remembered of another must not decide.
    authenticator = Authenticator(_HASHER, _TOKENS)
    before = _HASHER.slow_verifications
    caller = attempt(authenticator.authenticate, header, _WORLD)
    assert _HASHER.slow_verifications - before <= 1
    scheme, _, credentials = header.partition(" ")
    right = {"basic": BASIC, "bearer": TOKEN}.get(scheme.lower())
    assert (caller is not None) == (credentials == right)
    assert caller is None or caller.client is CLIENT


def basic(data: bytes) -> None:
    """An id and a secret survive being encoded, and no text but that encoding is read."""
    found = attempt(read_credentials, data.decode("latin-1"))
    if found is not None:
        assert base64.b64encode(":".join(found).encode()) == data
    again = attempt(read_credentials, base64.b64encode(data).decode())
    try:
        text = data.decode()
    except UnicodeDecodeError:
        assert again is None
        return
    plain = ":" in text and not re.search(r"[\x00-\x1f\x7f]", text)
    assert again == (tuple(text.split(":", 1)) if plain else None)


def token(data: bytes) -> None:
    """A token is accepted in one spelling, with exactly our header, and only if every claim is right.

    `H...` is signed as a header, `C...` as claims; anything else is a whole token.
    """
    if data[:1] in (b"H", b"C"):
        header, claims = (data[1:], _json(CLAIMS)) if data[:1] == b"H" else (_json(HEADER), data[1:])
        text = _signed(header, claims)
        accepted = attempt(_TOKENS.verify, text)
        right = len(text) <= MAX_TOKEN and attempt(strict_json.loads, header) == HEADER and _right(claims)
        assert (accepted is not None) == right
    else:
        ours = dict(zip(("{header}", "{claims}", "{signature}"), TOKEN.split("."), strict=True))
        text = re.sub(r"\{\w+\}", lambda found: ours.get(found[0], found[0]), data.decode("latin-1"))
        accepted = attempt(_TOKENS.verify, text)
        assert (accepted is not None) == (text == TOKEN)
    if accepted is not None:
        assert accepted == json.loads(binascii.a2b_base64(text.split(".")[1].translate(_ALPHABET) + "=="))


_ALPHABET = str.maketrans("-_", "+/")
_ECDSA = ECAlgorithm(ECAlgorithm.SHA256)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _signed(header: bytes, claims: bytes) -> str:
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims)]
    signature = _ECDSA.sign(b".".join(parts), _PRIVATE)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def _right(data: bytes) -> bool:
    claims = attempt(strict_json.loads, data)
    if not isinstance(claims, dict):
        return False
    strings = all(isinstance(claims.get(name), str) for name in ("iss", "sub", "client_id", "jti", "sid", "gen"))
    times = type(claims.get("iat")) is int and type(claims.get("exp", NOW + 1)) is int
    if not (strings and times and claims["iat"] <= NOW + 60 and claims.get("exp", NOW + 1) > NOW):
        return False
    audience = claims.get("aud")
    return claims["iss"] == ISSUER and (audience == ISSUER or (isinstance(audience, list) and ISSUER in audience))


_TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
_PROXIES = Proxies(_TRUSTED)


def forwarded(data: bytes) -> None:
    """The address is the peer's, or the last one that no trusted proxy has, in its one spelling.

    Lines: the peer, X-Forwarded-For, X-Forwarded-Proto.
    """
    peer, chain, scheme = (data.decode("latin-1").split("\n", 2) + ["", ""])[:3]
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_X_FORWARDED_FOR": chain}
    found = attempt(_PROXIES.origin, {**environ, "HTTP_X_FORWARDED_PROTO": scheme} if scheme else environ)
    if not _trusted(peer):
        assert found == (peer, "http")
        return
    if found is None:
        assert scheme not in ("", "http", "https") or not re.fullmatch(r"(\d\.\d\.\d\.\d)?(, \d\.\d\.\d\.\d)*", chain)
        return
    assert found[1] == (scheme or "http")
    hops = [hop.strip(" \t") for hop in chain.split(",") if hop.strip(" \t")]
    while hops and _trusted(hops[-1]):
        peer = hops.pop()
    peer = hops[-1] if hops else peer
    assert found[0] == (peer if not hops and not chain.strip(" \t,") else str(_address(peer)))
    assert re.fullmatch(r"[0-9a-f.:]+", found[0]) or found[0] == peer


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _trusted(text: str) -> bool:
    try:
        address = _address(text)
    except ValueError:
        return False
    return any(address in network for network in _TRUSTED)
