"""The second name of a resource of the box: for things whose ids the box does not take, such as an email address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox.routes import is_id

FIELD: Final = "identifier"
"""The member that holds it, and the declared field by which the store finds it."""

MAX_LENGTH: Final = 256
"""Characters of the longest one."""


def is_identifier(text: str) -> bool:
    """Whether a text can only be an identifier: it is not too long for one, and no id."""
    return 0 < len(text) <= MAX_LENGTH and not is_id(text)


def identifier_of(body: Mapping[str, Any]) -> str | None:
    """Return the identifier of a resource, if it has one. Any other `identifier` is a member like others."""
    value = body.get(FIELD)
    return value if isinstance(value, str) and is_identifier(value) else None


def fields_of(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the declared fields of a resource of the box."""
    identifier = identifier_of(body)
    return {} if identifier is None else {FIELD: [identifier]}
