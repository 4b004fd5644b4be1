"""Explanations in words that a policy author understands: what the policy wants, and what the request has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from falconbox import Reason
from falconbox_json_schema.subschemas import escape

MAX_REASONS: Final = 10
MAX_QUOTED: Final = 80
"""Characters of a value that an explanation quotes."""


def reasons(errors: Iterable[jsonschema_rs.ValidationError], schema: Any) -> tuple[Reason, ...]:
    """Return why a document does not fit, as reasons with pointers into the document and into the policy."""
    return tuple(_reason(error, schema) for error in islice(errors, MAX_REASONS))


def _reason(error: jsonschema_rs.ValidationError, schema: Any) -> Reason:
    pointer = _pointer(error.instance_path)
    path = _as_written(error.schema_path, schema)
    keyword = str(path[-1]) if path else "false"
    return Reason(keyword, _sentence(error, pointer), pointer, "/schema" + _pointer(path))


def _sentence(error: jsonschema_rs.ValidationError, pointer: str) -> str:
    name = pointer[1:] or "the request"
    details: dict[str, Any] = error.kind.as_dict()
    has = f"{name} is {_quoted(error.instance)}"
    match error.kind.name:
        case "const":
            return f"{has}, the policy wants {_quoted(details['expected_value'])}{_slash(pointer, [details])}"
        case "enum":
            options = details["options"]
            return f"{has}, the policy wants one of {_quoted(options)}{_slash(pointer, options)}"
        case "pattern":
            return f"{has}, the policy wants a match of {_quoted(details['pattern'])}"
        case "format":
            return f"{has}, the policy wants a well-formed {details['format']}"
        case "required":
            return f"{name} has no {_quoted(details['property'])}, and the policy requires it"
        case "type":
            return f"{has}, the policy wants another type of value"
        case "additionalProperties":
            return f"{name} has what the policy does not name: {_quoted(details['unexpected'])}"
        case "anyOf" | "oneOf" | "not" | "contains" as keyword:
            return f"{name} does not fit the policy's {keyword}"
        case "falseSchema":
            return f"the policy never accepts {name} here"
        case keyword:
            return f"{has}, against the policy's {keyword}"


def _slash(pointer: str, options: list[Any]) -> str:
    wanted = [option.get("expected_value") if isinstance(option, Mapping) else option for option in options]
    lame = [option for option in wanted if isinstance(option, str) and not option.startswith("/")]
    if pointer != "/uri" or not lame:
        return ""
    return f" (every uri starts with a slash, so no request has {_quoted(lame[0])})"


def _quoted(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(f"/{escape(part)}" for part in path)


def _as_written(path: list[str | int], schema: Any) -> list[str | int]:
    """Return the path with `constant` where the author wrote that."""
    if not path or path[-1] != "const":
        return path
    node = schema
    for part in path[:-1]:
        node = node[part]
    return [*path[:-1], "constant"] if "constant" in node else path
