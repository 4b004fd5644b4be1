"""Compiled schemas, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from falconbox import ALL, NO_FACETS, All, Document, Facets, Reason, Undetermined, Verdict
from falconbox.bounds import size
from falconbox.model import MAX_DEPTH
from falconbox.regex import OPTIONS
from falconbox_json_schema.copies import Copies
from falconbox_json_schema.data import KEYWORDS, DataReferences
from falconbox_json_schema.graph import find_cycle
from falconbox_json_schema.necessary import facets
from falconbox_json_schema.reading import reads
from falconbox_json_schema.references import References
from falconbox_json_schema.rewriting import stock
from falconbox_json_schema.subschemas import Subschema
from falconbox_json_schema.wording import reasons
from falconbox_json_schema.work import steps

MAX_STEPS: Final = 5_000_000
"""How many subschemas may look at values of one document: some seconds."""

FREE: Final = 10
"""So many for each value are never too many: a document has no more values than that."""

MAX_TOLD_STEPS: Final = 20_000
"""Up to how many all reasons are given: the validator finds every fault before it tells the first of them."""

MUCH: Final = Reason("much", "the request holds too much to say everything that does not fit", policy_pointer="/schema")
FITS: Final = Reason("fits", "the request fits the policy's schema", policy_pointer="/schema")


class SchemaEvaluator:
    """A compiled schema."""

    def __init__(self, nodes: list[Subschema], references: References, data: DataReferences) -> None:
        self.reads: frozenset[str] | All = reads(nodes[0], references)
        self._schema = nodes[0].schema
        self._validator = references.dialect.validator(
            stock(nodes[0], references, data),
            validate_formats=True,
            ignore_unknown_formats=False,
            pattern_options=OPTIONS,
            offline=True,
            keywords=KEYWORDS if data.keys else None,
        )
        # Bound here once: this is what every request calls.
        self._is_valid = self._validator.is_valid
        asked = steps(nodes, references)
        self._most = None if asked <= FREE else MAX_STEPS // asked
        self._most_told = MAX_TOLD_STEPS // asked
        self._copies = Copies(nodes, asked)
        self._has_alternatives = any({"anyOf", "oneOf"} & node.keywords.keys() for node in nodes)
        self._recursive = references.used and find_cycle(nodes, references.everywhere) is not None
        # A policy that can fail must be asked, whatever else it says.
        self.facets: Facets = NO_FACETS if self._recursive else facets(self._schema)

    def evaluate(self, document: Document) -> bool:
        """Return whether the document fits the schema. Raises Undetermined if it is too deep or too much to look at."""
        if self._recursive:
            _check_depth(document)
        if self._most is not None and size(self._seen(document), self._most) > self._most:
            if not self.facets.hold(document):
                return False
            most = f"{self._most:,} values, or nests deeper than {MAX_DEPTH}"
            raise Undetermined(f"the request holds more than {most}: too much for what the schema does")
        return self._is_valid(document)

    def explain(self, document: Document) -> Verdict:
        """Return whether it fits, and what does not. Raises what `evaluate` raises."""
        if self.evaluate(document):
            return Verdict(matched=True, reasons=(FITS,))
        seen = self._seen(document)
        if size(seen, self._most_told) <= self._most_told and not self._copies.too_many(seen):
            return Verdict(matched=False, reasons=reasons(self._validator.iter_errors(seen), self._schema, seen))
        # Why each alternative fails is found out as a whole, too.
        return Verdict(matched=False, reasons=((MUCH,) if self._has_alternatives else self._first(seen)))

    def _first(self, seen: Any) -> tuple[Reason, ...]:
        try:
            self._validator.validate(seen)
        except jsonschema_rs.ValidationError as error:
            return (*reasons([error], self._schema, seen), MUCH)
        return (MUCH,)

    def _seen(self, document: Any) -> Any:
        # The validator walks through the schema's members or through the document's, whichever are fewer. What is in
        # the document because others read it must not change the order of the reasons.
        if not isinstance(document, Mapping):
            return document
        keys = document.keys() if isinstance(self.reads, All) else self.reads & document.keys()
        return {key: document[key] for key in sorted(keys)}


class ComparingEvaluator(SchemaEvaluator):
    """A compiled schema that compares with something in the request, and cannot tell if that is missing."""

    def __init__(self, nodes: list[Subschema], references: References, data: DataReferences) -> None:
        super().__init__(nodes, references, data)
        self._data = data
        self.facets = NO_FACETS
        self.reads = ALL if isinstance(self.reads, All) else self.reads | data.keys

    def evaluate(self, document: Document) -> bool:
        """Return whether the document fits. Raises Undetermined also if something is missing to compare with."""
        return self._data.ask(super().evaluate, document)

    def explain(self, document: Document) -> Verdict:
        """Return whether it fits, and what does not. Raises what `evaluate` raises."""
        return self._data.ask(super().explain, document)


def _check_depth(document: Any) -> None:
    # The validator follows a recursive schema as deep as the document goes, and would end the process.
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            below
            for value in level
            if isinstance(value, (dict, list))
            for below in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise Undetermined(f"the document nests deeper than {MAX_DEPTH}")
