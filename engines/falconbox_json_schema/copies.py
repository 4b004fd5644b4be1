"""How much it takes to say everything that does not fit: the validator copies, for each fault, the place it speaks of.

Where a place is large and has many faults that would be more memory than there is: a thousand names that
`propertyNames` does not accept are a thousand copies of the object that has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from falconbox_json_schema.subschemas import Subschema

MAX_COPIED: Final = 50_000_000
"""How many characters may be copied."""

OWN: Final = 20
"""What a value takes besides its text, in characters."""


class Copies:
    """Bounds what is copied of a document, if one schema has faults to tell; `asked` subschemas look at one place."""

    def __init__(self, nodes: Sequence[Subschema], asked: int) -> None:
        self._each = asked + sum(_listed(node) for node in nodes)
        self._names = any("propertyNames" in node.keywords for node in nodes)

    def too_many(self, document: Any) -> bool:
        """Whether there may be more than MAX_COPIED. The document must be no deeper than documents are."""
        return self._weighed(document)[1] > MAX_COPIED

    def _weighed(self, value: Any) -> tuple[int, int]:
        """Return the characters of a value, and how many are copied where all that can be wrong is wrong in it."""
        weight, below, faults = OWN, 0, self._each
        if isinstance(value, str):
            weight += len(value)
        elif isinstance(value, dict):
            faults *= 1 + self._names * len(value)
            weight += sum(map(len, value))
        for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            its_weight, copied = self._weighed(member)
            weight += its_weight
            below += copied
        return weight, weight * faults + below


def _listed(node: Subschema) -> int:
    """Return how many names a schema requires: each that is missing is a fault."""
    required = node.keywords.get("required", ())
    several = [*node.keywords.get("dependencies", {}).values(), *node.keywords.get("dependentRequired", {}).values()]
    return len(required) + sum(len(names) for names in several if isinstance(names, list))
