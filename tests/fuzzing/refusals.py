"""The one outcome besides an answer: the refusal that a parser documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from falconbox.errors import CredentialsRejected, Malformed

REFUSED = object()
"""Stands for a refusal where None is an answer."""


def attempt(read: Callable[..., Any], *arguments: Any, refused: Any = None) -> Any:
    """Return what a parser returns, or `refused`; a refusal must say something, and where if it says where."""
    try:
        return read(*arguments)
    except (Malformed, CredentialsRejected) as refusal:
        assert refusal.detail
        places = [getattr(refusal, name, None) for name in ("line", "column")]
        assert all(place is None or place >= 1 for place in places)
        return refused
