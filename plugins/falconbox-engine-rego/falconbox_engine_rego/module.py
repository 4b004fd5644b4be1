"""Read a module into its tokens, and write anew from them what is compiled.

What regopy compiles is nothing but what has been read here: comments are gone, and each text is written in one way. So
there is no second reading in which a comment or a text could be a call.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence

from falconbox_engine_rego.texts import literal

MAX_TOKENS = 3000
"""How many names, texts, numbers and signs a module may have."""

MAX_NESTING = 32
"""How deep brackets may nest."""

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
KEYWORDS = frozenset(
    {"as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package", "some",
     "true", "with"}
)  # fmt: skip

_TOKEN = re.compile(
    r"""
    (?P<space> [ \t]+ | \#[^\n]* )
    | (?P<line> \n )
    | (?P<text> "(?: \\[^\n] | [^"\\\n] )*" )
    | (?P<raw> `[^`]*` )
    | (?P<number> (?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign> := | [=!<>]= | [-+*/%<>=&|,;:.()\[\]{}] )
    """,
    re.VERBOSE | re.ASCII,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A piece of a module, as it was written and as it is written anew."""

    kind: str
    source: str
    anew: str
    line: int

    @property
    def value(self) -> str | None:
        """What a text stands for; None for other tokens."""
        if self.kind == "text":
            return str(json.loads(self.source))
        return self.source[1:-1] if self.kind == "raw" else None


def tokens(module: str) -> list[Token]:
    """Return the tokens of a module, spaces and line breaks too. Raises ValueError, with words for its author."""
    found: list[Token] = []
    position = nesting = 0
    line = 1
    while position < len(module):
        match = _TOKEN.match(module, position)
        if match is None or match.lastgroup is None:
            raise ValueError(f"is no Rego, at line {line}, character {position - module.rfind(chr(10), 0, position)}")
        found.append(Token(match.lastgroup, match[0], _anew(match.lastgroup, match[0], line), line))
        nesting += (match[0] in OPENING) - (match[0] in CLOSING)
        if nesting > MAX_NESTING:
            raise ValueError(f"nests brackets more than {MAX_NESTING} deep, at line {line}")
        line += match[0].count("\n")
        position = match.end()
    if sum(token.kind != "space" for token in found) > MAX_TOKENS:
        raise ValueError(f"has more than {MAX_TOKENS} names, texts, numbers and signs")
    return found


def _anew(kind: str, source: str, line: int) -> str:
    if kind == "space":
        return " "
    if kind not in ("text", "raw"):
        return source
    try:
        return literal(json.loads(source) if kind == "text" else source[1:-1])
    except ValueError:
        raise ValueError(f"has a text that is none, at line {line}") from None


def statements(found: Sequence[Token]) -> list[list[Token]]:
    """Return the tokens of each statement: a line break outside of brackets ends it, if something may stand there."""
    result: list[list[Token]] = [[]]
    nesting = 0
    for token in found:
        nesting += (token.source in OPENING) - (token.source in CLOSING)
        if token.kind == "line" and nesting == 0 and not _goes_on(result[-1]):
            result.append([])
        elif token.kind not in ("space", "line"):
            result[-1].append(token)
    return [statement for statement in result if statement]


def _goes_on(statement: Sequence[Token]) -> bool:
    last = statement[-1] if statement else None
    if last is None or last.source in ("true", "false", "null"):
        return False
    return last.source in KEYWORDS or (last.kind == "sign" and last.source not in CLOSING)


def sources(found: Sequence[Token]) -> list[str]:
    """Return the tokens as they were written."""
    return [token.source for token in found]
