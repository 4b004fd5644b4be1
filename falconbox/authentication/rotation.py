"""Several live secrets of one client: the newest, and those that it takes the place of, for as long as was said."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from falconbox.authentication.hashes import read_recipe
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid, Problem
from falconbox.mapping import secrets_from_body, with_secrets
from falconbox.model import StoredSecret, live

MAX_SECRETS: Final = 3
"""Live secrets of one client: one more than a rotation needs, so that one that went wrong can be done again."""

MAX_OVERLAP: Final = 90 * 24 * 3600
"""The longest overlap in seconds."""


def stored_secret(secret_hash: str, now: float) -> StoredSecret:
    """Return a secret that lives from now on, by its hash."""
    return StoredSecret(token_hex(4), secret_hash, now)


def rotated(
    body: Mapping[str, Any], secret: str, hasher: SecretHasher, *, overlap: float, now: float
) -> dict[str, Any]:
    """Return the stored body of a client with a new secret; those that it has go on for `overlap` seconds at most.

    Raises Invalid for a secret that is live already, and when too many are.
    """
    held = live(secrets_from_body(body), now)
    if hasher.find([known.hash for known in held], secret) is not None:
        raise Invalid([Problem("/secret", "is a secret of the client already: choose another one")])
    if overlap and len(held) >= MAX_SECRETS:
        ends = min(known.expires for known in held if known.expires is not None)
        first = dt.datetime.fromtimestamp(ends, dt.UTC).isoformat(timespec="seconds")
        detail = (
            f"{len(held)} secrets are live, which is all there can be: the first expires at {first}; 0 ends them now"
        )
        raise Invalid([Problem("/overlap", detail)])
    return with_secrets(body, renewed(held, secret, hasher, overlap=overlap, now=now))


def renewed(
    held: Sequence[StoredSecret], secret: str, hasher: SecretHasher, *, overlap: float, now: float
) -> tuple[StoredSecret, ...]:
    """Return a client's secrets with a new one in front; the live ones that it has go on for `overlap` seconds at most.

    The new one is hashed by the recipe of those that go on, so that all of them can be told at one cost.
    """
    kept = ended(held, now + overlap) if overlap else ()
    # One whose hash is broken opens nothing, and has no recipe.
    usable = tuple(known for known in kept if read_recipe(known.hash) is not None)
    secret_hash = hasher.hash(secret, beside=usable[0].hash if usable else None)
    return (stored_secret(secret_hash, now), *usable)


def ended(held: Sequence[StoredSecret], end: float) -> tuple[StoredSecret, ...]:
    """Return secrets that expire at `end` at the latest."""
    return tuple(
        dataclasses.replace(known, expires=end if known.expires is None else min(known.expires, end)) for known in held
    )
