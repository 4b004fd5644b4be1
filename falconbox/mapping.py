"""The one place where JSON keys become Python names: from documents and stored bodies to the nouns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from falconbox.model import POLICY_TYPES, AccessPolicy, Client, Effect, Mode, Source, StoredSecret
from falconbox.store import Record

DEFAULT_TOKEN_LIFETIME: Final = 3600
"""Seconds that an access token lives when its client does not say."""

POLICY_FIELDS: Final = frozenset(
    {"resourceType", "id", "description", "type", "link", "effect", "mode", "engine", "meta"}
)
"""Fields of an AccessPolicy that belong to no engine."""


def plain(document: Mapping[str, Any], resource_type: str) -> dict[str, Any]:
    """Return a checked document as it is stored: typed, without the server's `meta` and without a secret."""
    kept = {key: value for key, value in document.items() if key not in ("resourceType", "meta", "secret")}
    return {"resourceType": resource_type, **kept}


def client_body(
    document: Mapping[str, Any], secrets: Sequence[StoredSecret], previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the stored body of a checked client with these secrets, the newest first.

    `previous` is the stored body that it replaces. A new client, one that is switched off and one that loses a grant,
    a scope or an audience get a new generation, so that tokens issued before never work again.
    """
    public = plain(document, "Client")
    return with_secrets({"document": public, "generation": _generation(public, previous)}, secrets)


def with_secrets(body: Mapping[str, Any], secrets: Sequence[StoredSecret]) -> dict[str, Any]:
    """Return the stored body of a client with these secrets in the place of those that it has."""
    kept = {name: value for name, value in body.items() if name not in ("secrets", "secret_hash")}
    return {**kept, "secrets": [_without_none(dataclasses.asdict(secret)) for secret in secrets]}


def secrets_from_body(body: Mapping[str, Any]) -> tuple[StoredSecret, ...]:
    """Return the secrets in the stored body of a client, the newest first. Raises KeyError or TypeError."""
    if "secret_hash" in body:
        # As they were stored when a client had one secret.
        return (StoredSecret("0", body["secret_hash"]),)
    return tuple(StoredSecret(**stored) for stored in body.get("secrets", ()))


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _generation(public: Mapping[str, Any], previous: Mapping[str, Any] | None) -> str:
    if previous is not None:
        before = previous["document"]
        lost = any(set(before.get(name, ())) - set(public.get(name, ())) for name in ("grant_types", "scope"))
        switched_off = before.get("active", True) and not public.get("active", True)
        if not lost and not switched_off and not _lost_audience(before, public):
            return str(previous["generation"])
    return token_hex(16)


def _lost_audience(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    allowed, still = _audiences(before), _audiences(after)
    return still is not None and (allowed is None or not allowed <= still)


def _audiences(public: Mapping[str, Any]) -> frozenset[str] | None:
    audiences = public.get("auth", {}).get("client_credentials", {}).get("audience")
    return None if audiences is None else frozenset(audiences)


def client_from_body(
    body: Mapping[str, Any], *, version: int, updated_at: float, source: Source | None = None
) -> Client:
    """Return the client that a stored body describes. Raises KeyError or TypeError if it is none."""
    public: Mapping[str, Any] = body["document"]
    settings: Mapping[str, Any] = public.get("auth", {}).get("client_credentials", {})
    expiration = settings.get("access_token_expiration", DEFAULT_TOKEN_LIFETIME)
    return Client(
        id=public["id"],
        version=version,
        generation=body["generation"],
        active=public.get("active", True) is True,
        grant_types=frozenset(public.get("grant_types", ())),
        secrets=secrets_from_body(body),
        token_lifetime=None if expiration == "never" else int(expiration),
        audiences=_audiences(public),
        scopes=tuple(public.get("scope", ())),
        answers_to=frozenset({public["id"], *public.get("auth", {}).get("introspection", {}).get("audience", ())}),
        jwks=tuple(public.get("jwks", {}).get("keys", ())),
        public=public,
        updated_at=updated_at,
        source=source,
    )


def client_from_record(record: Record) -> Client:
    """Return the client in a stored document of kind `Client`."""
    return client_from_body(record.body, version=record.version, updated_at=record.updated_at)


def policy_from_document(
    document: Mapping[str, Any], *, version: int = 0, updated_at: float = 0.0, source: Source | None = None
) -> AccessPolicy:
    """Return the policy that a checked document describes. Raises KeyError or ValueError if it is none."""
    links, policy_type = document.get("link"), document.get("type", "rest")
    if policy_type not in POLICY_TYPES:
        raise ValueError("policies of this type are not known here")
    return AccessPolicy(
        id=document["id"],
        engine=document["engine"],
        body={key: value for key, value in document.items() if key not in POLICY_FIELDS},
        links=None if links is None else frozenset(linked_id(link) for link in links),
        effect=Effect(document.get("effect", "allow")),
        mode=Mode(document.get("mode", "enforce")),
        type=policy_type,
        document=document,
        version=version,
        updated_at=updated_at,
        source=source,
    )


def policy_from_record(record: Record) -> AccessPolicy:
    """Return the policy in a stored document of kind `AccessPolicy`."""
    return policy_from_document(record.body["document"], version=record.version, updated_at=record.updated_at)


def linked_id(link: Mapping[str, Any]) -> str:
    """Return the client id that a link names, in either spelling."""
    reference = link.get("reference")
    return str(link["id"]) if reference is None else str(reference).removeprefix("Client/")
