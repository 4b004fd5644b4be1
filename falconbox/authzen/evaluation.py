"""The shapes of AuthZEN (sections 5 to 8): subject, action, resource and context, read from what a PEP has sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from falconbox.decision_log.record import Names
from falconbox.errors import Malformed

MEMBERS: Final = ("subject", "action", "resource", "context")
"""What an evaluation consists of. Whatever else a PEP sends is not looked at."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entity:
    """A subject or a resource. `properties` is what the PEP says of it; None: nothing."""

    type: str
    id: str
    properties: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """What the subject wants to do."""

    name: str
    properties: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Return it as policies see it."""
        return {"name": self.name} if self.properties is None else {"name": self.name, "properties": self.properties}


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """One question: whether a subject may do something to a resource."""

    subject: Entity
    action: Action
    resource: Entity
    context: Mapping[str, Any] | None = None

    def names(self) -> Names:
        """Return what the decision log keeps of it."""
        return {
            "subject": (self.subject.type, self.subject.id),
            "action": self.action.name,
            "resource": (self.resource.type, self.resource.id),
        }


def read_evaluation(asked: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation in an object. Raises Malformed when a member is missing or of the wrong type."""
    return Evaluation(
        read_entity(asked, "subject"), read_action(asked), read_entity(asked, "resource"), read_context(asked)
    )


def read_entity(asked: Mapping[str, Any], name: str) -> Entity:
    """Return the subject or the resource in an object. Raises Malformed."""
    found = required_object(asked, name)
    return Entity(_text(found, name, "type"), _text(found, name, "id"), _properties(found, name))


def read_type(asked: Mapping[str, Any], name: str) -> str:
    """Return the type of the subject or the resource that is searched for. Raises Malformed."""
    return _text(required_object(asked, name), name, "type")


def read_action(asked: Mapping[str, Any]) -> Action:
    """Return the action in an object. Raises Malformed."""
    found = required_object(asked, "action")
    return Action(_text(found, "action", "name"), _properties(found, "action"))


def read_context(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the context in an object, if there is one. Raises Malformed."""
    return optional_object(asked, "context")


def required_object(asked: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that must be an object. Raises Malformed."""
    found = optional_object(asked, name)
    if found is None:
        raise Malformed(f"{name} is required")
    return found


def optional_object(asked: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any] | None:
    """Return a member that must be an object if it is there. `where` is the path to it. Raises Malformed."""
    if name not in asked:
        return None
    found = asked[name]
    if not isinstance(found, Mapping):
        raise Malformed(f"{where}{name} must be an object")
    return found


def _text(found: Mapping[str, Any], where: str, name: str) -> str:
    if name not in found:
        raise Malformed(f"{where}.{name} is required")
    value = found[name]
    if not isinstance(value, str):
        raise Malformed(f"{where}.{name} must be a string")
    return value


def _properties(found: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
    return optional_object(found, "properties", f"{where}.")
