"""How a signing key is stored: what is written of it, and how it is read back and proven whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm

from falconbox.errors import StartupError
from falconbox.oauth.algorithms import ALGORITHMS, Algorithm, PrivateKey, PublicKey
from falconbox.oauth.sealing import Locked, Seal
from falconbox.store import Record

KIND: Final = "SigningKey"
END_OF_TIME: Final = 253402300800.0
"""The year 10000."""


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
    while True:
        private = algorithm.generate()
        public = private.public_key()
        kid = algorithm.thumbprint(public)
        # It is given to commands, and must not look like one of their options.
        if not kid.startswith("-"):
            return SigningKey(kid, algorithm.name, private, public, created, signs_from)


def key_body(key: SigningKey, seal: Seal) -> dict[str, Any]:
    """Return what is stored of a key."""
    named = {"kid": key.kid, "alg": key.algorithm, "created": key.created, "signs_from": key.signs_from}
    return {**named, **seal.close(key.private)}


def read_key(record: Record, seal: Seal) -> SigningKey:
    """Return the key in a stored document. Raises StartupError, which never shows the key, if it cannot be used."""
    try:
        body = record.body
        algorithm = ALGORITHMS[body["alg"]]
        private = seal.open(body)
        if not algorithm.fits(private):
            raise TypeError("no key of its algorithm")
        public = private.public_key()
        if body["kid"] != algorithm.thumbprint(public):
            raise ValueError("its id belongs to another key")
        return SigningKey(body["kid"], algorithm.name, private, public, *times(body))
    except Locked as error:
        raise StartupError(f"the signing key {record.id!r} in the store {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm) as error:
        raise StartupError(
            f"the signing key {record.id!r} in the store cannot be used ({type(error).__name__}): restore it from a"
            f" backup, or give it up with `falconbox keys retire {record.id} --force`"
        ) from error


def times(body: Mapping[str, Any]) -> tuple[float, float]:
    """Return when a stored key was made, and from when it signs. Raises KeyError, TypeError or ValueError."""
    created = float(body["created"])
    signs_from = float(body.get("signs_from", created))
    if not 0 <= created < END_OF_TIME or not 0 <= signs_from < END_OF_TIME:
        raise ValueError("no time")
    return created, signs_from
