"""What a client is granted of the scopes that it may ask for (RFC 6749 section 3.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from falconbox.errors import OAuthRequestRefused

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


def granted_scope(requested: str | None, allowed: Sequence[str]) -> str | None:
    """Return the scope of a token: what was requested, or else everything that is allowed. None: there is none.

    Raises OAuthRequestRefused (invalid_scope) for what is malformed or not allowed; nothing is granted in part.
    """
    if requested is None:
        return " ".join(allowed) or None
    if not _SCOPE.fullmatch(requested):
        raise OAuthRequestRefused("invalid_scope", "scope must be names with one space between them")
    wanted = dict.fromkeys(requested.split(" "))
    if not wanted.keys() <= set(allowed):
        raise OAuthRequestRefused("invalid_scope", "the client may not ask for this scope")
    return " ".join(wanted)
