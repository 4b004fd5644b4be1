"""What the OAuth endpoints have in common, without HTTP: read the request, authenticate the client, answer it."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from falconbox.errors import OAuthRequestRefused
from falconbox.model import Caller, Client
from falconbox.oauth.client_authentication import ClientAuthentication

Asked = TypeVar("Asked")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and what is written down: whom it concerned, and what has happened (a `code` of the log)."""

    body: Mapping[str, Any]
    code: str
    caller: Caller


class Endpoint(ABC, Generic[Asked]):
    """Answers clients that authenticate themselves."""

    kind: ClassVar[str]
    """The kind of its records."""

    def __init__(self, authentication: ClientAuthentication) -> None:
        self._authentication = authentication

    def respond(self, sent: Mapping[str, Any], authorization: str | None, address: str) -> Answer:
        """Answer a request with these parameters and this Authorization header.

        Raises OAuthRequestRefused with an error code of RFC 6749 section 5.2, TooManyAttempts, and StoreError.
        """
        asked = self.read(sent)
        client = self._authentication.authenticate(sent, authorization, address)
        try:
            return self.answer(client, asked)
        except OAuthRequestRefused as refusal:
            refusal.caller = Caller(client)
            raise

    @abstractmethod
    def read(self, sent: Mapping[str, Any]) -> Asked:
        """Return what is asked for. Raises OAuthRequestRefused for what can be refused to everybody."""

    @abstractmethod
    def answer(self, client: Client, asked: Asked) -> Answer:
        """Answer a client that is known. Raises OAuthRequestRefused, and StoreError."""
