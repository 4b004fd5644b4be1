"""The shipped JSON Schemas of our own resources, and their errors in words.

Messages never quote a value: it may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from falconbox import wording
from falconbox.errors import Problem
from falconbox.wording import escape

RENAMED: Final = {
    "token_format": "access_token_format",
    "token_expiration": "access_token_expiration",
    "expiration": "access_token_expiration",
    "links": "link",
}
"""Spellings seen in the wild whose silent loss would be dangerous, and the right ones."""

INSTEAD: Final = {
    "roleName": "roles are no part of a policy here: say who may in the policy itself, such as"
    " client: {details: {role: doctor}} or jwt: {roles: {$contains: doctor}} in a matcho pattern",
    "sql": "nothing in a database can be asked: put what the decision needs into the client's `details` or the token's"
    " claims, and compare it by engine matcho with a path such as .client.details.patient",
    "rpc": "there are no RPC endpoints to name: say by engine matcho which uri, request-method and body may be",
}
"""Fields of Aidbox's policies that are not read here, and what to write instead."""

ENGINES_INSTEAD: Final = {
    "sql": INSTEAD["sql"],
    "clj": "no code runs in a policy: write matcho, json-schema or complex, or an engine as a plugin",
    **dict.fromkeys(("rpc", "allow-rpc", "matcho-rpc", "json-schema-rpc", "signed-rpc"), INSTEAD["rpc"]),
}
"""Engines of Aidbox that there are not here, and what to write instead."""


@cache
def shipped(name: str) -> dict[str, Any]:
    """Return the shipped schema of a resource type. The caller must not change it."""
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.json").read_bytes())
    return schema


def problems(document: Any, schema: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with a document by a schema, in words, ordered by pointer."""
    # An empty registry: a reference that is not in the schema itself is never fetched.
    errors = _Validator(schema, registry=Registry()).iter_errors(document)
    found = {problem for error in errors for problem in _worded(error)}
    return sorted(found, key=lambda problem: (problem.pointer, problem.detail))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known name, or nothing."""
    known = list(known)
    right = RENAMED.get(name)
    return f"; did you mean {right!r}?" if right in known else wording.did_you_mean(name, known)


def unknown_engine(policy: Mapping[str, Any], engines: Collection[str]) -> list[Problem]:
    """Return what is wrong with a policy whose engine is not among these: that, and fields that no engine has here."""
    name = policy.get("engine")
    if not isinstance(name, str):
        return []
    found = [Problem(f"/{field}", INSTEAD[field]) for field in INSTEAD if field in policy and field != name]
    if name in ENGINES_INSTEAD:
        return [Problem("/engine", f"there is no engine {name!r}: {ENGINES_INSTEAD[name]}"), *found]
    installed = ", ".join(sorted(engines))
    detail = f"there is no such engine{did_you_mean(name, engines)}; installed: {installed}"
    return [Problem("/engine", detail), *found]


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    # ECMA-262 reads `$` as the end of the string; Python's would let a trailing newline pass.
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), instance):
        yield ValidationError("pattern")


def _unique_items(_: Any, unique: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    # The validator's own compares each item with each when they cannot be sorted; what is written alike is alike here.
    if unique and isinstance(instance, list):
        written = {json.dumps(item, sort_keys=True) for item in instance}
        if len(written) < len(instance):
            yield ValidationError("uniqueItems")


_Validator: Final[Any] = extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items})  # type: ignore[no-untyped-call]  # stubs


def _worded(error: Any) -> Iterator[Problem]:
    pointer = "".join(f"/{escape(part)}" for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for name in sorted(set(error.instance) - set(known)):
            hint = f": {INSTEAD[name]}" if name in INSTEAD else did_you_mean(name, known)
            yield Problem(f"{pointer}/{escape(name)}", f"unknown field{hint}")
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Problem(f"{pointer}/{name}", "is required")
    else:
        yield Problem(pointer, _expectation(error.validator, error.validator_value) + _described(error.schema))


_COUNTED: Final = {
    f"{bound}{what}": counted
    for bound in ("min", "max")
    for what, counted in (("Items", "items"), ("Length", "characters"), ("Properties", "members"))
}


def _expectation(keyword: str, value: Any) -> str:
    match keyword:
        case "type":
            return _type(value)
        case "const":
            return f"must be {value!r}"
        case "enum":
            return f"must be one of: {', '.join(map(str, value))}"
        case "minItems" | "minLength" | "minProperties" if value == 1:
            return "must not be empty"
        case "minItems" | "minLength" | "minProperties":
            return f"must have at least {value:,} {_COUNTED[keyword]}"
        case "maxItems" | "maxLength" | "maxProperties":
            return f"must have at most {value:,} {_COUNTED[keyword]}"
        case "minimum":
            return f"must be at least {value:,}"
        case "maximum":
            return f"must be at most {value:,}"
        case "uniqueItems":
            return "must not repeat an item"
        case _:
            return "is not as expected"


def _type(types: str | list[str]) -> str:
    if types == "boolean":
        return "must be true or false"
    return f"must be of type {types if isinstance(types, str) else ' or '.join(types)}"


def _described(schema: Any) -> str:
    description = schema.get("description") if isinstance(schema, Mapping) else None
    return f" ({description})" if description else ""
