"""Split an expression into its tokens: enough to see what it names, calls and joins."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

MAX_NESTING = 32
"""How deep brackets may nest."""

MAX_TOKENS = 800
"""How many tokens an expression may have: `a+b+c+...` is evaluated as deep as it is long."""

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")

_TOKEN = re.compile(
    r"""
    (?P<space> [ \t\r\n\f]+ | //[^\n]* )
    | (?P<text>
        [bB]?[rR] (?: \"\"\" .*? \"\"\" | \'\'\' .*? \'\'\' | "[^"\r\n]*" | '[^'\r\n]*' )
        | [bB]? (?:
            \"\"\" (?: \\. | [^\\] )*? \"\"\" | \'\'\' (?: \\. | [^\\] )*? \'\'\'
            | " (?: \\[^\r\n] | [^"\\\r\n] )* " | ' (?: \\[^\r\n] | [^'\\\r\n] )* ' ) )
    | (?P<number> 0x[0-9a-fA-F]+u? | [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]? | \.[0-9]+(?:[eE][+-]?[0-9]+)? )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign> && | \|\| | [=!<>]= | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression, from `start` to `end`."""

    kind: str
    source: str
    start: int

    @property
    def end(self) -> int:
        """Where the next one may begin."""
        return self.start + len(self.source)

    @property
    def value(self) -> str | None:
        """The text that a plain text token stands for; None for other tokens, and for texts with escapes."""
        if self.kind != "text" or "\\" in self.source or self.source[0] not in "\"'":
            return None
        quotes = 3 if self.source[:3] in ('"""', "'''") else 1
        return self.source[quotes:-quotes]


def tokens(expression: str) -> list[Token]:
    """Return the tokens of an expression. Raises ValueError, with words for its author."""
    found: list[Token] = []
    position = nesting = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None or match.lastgroup is None:
            raise ValueError(f"is no CEL expression, at character {position + 1}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match[0], position))
        nesting += (match[0] in OPENING) - (match[0] in CLOSING)
        if nesting > MAX_NESTING:
            raise ValueError(f"nests brackets more than {MAX_NESTING} deep")
        if len(found) > MAX_TOKENS:
            raise ValueError(f"has more than {MAX_TOKENS} names, texts, numbers and signs")
        position = match.end()
    return found


def partners(found: Sequence[Token]) -> dict[int, int]:
    """Return where each opening bracket is closed, by their places among the tokens of an expression that compiles."""
    opened: list[int] = []
    closed: dict[int, int] = {}
    for place, token in enumerate(found):
        if token.source in OPENING:
            opened.append(place)
        elif token.source in CLOSING:
            closed[opened.pop()] = place
    return closed


def split(found: Sequence[Token], sign: str) -> list[Sequence[Token]]:
    """Return the parts between the signs that stand outside of all brackets."""
    parts: list[list[Token]] = [[]]
    nesting = 0
    for token in found:
        nesting += (token.source in OPENING) - (token.source in CLOSING)
        if nesting == 0 and token.source == sign:
            parts.append([])
        else:
            parts[-1].append(token)
    return [*parts]


def conditions(found: Sequence[Token]) -> list[Sequence[Token]]:
    """Return the conditions that `&&` joins at the top of an expression; all of it where another sign is the top."""
    if any(len(split(found, sign)) > 1 for sign in ("||", "?")):
        return [found]
    return split(found, "&&")


def text_of(expression: str, part: Sequence[Token]) -> str:
    """Return what some of its tokens say, as it was written."""
    return expression[part[0].start : part[-1].end]


def sources(found: Iterable[Token]) -> tuple[str, ...]:
    """Return the tokens as they were written."""
    return tuple(token.source for token in found)
