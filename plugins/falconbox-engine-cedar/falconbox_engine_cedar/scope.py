"""What every yes needs, as far as the heads of the policies say it: `action == Action::"get"`, `resource in Uri::"/a"`.

Cedar looks at the conditions of a policy, and fails in them, only where its head fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from falconbox import Facets
from falconbox.facets import Strings
from falconbox_engine_cedar.syntax import Node


def facets(trees: Iterable[Node]) -> Facets:
    """Return the conditions without which no policy of a set permits, and none of them fails."""
    # A forbid without conditions neither permits nor fails.
    return Facets.either(_facets(tree) for tree in trees if tree["effect"] == "permit" or tree["conditions"])


def _facets(tree: Node) -> Facets:
    action, resource = tree["action"], tree["resource"]
    methods = None if action["op"] == "All" else frozenset(_ids(action, "Action"))
    uris = Strings()
    if resource["op"] == "==":
        uris = Strings(values=frozenset(_ids(resource, "Uri")))
    elif resource["op"] == "in" or "in" in resource:
        # A uri is in itself and in all those that it lies under.
        uris = Strings(prefix=next(_ids(resource.get("in", resource), "Uri"), None))
    return Facets(methods=methods, uris=uris.values, uri_prefix=uris.prefix)


def _ids(head: Node, kind: str) -> Iterator[str]:
    entities = head.get("entities", [head["entity"]] if "entity" in head else [])
    return (entity["id"] for entity in entities if entity["type"] == kind)
