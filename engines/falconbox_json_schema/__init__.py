"""The engine `json-schema`: a policy says yes to the documents that fit its schema (read strictly)."""

from __future__ import annotations

import dataclasses
import json
import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jsonschema_rs

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Facets,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.bounds import Unbounded, canonical_text
from falconbox.model import MAX_DEPTH
from falconbox.regex import OPTIONS
from falconbox_json_schema.dialects import DRAFT_07, dialect_of
from falconbox_json_schema.graph import find_cycle
from falconbox_json_schema.necessary import facets
from falconbox_json_schema.patterns import MAX_PATTERNS, pattern_problems, too_many_patterns
from falconbox_json_schema.problems import problems
from falconbox_json_schema.reading import reads
from falconbox_json_schema.references import References
from falconbox_json_schema.rewriting import stock
from falconbox_json_schema.subschemas import DEFINITIONS, Subschema, walk
from falconbox_json_schema.wording import reasons

FITS: Final = Reason("fits", "the request fits the policy's schema", policy_pointer="/schema")
SOMETIMES_UNUSED: Final = DEFINITIONS | {"additionalItems", "else", "then"}
"""Keywords whose subschemas the validator may leave uncompiled."""


class SchemaEvaluator:
    """A compiled schema."""

    def __init__(self, nodes: list[Subschema], references: References) -> None:
        self.reads = reads(nodes[0], references)
        self._schema = nodes[0].schema
        self._validator = _compiled(nodes[0], references)
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
        return Verdict(matched=False, reasons=reasons(self._validator.iter_errors(document), self._schema))


class JsonSchemaEngine:
    """Compiles policies with a `schema`. Equal schemas share one evaluator: compiled patterns take much room."""

    name = "json-schema"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "schema": {
                "type": ["object", "boolean"],
                "description": "JSON Schema, read strictly: draft-07, or the dialect that $schema names.",
            }
        },
        "required": ["schema"],
    }

    def __init__(self) -> None:
        self._shared: weakref.WeakValueDictionary[str, SchemaEvaluator] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator of a policy's schema. Raises PolicyInvalid with everything that is wrong with it."""
        try:
            text = canonical_text(policy.body.get("schema"), "the schema")
        except Unbounded as error:
            raise PolicyInvalid([Problem("/schema", str(error))]) from None
        with self._lock:
            evaluator = self._shared.get(text)
        if evaluator is None:
            # From the text: a copy that nobody else can change.
            evaluator = _evaluator(json.loads(text))
            with self._lock:
                evaluator = self._shared.setdefault(text, evaluator)
        return evaluator


def _evaluator(schema: Any) -> SchemaEvaluator:
    nodes = walk(schema)
    references = References(nodes, dialect_of(schema))
    found = problems(nodes, references)
    if too_many_patterns(nodes):
        found.append(Problem("", f"has more than {MAX_PATTERNS} regular expressions: join some of them by |"))
    elif found or _may_overlook_patterns(nodes, references):
        found += pattern_problems(nodes)
    if not found:
        try:
            return SchemaEvaluator(nodes, references)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # What is left to fail is a pattern; should it be something else, it is refused all the same.
            found = pattern_problems(nodes) or [Problem("", f"cannot be compiled: {type(error).__name__}")]
    found.sort(key=lambda problem: (problem.pointer, problem.detail))
    raise PolicyInvalid(dataclasses.replace(problem, pointer=f"/schema{problem.pointer}") for problem in found)


def _may_overlook_patterns(nodes: list[Subschema], references: References) -> bool:
    # Validators of later dialects also take what is a regular expression of Rust and none of ECMA-262.
    return references.dialect is not DRAFT_07 or any(
        keyword in SOMETIMES_UNUSED for node in nodes for keyword, _, _ in node.children
    )


def _compiled(top: Subschema, references: References) -> jsonschema_rs.Validator:
    return references.dialect.validator(
        stock(top, references),
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=OPTIONS,
        offline=True,
    )


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


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [JsonSchemaEngine()]
