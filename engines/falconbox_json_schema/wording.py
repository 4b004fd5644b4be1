"""Explanations: why a document does not fit, with pointers into the request and into the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from falconbox import Document, Reason
from falconbox.wording import escape, pointer_to
from falconbox_json_schema.rewriting import as_written
from falconbox_json_schema.sentences import Failure, sentence

MAX_REASONS: Final = 10


def reasons(errors: Iterable[jsonschema_rs.ValidationError], schema: Any, document: Document) -> tuple[Reason, ...]:
    """Return why a document does not fit a schema, at most MAX_REASONS, with pointers into both."""
    return tuple(islice(_reasons(errors, schema, document), MAX_REASONS))


def _reasons(errors: Iterable[jsonschema_rs.ValidationError], schema: Any, document: Document) -> Iterator[Reason]:
    for error in errors:
        path, said, beside = as_written(error.schema_path, schema)
        # Where `false` stands, no keyword does.
        keyword = "false" if error.kind.name == "falseSchema" else str(path[-1])
        pointer = pointer_to(error.instance_path)
        details = error.kind.as_dict()
        name = pointer[1:] or "the request"
        failure = Failure(error.kind.name, details, name, error.instance, keyword, said, beside, document)
        if error.kind.name == "required":
            pointer += f"/{escape(details['property'])}"
        yield Reason(keyword, sentence(failure), pointer, "/schema" + pointer_to(path))
        # Why each alternative fails, when none fits.
        if error.kind.name in ("anyOf", "oneOf"):
            for alternative in details["context"]:
                yield from _reasons(alternative, schema, document)
