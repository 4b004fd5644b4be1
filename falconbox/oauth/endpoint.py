"""What the OAuth endpoints have in common, without HTTP: read the request, authenticate the client, answer it."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from falconbox.audit_log import Actor, by_caller
from falconbox.decision_log.record import Asked
from falconbox.errors import OAuthRequestRefused
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication

Wanted = TypeVar("Wanted")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and what is written down: whom it concerned, and what has happened (a `code` of the log)."""

    body: Mapping[str, Any]
    code: str
    caller: Caller
    allow: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the logs; `record_id` is the id of its own record."""

    asked: Asked
    record_id: str

    def actor(self, client: Client) -> Actor:
        """Return the client that has sent it as who makes a change."""
        return by_caller(dataclasses.replace(self.asked, caller=Caller(client)), self.record_id)


class Endpoint(ABC, Generic[Wanted]):
    """Answers clients that authenticate themselves."""

    kind: ClassVar[str]
    """The kind of its records."""

    challenges: ClassVar[bool] = False
    """Credentials that are wrong are answered by 401 wherever they stand, not only in the Authorization header."""

    def __init__(self, authentication: ClientAuthentication) -> None:
        self._authentication = authentication

    def respond(self, sent: Mapping[str, Any], authorization: str | None, origin: Origin) -> Answer:
        """Answer a request with these parameters and this Authorization header.

        Raises OAuthRequestRefused with an error code of RFC 6749 section 5.2, TooManyAttempts, and StoreError.
        """
        wanted = self.read(sent)
        client = self._authentication.authenticate(sent, authorization, origin.asked.remote_addr)
        try:
            return self.answer(client, wanted, origin)
        except OAuthRequestRefused as refusal:
            refusal.caller = Caller(client)
            raise

    @abstractmethod
    def read(self, sent: Mapping[str, Any]) -> Wanted:
        """Return what is asked for. Raises OAuthRequestRefused for what can be refused to everybody."""

    @abstractmethod
    def answer(self, client: Client, wanted: Wanted, origin: Origin) -> Answer:
        """Answer a client that is known. Raises OAuthRequestRefused, and StoreError."""
