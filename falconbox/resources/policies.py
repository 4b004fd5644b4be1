"""`/AccessPolicy`: what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from falconbox.mapping import linked_id
from falconbox.model import POLICY_TYPES, AccessPolicy, Client, Effect, Mode
from falconbox.resources.configuration import Configuration
from falconbox.store import Record

DEFAULTS: Final = {"effect": "allow", "mode": "enforce", "type": "rest"}


class Policies(Configuration):
    """Access policies. What its engine cannot compile is never stored."""

    kind: ClassVar[str] = "AccessPolicy"
    searchable: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "engine": (),
        "effect": tuple(Effect),
        "mode": tuple(Mode),
        "type": POLICY_TYPES,
        "link": (),
    }

    def held(self) -> Mapping[str, Client | AccessPolicy]:
        """Return the policies by id."""
        return {key: held.policy for key, held in self.snapshot.current.policies.policies.items()}

    def stored_body(self, document: dict[str, Any], previous: Record | None) -> Mapping[str, Any]:  # noqa: ARG002  # replaced whole
        """Return the stored body of a policy that has been checked and compiled."""
        clients = self.snapshot.current.clients
        return {"document": self.admission.policy(document, clients.__contains__).document}

    def search_values(self, document: Mapping[str, Any], name: str) -> set[str]:
        """Return the values of a search parameter; `link` is searched by client id."""
        if name == "link":
            return {linked_id(link) for link in document.get("link", ())}
        return {document.get(name, DEFAULTS.get(name, ""))}
