"""How a signing key is stored: what is written of it, and how it is read back and proven whole."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from falconbox.errors import StartupError
from falconbox.oauth.algorithms import ALGORITHMS, Algorithm, PrivateKey, PublicKey
from falconbox.store import Record

KIND: Final = "SigningKey"


@dataclasses.dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair for one algorithm; `kid` is its thumbprint (RFC 7638). Times are seconds since the epoch."""

    kid: str
    algorithm: str
    private: PrivateKey
    public: PublicKey
    created: float
    signs_from: float


def new_key(algorithm: Algorithm, created: float, signs_from: float) -> SigningKey:
    """Make a key."""
    private = algorithm.generate()
    public = private.public_key()
    return SigningKey(algorithm.thumbprint(public), algorithm.name, private, public, created, signs_from)


def key_body(key: SigningKey) -> dict[str, Any]:
    """Return what is stored of a key."""
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "private_key": pem,
        "kid": key.kid,
        "alg": key.algorithm,
        "created": key.created,
        "signs_from": key.signs_from,
    }


def read_key(record: Record) -> SigningKey:
    """Return the key in a stored document. Raises StartupError, which never shows the key, if it cannot be used."""
    try:
        body = record.body
        algorithm = ALGORITHMS[body["alg"]]
        private = load_pem_private_key(body["private_key"].encode(), password=None)
        if not algorithm.fits(private):
            raise TypeError("no key of its algorithm")
        public = private.public_key()
        if body["kid"] != algorithm.thumbprint(public):
            raise ValueError("its id belongs to another key")
        return SigningKey(body["kid"], algorithm.name, private, public, *schedule(body))
    except (KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm) as error:
        detail = f"the signing key {record.id!r} in the store cannot be used ({type(error).__name__})"
        raise StartupError(f"{detail}: restore it from a backup, or delete it to make a new one") from error


def schedule(body: Mapping[str, Any]) -> tuple[float, float]:
    """Return when a stored key was made, and from when it signs. Raises KeyError, TypeError or ValueError."""
    created = float(body["created"])
    signs_from = float(body.get("signs_from", created))
    if not math.isfinite(created + signs_from):
        raise ValueError("no time")
    return created, signs_from
