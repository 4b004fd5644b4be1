"""Registering a client: what is stored of the document that describes it, with its secret hashed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from falconbox.admission import Admission
from falconbox.authentication.rotation import stored_secret
from falconbox.mapping import client_body, secrets_from_body

HashSecret = Callable[[str], str]


def registered(
    document: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    admission: Admission,
    hash_secret: HashSecret,
    now: float,
) -> dict[str, Any]:
    """Return the stored body of a client that is described by a document, in the place of the one that was `before`.

    A secret in it takes the place of all that are stored; without one they are kept. Raises Invalid.
    """
    public = admission.client(document)
    secrets = () if before is None else secrets_from_body(before)
    if "secret" in document:
        secrets = (stored_secret(hash_secret(document["secret"]), now),)
    return client_body(public, secrets, before)
