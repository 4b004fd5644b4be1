"""The bodies of stored documents are JSON text, in every store."""

from __future__ import annotations

import json
from typing import Any

from falconbox.errors import StoreUnavailable


def body_of(kind: str, id: str, text: Any) -> Any:
    """Return the body that a stored text is. Raises StoreUnavailable if it is damaged; it is not quoted."""
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise StoreUnavailable(f"{kind}/{id} is damaged in the store: restore it from a backup") from error
