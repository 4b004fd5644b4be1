"""How a hash of a secret is made, and how two of them can be compared with a secret at the cost of one.

A hash is argon2id in the PHC format: `$argon2id$v=19$m=...,t=...,p=...$salt$tag`. Everything but the tag is its
*recipe*. Hashes of one recipe are told from a secret by computing once, and looking which of them has come out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from typing import Final

from argon2.low_level import ARGON2_VERSION, Type, hash_secret

SALT_BYTES: Final = 16

_HASH: Final = re.compile(
    r"(?P<sha256>sha256)?\$argon2id\$v=19\$m=(?P<m>[1-9]\d{0,6}),t=(?P<t>[1-9]\d{0,2}),p=(?P<p>[1-9]\d{0,2})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<tag>[A-Za-z0-9+/]{22,86})",
    re.ASCII,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a hash out of a secret. `memory` is in KiB, `length` in bytes.

    The defaults are the profile that OWASP recommends. `of_sha256`: of the hexadecimal SHA-256 of the secret, which is
    all that was known of it when the hash was made; in the hash, `sha256` stands in front.
    """

    salt: bytes = dataclasses.field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)
    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    length: int = 32
    of_sha256: bool = False

    def is_current(self) -> bool:
        """Whether a hash that is made today has the same parameters."""
        return dataclasses.replace(self, salt=b"") == Recipe(salt=b"")

    def hash(self, secret: str) -> str:
        """Return the hash of a secret. Slow. Raises argon2.exceptions.HashingError when there is no memory for it."""
        # A text that is not Unicode is no secret, and must cost what others do.
        known = secret.encode(errors="surrogatepass")
        return self.hash_sha256(hashlib.sha256(known).hexdigest()) if self.of_sha256 else self._compute(known)

    def hash_sha256(self, digest: str) -> str:
        """Return the hash of a secret of which the SHA-256 is known, in hexadecimal digits."""
        return "sha256" + self._compute(digest.lower().encode())

    def _compute(self, known: bytes) -> str:
        parameters = (self.passes, self.memory, self.lanes, self.length, Type.ID, ARGON2_VERSION)
        return hash_secret(known, self.salt, *parameters).decode()


def read_recipe(text: str) -> Recipe | None:
    """Return the recipe of a hash, if it is one whose cost can be borne (256 MiB, 10 passes, 4 lanes)."""
    found = _HASH.fullmatch(text)
    if found is None:
        return None
    salt, tag = _decode(found["salt"]), _decode(found["tag"])
    memory, passes, lanes = int(found["m"]), int(found["t"]), int(found["p"])
    if salt is None or tag is None or memory > 256 * 1024 or memory < 8 * lanes or passes > 10 or lanes > 4:
        return None
    return Recipe(salt, memory, passes, lanes, len(tag), found["sha256"] is not None)


def _decode(text: str) -> bytes | None:
    try:
        data = b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    # A second spelling of the same bytes would never come out again.
    return data if b64encode(data).decode().rstrip("=") == text else None
