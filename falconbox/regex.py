"""Regular expressions for engines: ECMA-262, as far as it can be matched in linear time. Public API.

    from falconbox.regex import Regex

It is not imported by `falconbox` itself, since it brings the library that matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ClassVar, Final

import jsonschema_rs

from falconbox.facets import ANY_STRING, Strings
from falconbox.sharing import Shared

MAX_COMPILED: Final = 256 * 1024
"""How many bytes an expression may take when it is compiled."""

OPTIONS: Final = jsonschema_rs.RegexOptions(size_limit=MAX_COMPILED)
"""For engines that hand their expressions to jsonschema-rs themselves."""

_LITERAL: Final = re.compile(r"\^((?:[A-Za-z0-9/_~:@=&%,;!'\"<># -]|\\[/.-])*)")

_ATOMS: Final = re.compile(r"\\.|\[(?:\\.|[^\[\]\\])+\]", re.DOTALL)
"""An escaped character, and a class of characters: what is in it is no sign."""


class Regex:
    """A compiled expression. Equal ones are shared as long as somebody holds them, because each takes much room."""

    __slots__ = ("__weakref__", "is_found_in", "text")
    shared: ClassVar[Shared[Regex]] = Shared()

    is_found_in: Callable[[str], bool]
    """Whether it matches somewhere in a text; `$` is the end of the text."""

    def __init__(self, text: str) -> None:
        """Compile. Raises ValueError with what is wrong, in words for the author of a policy."""
        self.text = text
        self.is_found_in = _validator(text).is_valid

    @classmethod
    def of(cls, text: str) -> Regex:
        """Return the one compiled expression of this text. Raises ValueError as `Regex(text)` does."""
        return cls.shared.get(text, cls)


@functools.lru_cache(maxsize=4096)
def fault(text: str) -> str | None:
    """Return why an expression cannot be used, in words that follow its place; None if it can."""
    try:
        _validator(text)
    except ValueError as error:
        return str(error)
    return None


def strings(text: str) -> Strings:
    """Return what an expression accepts at most: `^/Patient` and `^/Patient(/|$)` a prefix, `^/Patient$` one string."""
    match = _LITERAL.match(text)
    if match is None or _may_have_alternatives(text):
        return ANY_STRING
    rest = text[match.end() :]
    literal = re.sub(r"\\(.)", r"\1", match[1])
    if rest == "$":
        return Strings(frozenset({literal}))
    # A quantifier may take the last character away again.
    literal = literal[:-1] if rest[:1] in ("*", "?", "{", "+") else literal
    return Strings(prefix=literal or None)


def _may_have_alternatives(text: str) -> bool:
    """Return whether a `|` may stand outside of all groups, or what holds it cannot be read for sure."""
    if "|" not in text:
        return False
    bare = _ATOMS.sub("", text)
    if "[" in bare or "]" in bare:
        return True
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth <= 0:
            return True
    return False


def _because(text: str) -> str:
    """Return the likely slip in what is no expression, or nothing. What refuses it does not say."""
    bare = _ATOMS.sub("", text)
    if flags := re.search(r"\(\?([a-z]+)\)", bare):
        return f": flags are for a group, as in (?{flags[1]}:...)"
    if "(?P" in bare:
        return ": a name is given by (?<name>...)"
    if re.search(r"\\[AZz]", text):
        return ": start and end are ^ and $"
    if "[" in bare:
        return ": a [ is not closed"
    return ": not every ( has its )" if bare.count("(") != bare.count(")") else ""


def _validator(text: str) -> jsonschema_rs.Draft7Validator:
    try:
        return jsonschema_rs.Draft7Validator({"pattern": text}, pattern_options=OPTIONS, offline=True)
    except jsonschema_rs.ValidationError as error:
        if error.schema_path[-1:] == ["format"]:
            raise ValueError(f"is no regular expression of ECMA-262{_because(text)}") from None
        raise ValueError(
            "is too large when compiled, or needs what linear time cannot give (look-around, back-references)"
        ) from None
