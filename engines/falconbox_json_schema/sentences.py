"""One sentence for each way in which a document does not fit: what the request has, and what the policy wants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from falconbox import Document
from falconbox.wording import listed, never, quoted
from falconbox_json_schema.data import KEYWORDS, found_at, pointer_of

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


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A keyword that does not fit.

    `kind` and `details` are the validator's, `name` is where in the request, `value` what stands there, `said` what the
    keyword says, `beside` the schema that it stands in, `document` the request as a whole.
    """

    kind: str
    details: Mapping[str, Any]
    name: str
    value: Any
    keyword: str
    said: Any
    beside: Any
    document: Document


def sentence(failure: Failure) -> str:
    """Return it. What it quotes of the request and of the policy is bounded, and printable."""
    return _SENTENCES.get(failure.kind, _value)(failure)


def _value(failure: Failure) -> str:
    wanted = WANTED.get(failure.keyword, f"something else ({failure.keyword})").format(
        listed(failure.said) if isinstance(failure.said, list) else quoted(failure.said)
    )
    return f"{failure.name} is {quoted(failure.value)}, the policy wants {wanted}{_hint(failure)}"


def _compared(failure: Failure) -> str:
    """Return what a value was compared with, and what that is in this request."""
    pointer = pointer_of(failure.said) or ""
    there = found_at(failure.document, pointer)
    wanted = f"what {pointer[1:]} is: {quoted(there)}"
    if failure.keyword == "enum":
        wanted = f"one of {pointer[1:]}: {listed(there) or 'that is an empty list'}"
    return f"{failure.name} is {quoted(failure.value)}, the policy wants {wanted}"


def _hint(failure: Failure) -> str:
    """Return what makes a value impossible at the top of a request document. We tell, and never repair."""
    said = failure.said
    options = said if failure.keyword == "enum" else [said] if failure.keyword in ("const", "constant") else []
    return next(filter(None, (never(failure.name, option) for option in options)), "")


def _required(failure: Failure) -> str:
    return f"{failure.name} has no {quoted(failure.details['property'])}, and the policy requires it"


def _additional(failure: Failure) -> str:
    return f"{failure.name} has {listed(failure.details['unexpected'])}, which the policy does not name"


def _unevaluated_properties(failure: Failure) -> str:
    unexpected = listed(failure.details["unexpected"])
    otherwise = "" if failure.said is False else ", and not as unevaluatedProperties wants it"
    return f"{failure.name} has {unexpected}, which no part of the policy that fits the request names{otherwise}"


def _unevaluated_items(failure: Failure) -> str:
    otherwise = "" if failure.said is False else ", and not all are as unevaluatedItems wants them"
    return f"{failure.name} has items that no part of the policy that fits the request speaks of{otherwise}"


def _names(failure: Failure) -> str:
    return f"{failure.name} has {quoted(failure.details['error'].instance)}, a name that the policy does not accept"


def _alternatives(failure: Failure) -> str:
    # An alternative without an error is one that fits.
    several = any(not alternative for alternative in failure.details["context"])
    return f"{failure.name} fits {'more than one' if several else 'none'} of the policy's alternatives"


def _not(failure: Failure) -> str:
    return f"{failure.name} is what the policy says it must not be: {quoted(failure.said)}"


def _contains(failure: Failure) -> str:
    least, most = failure.beside.get("minContains", 1), failure.beside.get("maxContains")
    if (least, most) == (1, None):
        return f"{failure.name} has no item as the policy wants one"
    wanted = f"at least {least}" if most is None else f"{least} to {most}" if least else f"at most {most}"
    return f"{failure.name} does not have {wanted} items as the policy wants them"


_SENTENCES: Final[Mapping[str, Callable[[Failure], str]]] = {
    "required": _required,
    "additionalProperties": _additional,
    "unevaluatedProperties": _unevaluated_properties,
    "unevaluatedItems": _unevaluated_items,
    "additionalItems": lambda failure: f"{failure.name} has more items than the policy names",
    "propertyNames": _names,
    "anyOf": _alternatives,
    "oneOf": _alternatives,
    "not": _not,
    "contains": _contains,
    **dict.fromkeys(KEYWORDS, _compared),
    "falseSchema": lambda failure: f"the policy accepts nothing at {failure.name}",
}
