"""Secrets as Aidbox stores them: `__sha256:` and the SHA-256 of the secret, in hexadecimal digits.

Taken for a secret, such a text would open to whoever has read Aidbox's database, and not to whoever has the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from falconbox.errors import Problem

PREFIX: Final = "__sha256:"
VARIABLE: Final = "FALCONBOX_IMPORT_SHA256_SECRETS"
REFUSED: Final = (
    f"is the SHA-256 of a secret, as Aidbox stores it, and not a secret: give the secret itself, or import it into a"
    f" client that is created or replaced while {VARIABLE} is set"
)


def sha256_of(secret: str) -> str | None:
    """Return the hexadecimal SHA-256 that an imported secret consists of; None for any other text."""
    found = re.fullmatch(f"{PREFIX}([0-9A-Fa-f]{{64}})", secret, re.ASCII)
    return None if found is None else found[1].lower()


def imported_problems(document: Any, *, permitted: bool) -> Iterator[Problem]:
    """Yield what is wrong with the secret of a document, if it has the form of one to import."""
    secret = document.get("secret") if isinstance(document, dict) else None
    if not isinstance(secret, str) or not secret.startswith(PREFIX):
        return
    if not permitted:
        yield Problem("/secret", REFUSED)
    elif sha256_of(secret) is None:
        yield Problem("/secret", f"must be {PREFIX} and 64 hexadecimal digits")
