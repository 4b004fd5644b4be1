"""What Basic credentials mean: as they are, or form-encoded (RFC 6749 section 2.3.1).

The RFC has clients encode id and secret before they go into the header. Some do, down to hyphens and full stops, and
many do not. A text that no encoder can have written, or that encoding leaves as it is, has one reading. One that can be
read both ways (`a+long+secret`, `100%25`) has two, whoever sends it: so wrong ones cost the same whatever is wrong.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

# What encoders leave (the safe characters of HTML's, of encodeURIComponent's, of Python's and of Java's together) or
# write as an escape; none of them encodes a letter or a digit.
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9*\-._~!'()+]|%(?!3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])[0-9A-Fa-f]{2})*")


def read_spelling(client_id: str, secret: str) -> tuple[str, str, str | None]:
    """Return the id, what the secret means, and what else it may mean, if anything. The likelier one comes first."""
    if not (_ENCODED.fullmatch(client_id) and _ENCODED.fullmatch(secret)):
        return client_id, secret, None
    try:
        decoded_id, decoded = (unquote_plus(text, errors="strict") for text in (client_id, secret))
    except UnicodeDecodeError:
        return client_id, secret, None
    if "%" in client_id:  # No id has one.
        return decoded_id, decoded, None
    if decoded == secret:
        return client_id, secret, None
    return (client_id, decoded, secret) if "%" in secret else (client_id, secret, decoded)
