"""From a checked pattern, as it was written, to one that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox.wording import escape
from falconbox_matcho.combined import Both, Not, OneItemOf, OneOf
from falconbox_matcho.lists import AllPresent, EveryItem, Items, Length, SomeItem
from falconbox_matcho.maps import Members, Referred
from falconbox_matcho.patterns import Equal, Found, Nil, NotBlank, OneValue, Pattern, Present, SameAs

WORDS: Final[Mapping[str, type[Nil | NotBlank | Present]]] = {"nil?": Nil, "not-blank?": NotBlank, "present?": Present}


def build(said: Any, place: str) -> Pattern:
    """Return the pattern that stands at a place in the policy."""
    if isinstance(said, dict):
        return _map(said, place)
    if isinstance(said, list):
        return Items(place, said, _several(said, place))
    if isinstance(said, str):
        return _text(said, place)
    return Equal(place, said)


def _several(said: list[Any], place: str) -> list[Pattern]:
    return [build(item, f"{place}/{position}") for position, item in enumerate(said)]


def _text(said: str, place: str) -> Pattern:
    if said.startswith("#"):
        return Found(place, said)
    if said.startswith("."):
        return SameAs(place, said)
    return WORDS[said](place, said) if said in WORDS else Equal(place, said)


def _map(said: dict[str, Any], place: str) -> Pattern:
    members = {key: build(value, f"{place}/{escape(key)}") for key, value in said.items() if not key.startswith("$")}
    parts = [_operator(key, value, f"{place}/{key}") for key, value in said.items() if key.startswith("$")]
    if members or not parts:
        parts.insert(0, Members(place, said, members))
    return parts[0] if len(parts) == 1 else Both(place, said, parts)


def _operator(name: str, said: Any, place: str) -> Pattern:
    match name:
        case "$contains":
            return SomeItem(place, said, build(said, place))
        case "$enum":
            return OneValue(place, said)
        case "$every":
            return EveryItem(place, said, build(said, place))
        case "$length":
            return Length(place, said)
        case "$not":
            return Not(place, said, build(said, place))
        case "$one-of":
            return OneItemOf(place, said) if isinstance(said, str) else OneOf(place, said, _several(said, place))
        case "$present-all":
            return AllPresent(place, said, _several(said, place))
        case "$reference":
            return Referred(place, said, build(said, place))
    raise AssertionError(f"{name} was not checked")
