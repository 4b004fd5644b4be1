"""Properties of what reads credentials: the Authorization header, Basic, and access tokens.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from refusals import attempt

from falconbox.authentication import Authenticator
from falconbox.authentication.basic import read_credentials
from falconbox.authentication.verification import CredentialVerifier
from falconbox.media import strict_json
from falconbox.model import Client, StoredSecret
from falconbox.oauth.algorithms import ES256
from falconbox.oauth.compact import MAX_TOKEN
from falconbox.oauth.key_records import SigningKey
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.tokens import TYPE, AccessTokens
from falconbox.world import World


class _PlainVerifier(CredentialVerifier):
    """Compares in no time, remembers nothing, and counts."""

    def __init__(self) -> None:
        self.verifications = 0

    def verify(
        self,
        use: str,
        client_id: str,
        secret: str,
        client: Client | None,
        *,
        permitted: bool,
        address: str,
        otherwise: str | None = None,
    ) -> bool:
        self.verifications += 1
        return permitted and client is not None and client.secrets[0].hash in (secret, otherwise)


NOW = 1_800_000_000
ISSUER = "https://box.example"
SECRET = "s:é"
CLIENT = Client(
    id="me", version=1, generation="g", active=True, grant_types=frozenset({"basic", "client_credentials"}),
    secrets=(StoredSecret("1", SECRET),), token_lifetime=3600, audiences=None, public={"id": "me"}, updated_at=0.0,
)  # fmt: skip
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()
_PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
KID = ES256.thumbprint(_PRIVATE.public_key())
_KEY = SigningKey(KID, "ES256", _PRIVATE, _PRIVATE.public_key(), created=0.0, signs_from=0.0)
_TOKENS = AccessTokens(SigningKeys([_KEY]), ISSUER, lambda: NOW)
TOKEN, CLAIMS, _ = _TOKENS.issue(CLIENT, "sid")
HEADER = {"alg": "ES256", "kid": KID, "typ": TYPE}
_VERIFIER = _PlainVerifier()
_WORLD = World(clients={"me": CLIENT})


def authorization(data: bytes) -> None:
    """Only the one spelling of the right credentials is accepted; nothing is verified more than once."""
    header = data.decode("latin-1").replace("{basic}", BASIC).replace("{token}", TOKEN)
    # A new one for each header: what is remembered of another must not decide.
    authenticator = Authenticator(_VERIFIER, _TOKENS)
    before = _VERIFIER.verifications
    caller = attempt(authenticator.authenticate, header, _WORLD, "192.0.2.1")
    assert _VERIFIER.verifications - before <= 1
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
