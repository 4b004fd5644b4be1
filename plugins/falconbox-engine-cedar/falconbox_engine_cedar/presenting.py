"""Say to Cedar what is asked: principal, action, resource and context, out of a document.

A request document asks whether a client may use a method on a path; an AuthZEN evaluation has words of its own.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from falconbox import ALL, All, Document, Undetermined
from falconbox.bounds import count_values
from falconbox.model import MAX_DEPTH
from falconbox_engine_cedar.syntax import Path, Paths

ESCAPES = frozenset({"__entity", "__extn", "__expr"})
"""Names by which JSON becomes something else than a record to Cedar. Nothing that is asked may have them."""

PRESENT: Path = (None,)
MAX_SEGMENTS = 64
"""How many segments a uri may have: it is a resource in each of those above it."""

Looked = Mapping[str, Paths]
"""By variable, which of its members are looked at."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What Cedar is asked, and the entities that it may look into."""

    request: dict[str, Any]
    entities: str


def reads(paths: Looked, policy_type: str) -> frozenset[str] | All:
    """Return which keys of a document are looked at."""
    if policy_type == "authzen":
        return frozenset({"subject", "action", "resource"} | ({"context"} if paths["context"] else set()))
    if () in paths["context"]:
        return ALL
    return frozenset({"request-method", "uri", "client", *(path[0] for path in paths["context"] if path[0])})


def of_request(document: Document, paths: Looked) -> Asked:
    """Present a request document. Raises Undetermined if it has no method or uri, or something that Cedar has not."""
    method, uri, client = document.get("request-method"), document.get("uri"), document.get("client")
    if not isinstance(method, str) or not isinstance(uri, str):
        raise Undetermined("the request document has no method or no uri")
    if "client" not in document:
        principal = _entity("Anonymous", "anonymous", {})
    elif isinstance(client, Mapping) and isinstance(client.get("id"), str):
        principal = _entity("Client", client["id"], _pruned(client, paths["principal"]))
    else:
        raise Undetermined("the request document has a client without an id")
    above = _above(uri)
    resources = [_entity("Uri", uri, {}, above), *(_entity("Uri", one, {}) for one in above)]
    context = _pruned(document, paths["context"])
    return _asked(principal, {"type": "Action", "id": method}, resources, context)


def of_evaluation(document: Document, paths: Looked) -> Asked:
    """Present an AuthZEN evaluation. Raises Undetermined for what Cedar has no words for."""
    try:
        subject, action, resource = document["subject"], document["action"], document["resource"]
        principal, found = (
            _entity(one["type"], one["id"], _pruned(one.get("properties", {}), paths[variable]))
            for one, variable in ((subject, "principal"), (resource, "resource"))
        )
        name, context = action["name"], _pruned(document.get("context", {}), paths["context"])
    except (KeyError, TypeError, AttributeError):
        raise Undetermined("the evaluation has no subject, action or resource") from None
    return _asked(principal, {"type": "Action", "id": name}, [found], context)


def _asked(principal: Any, action: Any, resources: list[Any], context: Any) -> Asked:
    named = [principal, *resources]
    looked_at = [context, *(one["attrs"] for one in named)]
    ids = [action["id"], *(part for one in named for part in one["uid"].values())]
    if not all(isinstance(part, dict) for part in looked_at) or not all(isinstance(part, str) for part in ids):
        raise Undetermined("an id is no text, or the context or the properties of an entity are no object")
    # Two levels more than a document: the list of its parts, and the object around that.
    count_values({"parts": looked_at, "ids": ids}, deepest=MAX_DEPTH + 2, refused=ESCAPES)
    _check_numbers(looked_at)
    entities: dict[tuple[str, str], Any] = {}
    for one in named:
        if entities.setdefault((one["uid"]["type"], one["uid"]["id"]), one) != one:
            raise Undetermined("the subject is the resource too, and they have different properties")
    request = {"principal": principal["uid"], "action": action, "resource": resources[0]["uid"], "context": context}
    return Asked(request, json.dumps([*entities.values()]))


def _entity(kind: str, entity_id: str, attributes: Any, above: Iterable[str] = ()) -> dict[str, Any]:
    parents = [{"type": kind, "id": one} for one in above]
    return {"uid": {"type": kind, "id": entity_id}, "attrs": attributes, "parents": parents}


def _above(uri: str) -> list[str]:
    """Return the uris that one lies under: /Patient/1 is in /Patient, and everything in /."""
    if uri.count("/") > MAX_SEGMENTS:
        raise Undetermined(f"the uri has more than {MAX_SEGMENTS} segments")
    above = [uri[:place] for place, letter in enumerate(uri) if letter == "/" and place > 0]
    return [*above, *(["/"] if uri != "/" and uri.startswith("/") else [])]


def _pruned(value: Any, paths: Iterable[Path]) -> Any:
    """Return as much of a value as is looked at: the rest may hold what Cedar has no word for."""
    if all(path == PRESENT for path in paths) and paths:
        return True
    if not isinstance(value, Mapping) or () in paths:
        return dict(value) if isinstance(value, Mapping) else value
    below: dict[str, set[Path]] = {}
    for first, *rest in paths:
        if first is not None:
            below.setdefault(first, set()).add(tuple(rest))
    return {key: _pruned(value[key], inner) for key, inner in below.items() if key in value}


def _check_numbers(values: list[Any]) -> None:
    waiting = values
    while waiting:
        value = waiting.pop()
        if value is None or isinstance(value, float):
            raise Undetermined("what the policies look at holds a null or a fraction, and Cedar has neither")
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
