"""Let a module mean what Rego says where regopy means something else: it cannot tell then, or is refused.

regopy orders whatever is no number by how it is written: to it 5 comes behind "a", and "a" behind "a b". So what `<`
and its like compare is given to an addition first, which fails for all but numbers. Functions that come to something
wrong of some arguments are called by others, written in Rego, that fail for those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from falconbox_engine_rego.module import Token

ORDERS = frozenset({"<", "<=", ">", ">="})
PREFIX = "falconbox_exactly_"

_FAILS = 'to_number("no number")'
_BOUNDED = f"""
{PREFIX}{{name}}(x) := {{name}}(x) if not {PREFIX}beyond(x) else := {_FAILS}
"""
_BEYOND = f"""
{PREFIX}beyond(x) if x > 9007199254740992
{PREFIX}beyond(x) if x < -9007199254740992
"""
_WRITTEN: dict[str, str] = {
    # Integers of 64 bits are what regopy makes: 1e20 would turn out below zero.
    **{name: _BOUNDED.format(name=name) for name in ("ceil", "floor", "round")},
    # Rego sorts a set, and regopy joins it in any order.
    "concat": f"""
{PREFIX}concat(between, x) := concat(between, x) if is_array(x) else := {_FAILS}
""",
    # regopy has no sum then, and does not fail.
    "sum": f"""
{PREFIX}sum(x) := sum(x) if {{ every member in x {{ is_number(member) }} }} else := {_FAILS}
""",
    # regopy reads "1abc" as 1, and "0x10" as 16.
    "to_number": f"""
{PREFIX}to_number(x) := to_number(x) if not is_string(x) else := to_number(x) if {{
  parts := split(trim_prefix(x, "-"), ".")
  count(parts) <= 2
  every part in parts {{ part != ""; trim(part, "0123456789") == "" }}
  not {PREFIX}padded(parts[0])
}} else := {_FAILS}
{PREFIX}padded(digits) if {{ startswith(digits, "0"); digits != "0" }}
""",
}


def problems(found: Sequence[Token]) -> Iterator[str]:
    """Return what is compared in an order that there is not, and names that are used here."""
    code = [token for token in found if token.kind not in ("space", "line")]
    for place, token in enumerate(code):
        if token.source in ORDERS and any(one.kind in ("text", "raw") for one in code[max(0, place - 1) : place + 2]):
            yield f"orders a text by {token.source}, and only numbers have an order here, at line {token.line}"
        elif token.source.startswith(PREFIX):
            yield f"has the name {token.source}, and such names are used for something else here, at line {token.line}"


def written(found: Sequence[Token], rules: Collection[str]) -> str:
    """Return the module that is compiled. Its own rules are called as they are."""
    anew, needed = [], set()
    for place, token in enumerate(found):
        if token.source in ORDERS:
            anew.append(f" + 0 {token.source} 0 + ")
        elif token.source in _WRITTEN.keys() - rules and _is_called(found, place):
            anew.append(PREFIX + token.source)
            needed.add(token.source)
        else:
            anew.append(token.anew)
    more = [_WRITTEN[name] for name in sorted(needed)]
    return "".join([*anew, *more, *([_BEYOND] if needed & {"ceil", "floor", "round"} else [])])


def _is_called(found: Sequence[Token], place: int) -> bool:
    after = (token.source for token in found[place + 1 :] if token.kind not in ("space", "line"))
    return found[place].kind == "name" and next(after, "") == "("
