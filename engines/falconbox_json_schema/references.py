"""What addresses, names and references mean within one schema. Nothing is ever fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urljoin

from falconbox_json_schema.dialects import Dialect
from falconbox_json_schema.subschemas import DEFINITIONS, IN_PLACE, Subschema

NAME: Final = re.compile(r"#[A-Za-z][A-Za-z0-9._:-]*")
"""An `$id` that names a subschema (draft-07, 8.2.3)."""

ADDRESS: Final = re.compile(r"[!-\"$-~]*#?")
"""An `$id` that is an address, of printable ASCII. The parser of addresses would drop what is not."""


class Outside(LookupError):
    """A reference leads to another schema."""


class References:
    """Finds what each `$ref` of one schema leads to."""

    def __init__(self, nodes: Sequence[Subschema], dialect: Dialect) -> None:
        self.dialect = dialect
        self.used = any("$ref" in node.keywords for node in nodes)
        self.clashes: list[Subschema] = []
        """Schemas with an address or a name that another one has."""
        self._places = {node.pointer: node for node in nodes}
        self._bases: dict[Subschema, str] = {}
        self._named: dict[str, Subschema] = {}
        self._targets: dict[Subschema, Subschema] = {}
        if any("$id" in node.keywords or "$anchor" in node.keywords for node in nodes):
            self._name(nodes[0], "")
            for node in nodes:
                for _, _, child in node.children:
                    self._name(child, self._bases[node])
        else:
            self._named[""] = nodes[0]

    def target(self, node: Subschema) -> Subschema:
        """Return the schema that a node refers to. Raises LookupError, also when that is no schema of the policy."""
        if node not in self._targets:
            self._targets[node] = self._look_up(node)
        return self._targets[node]

    def alone(self, node: Subschema) -> bool:
        """Return whether a node says nothing besides its reference, which hides whatever stands there."""
        return self.dialect.ref_stands_alone and "$ref" in node.keywords

    def in_place(self, node: Subschema) -> list[Subschema]:
        """Return the schemas that look at the same place of a document as this one. Raises LookupError."""
        targets = [self.target(node)] if "$ref" in node.keywords else []
        return targets if self.alone(node) else targets + node.under(IN_PLACE)

    def everywhere(self, node: Subschema) -> list[Subschema]:
        """Return the schemas that this one leads to, at the same place or deeper. Raises LookupError."""
        if self.alone(node):
            return self.in_place(node)
        inside = [child for keyword, _, child in node.children if keyword not in DEFINITIONS]
        return [self.target(node), *inside] if "$ref" in node.keywords else inside

    def _name(self, node: Subschema, base: str) -> None:
        address, name = (None, None) if self.alone(node) else _own(node)
        if address is not None:
            base = _joined(base, address)
        self._bases[node] = base
        if address is not None or not node.pointer:
            self._keep(base, node)
        if name is not None:
            self._keep(f"{base}#{name}", node)

    def _keep(self, name: str, node: Subschema) -> None:
        if self._named.setdefault(name, node) is not node:
            self.clashes.append(node)

    def _look_up(self, node: Subschema) -> Subschema:
        reference = str(node.keywords["$ref"])
        address, _, fragment = reference.partition("#")
        base = _joined(self._bases.get(node, ""), address) if ADDRESS.fullmatch(address) else None
        resource = self._named.get(base) if base is not None else None
        if resource is None or base is None:
            raise Outside(reference)
        if not fragment:
            return resource
        if not fragment.startswith("/"):
            return self._named[f"{base}#{fragment}"]
        try:
            return self._places[resource.pointer + unquote(fragment, errors="strict")]
        except UnicodeDecodeError:
            raise LookupError(reference) from None


def _own(node: Subschema) -> tuple[str | None, str | None]:
    """Return the address and the name that a schema gives itself."""
    own, anchor = node.keywords.get("$id"), node.keywords.get("$anchor")
    name = anchor if isinstance(anchor, str) else None
    if not isinstance(own, str):
        return None, name
    if NAME.fullmatch(own) and name is None:
        return None, own.removeprefix("#")
    return own.removesuffix("#") if ADDRESS.fullmatch(own) else None, name


def _joined(base: str, address: str) -> str:
    """Return the address that a relative one means (RFC 3986 section 5)."""
    try:
        return urljoin(base, address) if address else base
    except ValueError:
        # Such as half of an address of IPv6: it means nothing but itself.
        return address
