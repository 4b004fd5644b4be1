"""Inputs that look like what each parser reads: fragments in a row, accepted inputs damaged, and generated values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fragments import FRAGMENTS, NEARLY, SEEDS
from hypothesis import strategies as st

_NAMES = st.sampled_from(["a", "id", "uri", "<<", "~", "a/b", "", "é"]) | st.text(
    alphabet=st.characters(codec="utf-8"), max_size=6
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**54), 2**54), st.floats(), st.text(max_size=8),
    st.sampled_from([fragment for name in ("yaml", "json") for fragment in FRAGMENTS[name]]),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=10
)
_WORDS = st.sampled_from(
    [json.loads(word.removesuffix(":")) for word in FRAGMENTS["schema"] if word.endswith('":')][:-3]
)
_SCHEMAS = st.recursive(
    st.booleans() | st.dictionaries(_WORDS, _SCALARS | st.lists(_SCALARS, max_size=3), max_size=2),
    lambda inner: st.dictionaries(_WORDS, inner | st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_size=3),
    max_leaves=8,
)  # fmt: skip

_OPERATORS = st.sampled_from([json.loads(word[:-1]) for word in FRAGMENTS["matcho"] if word.endswith('":')])
_PATTERNS = st.recursive(
    _SCALARS | st.sampled_from(["present?", "nil?", "#a", "#^/a$", ".client.id", ".a.0", "Patient/1"]),
    lambda inner: st.dictionaries(_OPERATORS, inner | st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=2),
    max_leaves=6,
)


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _with(seed: str, members: Any) -> bytes:
    """Return an accepted object with members replaced."""
    return _text({**json.loads(seed), **members})


_FIELDS = st.sampled_from(["id", "engine", "schema", "link", "effect", "mode", "type", "meta", "secret", "auth", "grant_types", "active", "name", "x"])  # fmt: skip

_GENERATED: Final[Mapping[str, st.SearchStrategy[bytes]]] = {
    "token": st.dictionaries(st.sampled_from(["iss", "sub", "aud", "iat", "exp", "gen"]), _SCALARS).map(
        lambda members: b"C" + _with(SEEDS["token"][2][1:], members)
    ),
    "json": _VALUES.map(_text),
    "yaml": _VALUES.map(_text),
    "written": _VALUES.map(_text),
    "admission": st.builds(_with, st.sampled_from(SEEDS["admission"]), st.dictionaries(_FIELDS, _VALUES, max_size=2)),
    "schema": st.builds(lambda said, document: _text(said) + b"\n" + _text(document), _SCHEMAS, _VALUES),
    "matcho": st.builds(lambda said, document: _text(said) + b"\n" + _text(document), _PATTERNS, _VALUES),
}


def inputs(target: str) -> st.SearchStrategy[bytes]:
    """Return what a target is fed with."""
    fragments = st.sampled_from([fragment.encode() for fragment in FRAGMENTS[target]])
    pieces = fragments | fragments | st.binary(max_size=3) | st.integers(0, 10**17).map(lambda number: b"%d" % number)
    damaged = st.builds(
        _damaged, st.sampled_from(SEEDS[target] + NEARLY[target]), st.integers(0, 400), st.integers(0, 3), fragments
    )
    several = [st.binary(max_size=80), st.lists(pieces, max_size=12).map(b"".join), damaged]
    return st.one_of(*several, *([_GENERATED[target]] if target in _GENERATED else []))


def _damaged(seed: str, place: int, removed: int, fragment: bytes) -> bytes:
    data = seed.encode()
    place %= len(data) + 1
    return data[:place] + fragment + data[place + removed :]
