"""What is shown of clients and policies, over HTTP and by commands: never a secret, nor anything made from one."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from falconbox.authentication.secret_uses import use_name
from falconbox.model import AccessPolicy, Client, live
from falconbox.resources.exchange import iso, with_meta

NONE: Final[Mapping[str, int]] = MappingProxyType({})


def shown(held: Client | AccessPolicy, last_uses: Mapping[str, int] = NONE) -> dict[str, Any]:
    """Return what is shown of a client or policy. `last_uses` has when secrets were used last, by `use_name`."""
    source = None if held.source is None else dataclasses.asdict(held.source)
    secrets = _secrets(held, last_uses) if isinstance(held, Client) else None
    return with_meta(held.document_view, held.version, held.updated_at, source=source, secrets=secrets)


def _secrets(client: Client, last_uses: Mapping[str, int]) -> list[dict[str, Any]] | None:
    """Return what may be told of a client's live secrets."""
    told: list[dict[str, Any]] = []
    for held in live(client.secrets, time.time()):
        last_used = last_uses.get(use_name(client.id, held.id))
        moments = {"created": held.created, "expires": held.expires, "last_used": last_used}
        told.append({"id": held.id, **{name: iso(moment) for name, moment in moments.items() if moment is not None}})
    return told or None
