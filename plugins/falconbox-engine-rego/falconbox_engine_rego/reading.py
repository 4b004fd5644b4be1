"""What a module may do: call functions that read nothing but their arguments, and no more loops than can be bounded."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from falconbox import ALL, All
from falconbox.wording import did_you_mean
from falconbox_engine_rego.growth import MAX_GROWTH, Growth
from falconbox_engine_rego.module import CLOSING, KEYWORDS, OPENING, Token, sources, statements

CALLED = frozenset(
    {"abs", "array.concat", "array.reverse", "array.slice", "ceil", "concat", "contains", "count", "endswith", "floor",
     "indexof", "intersection", "is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string",
     "object.filter", "object.get", "object.keys", "object.remove", "object.union", "replace", "round",
     "split", "startswith", "strings.any_prefix_match", "strings.any_suffix_match", "strings.reverse",
     "substring", "sum", "to_number", "trim", "trim_left", "trim_prefix", "trim_right", "trim_suffix", "type_name",
     "union"}
)  # fmt: skip
"""The functions there are: the same arguments get the same result, in bounded time, and nothing else is read.

Neither `max`, `min` nor `sort`: to regopy 9 is the largest of 9 and 10."""

PUT_IN = {"concat": 0, "replace": 2}
"""Which argument these put in again and again: out of the request, it would make the square of what was sent."""

SOUGHT = {"replace": 1}
"""Which argument these look for: an empty one would be found for ever, until there is no memory left."""

OUTSIDE = frozenset(
    {"crypto", "http", "internal", "io", "net", "opa", "providers", "rand", "regex", "rego", "time", "uuid"}
)
"""What those functions are filed under that look outside, differ each time, or never end: names that none may use."""

MAX_CHAIN = 32
"""How many rules may need one another in a row."""

SIGNS_BEFORE = (
    "(", "[", "{", ",", ";", ":", ":=", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "|"
)  # fmt: skip
"""Behind these a bracket holds what is computed first. Behind anything else it calls."""

MAX_LOOPS = 3
"""How many loops may stand in loops, those of the rules that are called counted."""


def problems(found: Sequence[Token], rule: str) -> Iterator[str]:
    """Return what keeps a module from being compiled."""
    rules = names(found)
    for statement in statements(found):
        if statement[0].source == "import":
            yield from _import_problems(statement)
        else:
            yield from _call_problems(statement, rules)
    if Growth(rules).largest() > MAX_GROWTH:
        yield f"can make something more than {MAX_GROWTH:,} times as large as the request"
    if rule not in rules:
        yield f"has no rule {rule}"
    if loops(found) > MAX_LOOPS:
        yield f"has more than {MAX_LOOPS} loops in loops, or rules that need themselves, or {MAX_CHAIN} others in a row"


def _import_problems(statement: Sequence[Token]) -> Iterator[str]:
    path = _dotted(statement, 1)
    rest = sources(statement[2 * path.count(".") + 2 :])
    renamed = len(rest) == 2 and rest[0] == "as" and rest[1] not in OUTSIDE
    if path.split(".")[:2] not in (["rego", "v1"], ["future", "keywords"]) and path.split(".")[0] != "input":
        yield f"imports {path}, and there is no such thing here, at line {statement[0].line}"
    elif rest and not renamed:
        yield f"has an import that cannot be read, at line {statement[0].line}"


def _call_problems(statement: Sequence[Token], rules: Collection[str]) -> Iterator[str]:
    for place, token in enumerate(statement):
        before = statement[place - 1].source if place else ""
        if token.source == "with":
            yield f"has with, by which something else than the request would be asked, at line {token.line}"
        elif token.source in OUTSIDE and before != ".":
            called = _dotted(statement, place)
            yield f"has {called}, and there is no such function here, at line {token.line}"
        elif token.source == "(" and place and before not in (*SIGNS_BEFORE, *KEYWORDS - {"contains"}):
            called = _called(statement, place)
            if called not in CALLED and ("." in called or called not in rules):
                hint = did_you_mean(called, CALLED)
                what = f"{called or 'what it has computed'}, and there is no such function here{hint}"
                yield f"calls {what}, at line {token.line}"
            elif called in PUT_IN:
                yield from _argument_problems(called, _arguments(statement, place), token.line)


def _argument_problems(called: str, arguments: Sequence[Sequence[Token]], line: int) -> Iterator[str]:
    if _text(arguments, PUT_IN[called]) is None:
        which = ("first", "third")[PUT_IN[called] == 2]
        yield f"calls {called} with something else than a text for its {which} argument, at line {line}"
    if called in SOUGHT and not _text(arguments, SOUGHT[called]):
        yield f"calls {called} with something else than a text of the module to look for, not empty, at line {line}"


def _text(arguments: Sequence[Sequence[Token]], number: int) -> str | None:
    """Return the text that an argument is; None if it is anything else, or missing."""
    return arguments[number][0].value if len(arguments) > number and len(arguments[number]) == 1 else None


def _arguments(statement: Sequence[Token], bracket: int) -> list[list[Token]]:
    """Return the arguments of a call, from its opening bracket on."""
    found: list[list[Token]] = [[]]
    nesting = 0
    for token in statement[bracket:]:
        nesting += (token.source in OPENING) - (token.source in CLOSING)
        if nesting == 0:
            break
        if nesting == 1 and token.source == ",":
            found.append([])
        else:
            found[-1].append(token)
    found[0] = found[0][1:]
    return found


def _called(statement: Sequence[Token], bracket: int) -> str:
    """Return the names, joined by dots, that end before a bracket; nothing if there is more to what is called."""
    place = bracket - 1
    if statement[place].kind != "name":
        return ""
    while place > 1 and statement[place - 1].source == "." and statement[place - 2].kind == "name":
        place -= 2
    return "" if place and statement[place - 1].source == "." else _dotted(statement, place)


def _dotted(code: Sequence[Token], place: int) -> str:
    """Return the names that start at a place and are joined by dots."""
    parts = [code[place].source] if place < len(code) else []
    while place + 2 < len(code) and code[place + 1].source == "." and code[place + 2].kind == "name":
        place += 2
        parts.append(code[place].source)
    return ".".join(parts)


def package(found: Sequence[Token]) -> str | None:
    """Return the package that a module declares in its first statement."""
    first = next(iter(statements(found)), [])
    path = _dotted(first, 1)
    plain = len(first) == 2 * path.count(".") + 2 and first[0].source == "package" and path
    return path if plain and not {*path.split(".")} & (KEYWORDS | OUTSIDE) else None


def reads(found: Sequence[Token]) -> frozenset[str] | All:
    """Return the keys that follow `input` wherever it stands; everything where something else follows."""
    code = [token for token in found if token.kind not in ("space", "line")]
    keys = set()
    for place, token in enumerate(code):
        if token.source != "input":
            continue
        after = code[place + 1 : place + 4]
        if len(after) > 1 and after[0].source == "." and after[1].kind == "name":
            keys.add(after[1].source)
        elif len(after) > 2 and after[0].source == "[" and after[2].source == "]" and after[1].value is not None:
            keys.add(after[1].value)
        else:
            return ALL
    return frozenset(keys)


def names(found: Sequence[Token]) -> dict[str, list[list[Token]]]:
    """Return the rules and functions that a module defines, with the statements of each."""
    defined: dict[str, list[list[Token]]] = {}
    last = ""
    for statement in statements(found):
        head = [token for token in statement if token.source != "default"][:1]
        if head and head[0].kind == "name" and head[0].source not in KEYWORDS - {"else"}:
            last = last if head[0].source == "else" else head[0].source
        defined.setdefault(last, []).append(statement)
    defined.pop("", None)
    return defined


def loops(found: Sequence[Token]) -> int:
    """Return how many loops stand in loops at most: those of a rule, and of the rules that it names."""
    rules = names(found)
    depths: dict[str, int] = {}

    def depth(name: str, above: frozenset[str]) -> int:
        if name in above or len(above) > MAX_CHAIN:
            return MAX_LOOPS + 1  # Rego refuses rules that need themselves, too
        if name not in depths:
            depths[name] = max(
                _loops(statement)
                + max((depth(other, above | {name}) for other in _mentioned(statement, rules, name)), default=0)
                for statement in rules[name]
            )
        return depths[name]

    return max((depth(name, frozenset()) for name in rules), default=0)


def _mentioned(statement: Sequence[Token], rules: Mapping[str, object], name: str) -> set[str]:
    return {token.source for token in statement if token.source in rules} - {name}


def _loops(statement: Sequence[Token]) -> int:
    """Return how many things a statement may walk through: `every`, `some ... in`, and members not named by a text."""
    count = sum(token.source in ("every", "some") for token in statement)
    for before, bracket, inside in zip(statement, statement[1:], statement[2:], strict=False):
        selects = bracket.source == "[" and (before.kind == "name" or before.source in ("]", ")"))
        if selects and before.source not in KEYWORDS and inside.kind not in ("text", "raw", "number"):
            count += 1
    return count


def calls(found: Sequence[Token], name: str) -> bool:
    """Whether a module calls a function."""
    code = [token for token in found if token.kind not in ("space", "line")]
    return any(one.source == name and after.source == "(" for one, after in itertools.pairwise(code))
