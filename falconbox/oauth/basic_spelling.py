"""Which of two spellings of Basic credentials was sent: as they are, or form-encoded (RFC 6749 section 2.3.1).

The RFC has clients encode id and secret before they go into the header. Some do, down to hyphens and full stops, and
many do not. Trying both readings would make two guesses of one and give wrong secrets two costs, so one is chosen, by
the text alone: it is form-encoded if an encoder can have written it and there is an escape in it. Two kinds of secret
are misread by this rule and belong into the body: those that look like an encoded text themselves (`100%25`), if sent
as they are; and those whose only odd characters are spaces, if form-encoded (a `+` alone is read as a plus).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

# What encoders leave (the safe characters of HTML's, of encodeURIComponent's, of Python's and of Java's together) or
# write as an escape; none of them encodes a letter or a digit.
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9*\-._~!'()+]|%(?!3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])[0-9A-Fa-f]{2})*")


def read_spelling(client_id: str, secret: str) -> tuple[str, str]:
    """Return id and secret as they are meant."""
    sent = (client_id, secret)
    if "%" not in client_id + secret or not all(_ENCODED.fullmatch(text) for text in sent):
        return sent
    try:
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except UnicodeDecodeError:
        return sent
