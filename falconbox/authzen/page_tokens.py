"""Tokens that lead to the next page of a search, and of no other search.

They are sealed: the id in them may be that of something which the caller may not know of, and where a search goes on
is not the caller's to choose. The key is in the store, so that every node reads them.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from falconbox.errors import Malformed, StoreConflict
from falconbox.store import Expect, Record, Store

KIND: Final = "page-key"
FIRST: Final = "first"
NONCE: Final = 12
PLACE: Final = 64
"""Bytes of the longest id. Shorter ones are filled up, so that a token does not tell how long its id is."""


class PageTokens:
    """Makes and reads tokens. Safe to call from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cipher: AESGCM | None = None

    def seal(self, place: str, search: bytes) -> str:
        """Return the token for the page behind an id. Raises StoreError."""
        nonce = secrets.token_bytes(NONCE)
        sealed = self._key().encrypt(nonce, place.encode().ljust(PLACE, b"\0"), search)
        return _text(nonce + sealed)

    def open(self, token: str, search: bytes) -> str:
        """Return the id in a token. Raises Malformed if it was not made for this search, and StoreError."""
        cipher = self._key()
        try:
            data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            if _text(data) != token:
                raise ValueError("a second spelling")
            return cipher.decrypt(data[:NONCE], data[NONCE:], search).rstrip(b"\0").decode()
        except (UnicodeEncodeError, ValueError, InvalidTag):
            raise Malformed("page.token is not one of this search: start again without it") from None

    def _key(self) -> AESGCM:
        if self._cipher is None:
            record = self._store.get(KIND, FIRST) or self._make()
            self._cipher = AESGCM(bytes.fromhex(record.body["key"]))
        return self._cipher

    def _make(self) -> Record:
        try:
            return self._store.put(KIND, FIRST, {"key": secrets.token_hex(32)}, expect=Expect.ABSENT)
        except StoreConflict:
            record = self._store.get(KIND, FIRST)
            if record is None:
                raise
            return record


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
