"""Signed JWTs in their compact form (RFC 7515 section 7.1), read strictly before PyJWT sees them.

There is one spelling of each: no padding, canonical base64url, JSON objects without duplicate names.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

import jwt
from jwt.algorithms import OKPAlgorithm

from falconbox.errors import CredentialsRejected, Malformed
from falconbox.media import strict_json

MAX_TOKEN: Final = 8192
"""The longest token in characters that is looked at."""

_JWS: Final = jwt.PyJWS()
_JWS.register_algorithm("Ed25519", OKPAlgorithm())  # the name that RFC 9864 gives to EdDSA with that curve


def read_compact(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and claims of a token whose signature has not been looked at. Raises CredentialsRejected."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        raise CredentialsRejected("the token is too long, or does not have three parts")
    header, claims, _ = (_decode(part) for part in parts)
    return _object(header), _object(claims)


def check_signature(token: str, public_key: Any, algorithm: str) -> None:
    """Check the signature of a token that `read_compact` has read, by the key's algorithm. Raises CredentialsRejected.

    The algorithm is that of the key; a token whose header names another one is rejected.
    """
    try:
        # The claims are ours to check: PyJWT accepts an `exp` that is missing or a string.
        _JWS.decode_complete(token, public_key, algorithms=[algorithm])
    except jwt.PyJWTError as error:
        raise CredentialsRejected(f"the token's signature is not valid: {type(error).__name__}") from None


def _decode(part: str) -> bytes:
    try:
        decoded = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise CredentialsRejected("a part of the token is not base64url") from None
    # Padding, other alphabets and stray bits would be second spellings of one token.
    if urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise CredentialsRejected("a part of the token is not in canonical base64url")
    return decoded


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        value = strict_json.loads(data)
    except Malformed:
        raise CredentialsRejected("a part of the token is not JSON") from None
    if not isinstance(value, dict):
        raise CredentialsRejected("a part of the token is no JSON object")
    return value
