"""The dialects of JSON Schema that a policy may be written in, each read strictly."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs

from falconbox.wording import did_you_mean

STRICT: Final[dict[str, dict[str, Any]]] = json.loads(
    files(__name__.partition(".")[0]).joinpath("strict.json").read_bytes()
)

_DEPENDS: Final = "where such a reference leads depends on who refers to it: name by $ref the one schema that is meant"
_IGNORED: Final = "decides nothing in 2019-09 and 2020-12, and a condition that is ignored holds nobody back"
LATER_REFUSES: Final = {
    **dict.fromkeys(("$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"), _DEPENDS),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "contentSchema"), _IGNORED),
    "$vocabulary": "is for schemas that describe a dialect: a policy is written in one",
}
"""Keywords that 2019-09 or 2020-12 knows and no policy may use, and why."""

CLOSEST: Final[Mapping[str, tuple[str, ...]]] = {
    "$anchor": ("$id",),
    "$defs": ("definitions",),
    "$dynamicAnchor": ("$id",),
    "$dynamicRef": ("$ref",),
    "$recursiveAnchor": ("$id",),
    "$recursiveRef": ("$ref",),
    "additionalItems": ("items",),
    "definitions": ("$defs",),
    "dependencies": ("dependentRequired", "dependentSchemas"),
    "dependentRequired": ("dependencies",),
    "dependentSchemas": ("dependencies",),
    "deprecated": ("description",),
    "id": ("$id",),
    "maxContains": ("contains",),
    "minContains": ("contains",),
    "optional": ("required",),
    "prefixItems": ("items",),
    "unevaluatedItems": ("additionalItems",),
    "unevaluatedProperties": ("additionalProperties",),
}
"""What comes closest, in a dialect without the keyword."""


@dataclasses.dataclass(frozen=True, eq=False)
class Dialect:
    """One of them.

    `refused` holds keywords that it knows and no policy may use, `shape` is a validator of schemas, `validator` makes
    one of documents. `ref_stands_alone`: what stands beside `$ref` is ignored.
    """

    name: str
    uri: str
    strict: Mapping[str, Any]
    validator: type[jsonschema_rs.Validator]
    refused: Mapping[str, str]
    ref_stands_alone: bool
    shape: jsonschema_rs.Validator

    @property
    def keywords(self) -> frozenset[str]:
        """Every keyword that a policy may use."""
        return frozenset(self.strict)

    @property
    def formats(self) -> tuple[str, ...]:
        """Every known value of `format`."""
        return tuple(self.strict["format"]["enum"])

    @property
    def uris(self) -> frozenset[str]:
        """What `$schema` may say to choose it."""
        rest = self.uri.partition("://")[2].removesuffix("#")
        return frozenset(f"{scheme}://{rest}{end}" for scheme in ("http", "https") for end in ("", "#"))

    def unknown(self, keyword: str) -> str:
        """Return what is wrong with a keyword that no policy of this dialect may use, and what was probably meant."""
        if keyword in self.refused:
            return self.refused[keyword]
        owners = [dialect.name for dialect in DIALECTS if keyword in dialect.keywords | dialect.refused.keys()]
        what = f"is a keyword of {' and '.join(owners)}, not of {self.name}" if owners else "unknown keyword"
        close = [repr(name) for name in CLOSEST.get(keyword, ()) if name in self.keywords]
        return f"{what}; did you mean {' or '.join(close)}?" if close else what + did_you_mean(keyword, self.keywords)


def _dialect(
    name: str, uri: str, validator: type[jsonschema_rs.Validator], parts: tuple[str, ...], refused: Mapping[str, str]
) -> Dialect:
    strict = {keyword: shape for part in ("every dialect", *parts) for keyword, shape in STRICT[part].items()}
    whole = {
        "type": ["object", "boolean"],
        "additionalProperties": False,
        "properties": strict,
        "definitions": STRICT["definitions"],
    }
    shape = jsonschema_rs.Draft7Validator(whole, offline=True)
    return Dialect(name, uri, strict, validator, refused, name == "draft-07", shape)


_2019: Final = ("2019-09 and later", "2019-09")
_2020: Final = ("2019-09 and later", "2020-12")
_BASE: Final = "https://json-schema.org/draft"

DRAFT_07: Final = _dialect(
    "draft-07", "http://json-schema.org/draft-07/schema#", jsonschema_rs.Draft7Validator, ("draft-07",), {}
)
DIALECTS: Final = (
    DRAFT_07,
    _dialect("2019-09", f"{_BASE}/2019-09/schema", jsonschema_rs.Draft201909Validator, _2019, LATER_REFUSES),
    _dialect("2020-12", f"{_BASE}/2020-12/schema", jsonschema_rs.Draft202012Validator, _2020, LATER_REFUSES),
)


def dialect_of(schema: Any) -> Dialect:
    """Return the dialect that a schema names; draft-07 if it names none that is known."""
    named = schema.get("$schema") if isinstance(schema, dict) else None
    return next((dialect for dialect in DIALECTS if isinstance(named, str) and named in dialect.uris), DRAFT_07)
