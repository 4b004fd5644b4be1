"""What the version of a document tells: of which write it is, or that it was appended."""

from __future__ import annotations

import secrets

from falconbox.errors import StoreConflict
from falconbox.store import Expect


def appended_version() -> int:
    """Return the version of a document that is appended: below zero, another one each time, and in no feed."""
    return -1 - secrets.randbits(52)


def check_expected(version: int | None, expect: int | Expect) -> None:
    """Raise StoreConflict unless a document at this version, or None, is what is expected."""
    if expect is Expect.ABSENT and version is not None:
        raise StoreConflict("the document exists already", version)
    if isinstance(expect, int) and version != expect:
        raise StoreConflict("the document is not at the expected version", version)
