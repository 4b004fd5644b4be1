"""May this be stored? The checks that resources, policy directories and the command line share.

Every problem of a document is told at once, with a JSON pointer and without quoting values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from falconbox.client_keys import key_problems
from falconbox.compiling import PolicyCompiler, with_fields_of, with_fields_of_any
from falconbox.engine import Engine
from falconbox.errors import FalconboxError, Invalid, PolicyInvalid, Problem
from falconbox.imported_secrets import imported_problems
from falconbox.mapping import linked_id, plain, policy_from_document
from falconbox.model import AccessPolicy
from falconbox.schemas import problems, shipped, unknown_engine

KnownClient = Callable[[str], bool]


class Admission:
    """Checks clients and policies before they are stored."""

    def __init__(self, engines: Mapping[str, Engine], *, import_sha256_secrets: bool = False) -> None:
        """`import_sha256_secrets`: a client may be given the SHA-256 of its secret, as Aidbox stores it."""
        self.engines = engines
        self._import_sha256_secrets = import_sha256_secrets
        self._compiler = PolicyCompiler(engines)

    def client(self, document: Any, *, from_file: bool = False) -> dict[str, Any]:
        """Return the checked client document, without secret and `meta`. Raises Invalid.

        From a file a secret must be {env}, {file} or {hash}; through the API it must be a string.
        """
        imported = imported_problems(document, permitted=self._import_sha256_secrets and not from_file)
        _refuse([*imported, *problems(document, _client_schema(from_file=from_file))])
        _refuse([*key_problems(document.get("jwks", {}).get("keys", ()))])
        return plain(document, "Client")

    def rotation(self, document: Any) -> dict[str, Any]:
        """Return a checked rotation of a secret: `secret` and `overlap` in seconds. Raises Invalid."""
        _refuse([*imported_problems(document, permitted=False), *problems(document, shipped("SecretRotation"))])
        return dict(document)

    def policy(self, document: Any, known_client: KnownClient) -> AccessPolicy:
        """Return the checked policy. Raises Invalid.

        `known_client` says whether a client of that id exists.
        """
        found = [*self._field_problems(document)]
        _refuse([*found, *self._body_problems(document, found)] if found else [])
        policy = policy_from_document(plain(document, "AccessPolicy"))
        _refuse([*_link_problems(document, known_client), *self._engine_problems(policy)])
        return policy

    def _field_problems(self, document: Any) -> Iterator[Problem]:
        name = document.get("engine") if isinstance(document, Mapping) else None
        engine = self.engines.get(name) if isinstance(name, str) else None
        if engine is not None:
            yield from problems(document, policy_schema(engine))
            return
        yield from problems(document, with_fields_of_any(self.engines, shipped("AccessPolicy"), document))
        if isinstance(document, Mapping):
            yield from unknown_engine(document, self.engines)

    def _body_problems(self, document: Any, found: list[Problem]) -> Iterator[Problem]:
        """Yield what the engine refuses of a policy whose other fields are wrong, so that all is told at once."""
        name = document.get("engine") if isinstance(document, Mapping) else None
        engine = self.engines.get(name) if isinstance(name, str) else None
        fields = [] if engine is None else engine.body_schema.get("properties", ())
        wrong = {problem.pointer.split("/")[1] for problem in found if problem.pointer}
        if engine is not None and wrong.isdisjoint([*fields, "engine"]):
            body = {name: document[name] for name in fields if name in document}
            yield from self._engine_problems(AccessPolicy("new", engine.name, body))

    def _engine_problems(self, policy: AccessPolicy) -> Iterator[Problem]:
        try:
            self._compiler.compile(policy)
        except PolicyInvalid as error:
            yield from error.problems
        except FalconboxError as error:
            yield Problem("", error.detail)


def _refuse(found: list[Problem]) -> None:
    if found:
        raise Invalid(found)


def _link_problems(document: Mapping[str, Any], known_client: KnownClient) -> Iterator[Problem]:
    for position, link in enumerate(document.get("link", ())):
        client_id = linked_id(link)
        if not known_client(client_id):
            detail = f"there is no client {client_id!r}: create it first, or correct the id"
            yield Problem(f"/link/{position}", detail)


def _client_schema(*, from_file: bool) -> dict[str, Any]:
    schema = shipped("Client")
    if not from_file:
        return schema
    return {**schema, "properties": {**schema["properties"], "secret": {"$ref": "#/$defs/fileSecret"}}}


def policy_schema(engine: Engine) -> dict[str, Any]:
    """Return the schema of policies that an engine judges: the shipped one, with the fields that the engine owns."""
    return with_fields_of(engine, shipped("AccessPolicy"))
