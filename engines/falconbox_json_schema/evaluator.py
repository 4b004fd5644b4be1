"""Compiled schemas, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox import ALL, NO_FACETS, All, Document, Facets, Reason, Undetermined, Verdict
from falconbox.model import MAX_DEPTH
from falconbox.regex import OPTIONS
from falconbox_json_schema.data import KEYWORDS, DataReferences
from falconbox_json_schema.graph import find_cycle
from falconbox_json_schema.necessary import facets
from falconbox_json_schema.reading import reads
from falconbox_json_schema.references import References
from falconbox_json_schema.rewriting import stock
from falconbox_json_schema.subschemas import Subschema
from falconbox_json_schema.wording import reasons

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
        self._recursive = references.used and find_cycle(nodes, references.everywhere) is not None
        # A policy that can fail must be asked, whatever else it says.
        self.facets: Facets = NO_FACETS if self._recursive else facets(self._schema)

    def evaluate(self, document: Document) -> bool:
        """Return whether the document fits the schema. Raises Undetermined if it is too deep to be looked at."""
        if self._recursive:
            _check_depth(document)
        return self._is_valid(document)

    def explain(self, document: Document) -> Verdict:
        """Return whether it fits, and what does not. Raises what `evaluate` raises."""
        if self.evaluate(document):
            return Verdict(matched=True, reasons=(FITS,))
        seen = self._seen(document)
        return Verdict(matched=False, reasons=reasons(self._validator.iter_errors(seen), self._schema, seen))

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
