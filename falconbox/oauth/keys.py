"""Signing keys: kept in the store, shared by all nodes, each for one algorithm."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from falconbox.errors import StartupError, StoreConflict
from falconbox.store import Expect, Record, Store

KIND: Final = "SigningKey"
FIRST: Final = "first"
"""The id of the key that a first start makes: fixed, so that of two nodes that start at once only one makes it."""

ALGORITHM: Final = "ES256"


@dataclasses.dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; `kid` is its thumbprint (RFC 7638)."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey
    created: float
    algorithm: str = ALGORITHM


class SigningKeys:
    """The keys of this service: the newest signs, all of them verify."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._by_kid = {key.kid: key for key in keys}
        self.signing = max(self._by_kid.values(), key=lambda key: key.created)

    @classmethod
    def open(cls, store: Store) -> SigningKeys:
        """Return the keys in the store, making the first one if there is none.

        Raises StartupError for a key that cannot be used, and StoreError.
        """
        records = store.find(KIND, limit=1000).records
        return cls(_read(record) for record in records or (_make(store),))

    def verification(self, kid: str) -> SigningKey | None:
        """Return the key of that id."""
        return self._by_kid.get(kid)

    def jwk_set(self) -> dict[str, Any]:
        """Return the public halves as a JWK Set (RFC 7517 section 5), the signing one first."""
        keys = sorted(self._by_kid.values(), key=lambda key: (key is not self.signing, -key.created))
        return {"keys": [{**_members(key.public), "kid": key.kid, "use": "sig", "alg": key.algorithm} for key in keys]}


def _make(store: Store) -> Record:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    body = {"private_key": pem, "kid": thumbprint(private.public_key()), "alg": ALGORITHM, "created": time.time()}
    try:
        return store.put(KIND, FIRST, body, expect=Expect.ABSENT)
    except StoreConflict:
        record = store.get(KIND, FIRST)
        if record is None:
            raise StartupError(
                "another node has made and deleted the signing key at this moment; start again"
            ) from None
        return record


def _read(record: Record) -> SigningKey:
    try:
        private = load_pem_private_key(record.body["private_key"].encode(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise TypeError("no P-256 key")
        public = private.public_key()
        if record.body["kid"] != thumbprint(public) or record.body["alg"] != ALGORITHM:
            raise ValueError("its id or algorithm belongs to another key")
        return SigningKey(record.body["kid"], private, public, float(record.body["created"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f"the signing key {record.id!r} in the store cannot be used ({type(error).__name__})"
        raise StartupError(f"{detail}: restore it from a backup, or delete it to make a new one") from error


def thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    """Return the JWK thumbprint of a P-256 key (RFC 7638 section 3)."""
    canonical = json.dumps(_members(public), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _members(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    return {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(32, "big"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
