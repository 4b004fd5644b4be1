"""Explanations in words that a policy author understands: what the request has, and what the policy wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from falconbox import Reason
from falconbox.wording import escape, listed, never, pointer_to, quoted
from falconbox_json_schema.rewriting import as_written

MAX_REASONS: Final = 10

WANTED: Final = {
    "const": "{}",
    "constant": "{}",
    "enum": "one of {}",
    "type": "a value of type {}",
    "pattern": "a match of {}",
    "format": "a well-formed {}",
    "contentEncoding": "text in {}",
    "contentMediaType": "text that is {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "uniqueItems": "no item twice",
}
"""What the policy wants by keywords that look at one value; {} is what the keyword says."""


def reasons(errors: Iterable[jsonschema_rs.ValidationError], schema: Any) -> tuple[Reason, ...]:
    """Return why a document does not fit a schema, at most MAX_REASONS, with pointers into both."""
    return tuple(islice(_reasons(errors, schema), MAX_REASONS))


def _reasons(errors: Iterable[jsonschema_rs.ValidationError], schema: Any) -> Iterator[Reason]:
    for error in errors:
        path, said = as_written(error.schema_path, schema)
        # Where `false` stands, no keyword does.
        keyword = "false" if error.kind.name == "falseSchema" else str(path[-1])
        pointer = pointer_to(error.instance_path)
        details = error.kind.as_dict()
        name = pointer[1:] or "the request"
        if error.kind.name == "required":
            pointer += f"/{escape(details['property'])}"
        yield Reason(keyword, _sentence(error, name, keyword, said, details), pointer, "/schema" + pointer_to(path))
        # Why each alternative fails, when none fits.
        if error.kind.name in ("anyOf", "oneOf"):
            for alternative in details["context"]:
                yield from _reasons(alternative, schema)


def _sentence(error: Any, name: str, keyword: str, said: Any, details: dict[str, Any]) -> str:
    match error.kind.name:
        case "required":
            return f"{name} has no {quoted(details['property'])}, and the policy requires it"
        case "additionalProperties":
            return f"{name} has {listed(details['unexpected'])}, which the policy does not name"
        case "additionalItems":
            return f"{name} has more items than the policy names"
        case "propertyNames":
            return f"{name} has a member whose name the policy does not accept"
        case "anyOf" | "oneOf":
            # An alternative without an error is one that fits.
            several = any(not alternative for alternative in details["context"])
            return f"{name} fits {'more than one' if several else 'none'} of the policy's alternatives"
        case "not":
            return f"{name} is what the policy says it must not be"
        case "contains":
            return f"{name} has no item as the policy wants one"
        case "falseSchema":
            return f"the policy accepts nothing at {name}"
        case _:
            wanted = WANTED.get(keyword, f"something else ({keyword})").format(
                listed(said) if isinstance(said, list) else quoted(said)
            )
            return f"{name} is {quoted(error.instance)}, the policy wants {wanted}{_hint(name, keyword, said)}"


def _hint(name: str, keyword: str, said: Any) -> str:
    """Return what makes a value impossible at the top of a request document. We tell, and never repair."""
    options = said if keyword == "enum" else [said] if keyword in ("const", "constant") else []
    return next(filter(None, (never(name, option) for option in options)), "")
