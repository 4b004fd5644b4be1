"""Private keys at rest: PKCS #8, encrypted if there is a passphrase.

PKCS #8 stretches a passphrase by 2,048 rounds of PBKDF2, a millisecond for each guess. So the container's password is
not the passphrase but what Argon2id makes of it and of the key's own salt: a hundred times as long, and 64 MiB.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from falconbox.oauth.algorithms import PrivateKey

KDF: Final = "argon2id-rfc9106-low-memory"
"""How passwords are made, by name: whoever can write the store cannot choose what that costs us."""

SALT: Final = 16
VARIABLE: Final = "FALCONBOX_KEY_PASSPHRASE"


class Locked(Exception):
    """A stored key cannot be opened with what is given. The message ends a sentence that begins with the key."""


class Seal:
    """Encrypts and decrypts private keys with one passphrase; without one, it keeps them as they are."""

    def __init__(self, passphrase: str | None = None, named: str = VARIABLE) -> None:
        """`named` is what people give the passphrase as."""
        self._passphrase = passphrase
        self._named = named
        # By salt: a key is read again whenever its document changes.
        self._passwords: dict[bytes, bytes] = {}

    @property
    def has_passphrase(self) -> bool:
        """Whether it encrypts."""
        return self._passphrase is not None

    def close(self, private: PrivateKey) -> dict[str, Any]:
        """Return what is stored of a private key."""
        if self._passphrase is None:
            return {"private_key": _pem(private, NoEncryption())}
        salt = secrets.token_bytes(SALT)
        encryption = BestAvailableEncryption(self._password(self._passphrase, salt))
        return {"private_key": _pem(private, encryption), "kdf": {"name": KDF, "salt": salt.hex()}}

    def open(self, body: Mapping[str, Any]) -> Any:
        """Return the private key in a stored body, of whatever kind it is.

        Raises Locked, and KeyError, TypeError, ValueError, AttributeError or UnsupportedAlgorithm if it is broken.
        """
        pem = body["private_key"].encode()
        if not is_sealed(body):
            if self._passphrase is not None:
                raise Locked(f"is not encrypted although {self._named} is set: run `falconbox keys encrypt`")
            return load_pem_private_key(pem, password=None)
        if self._passphrase is None:
            or_file = f" or {VARIABLE}_FILE" if self._named == VARIABLE else ""
            raise Locked(f"is encrypted: set {self._named}{or_file}")
        if body["kdf"]["name"] != KDF:
            raise ValueError("made in a way that is not known")
        password = self._password(self._passphrase, bytes.fromhex(body["kdf"]["salt"]))
        try:
            return load_pem_private_key(pem, password)
        except ValueError:
            raise Locked(f"cannot be decrypted: {self._named} is not its passphrase, or it is damaged") from None

    def _password(self, passphrase: str, salt: bytes) -> bytes:
        if salt not in self._passwords:
            profile = RFC_9106_LOW_MEMORY
            stretched = hash_secret_raw(
                passphrase.encode(),
                salt,
                time_cost=profile.time_cost,
                memory_cost=profile.memory_cost,
                parallelism=profile.parallelism,
                hash_len=32,
                type=Type.ID,
            )
            self._passwords[salt] = stretched.hex().encode()
        return self._passwords[salt]


PLAIN: Final = Seal()


def is_sealed(body: Mapping[str, Any]) -> bool:
    """Whether a stored body says that its private key is encrypted."""
    return "kdf" in body


def _pem(private: PrivateKey, encryption: KeySerializationEncryption) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
