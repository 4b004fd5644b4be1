"""What a pattern may say. What has two readings, or none, is refused by name, with what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from falconbox import Problem
from falconbox.regex import Regex
from falconbox.wording import did_you_mean, escape, quoted, shortened

MAX_REGEXES: Final = 200
"""How many different ones a pattern may have: each may hold some hundred kilobytes."""

WORDS: Final = ("nil?", "not-blank?", "present?")
WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\?")
"""What looks like a word such as `present?`."""

ONLY_A_LIST: Final = frozenset({"$contains", "$every", "$length", "$present-all"})
OPERATORS: Final = ("$contains", "$enum", "$every", "$length", "$not", "$one-of", "$present-all", "$reference")

INSTEAD: Final[Mapping[str, str]] = {
    "$all": "$every",
    "$and": "the keys side by side in one map",
    "$any": "$contains",
    "$eq": "the value itself",
    "$exists": "present? or nil? as the value",
    "$in": "$enum",
    "$ne": "$not",
    "$nin": "$not, with $enum in it",
    "$or": "$one-of",
    "$regex": "a text that starts with #",
    "blank?": "$enum: ['']",
    "empty?": "$length: 0",
    "exists?": "present?",
    "missing?": "nil?",
    "not-empty?": "not-blank?",
    "not-nil?": "present?",
    "not-present?": "nil?",
    "null?": "nil?",
    "some?": "present?",
}
"""Words and operators of other dialects, and what to write here."""

ROOTS: Final = (
    "action|body|client|context|headers|jwt|params|query-string|remote-addr|request-method|resource|role|route-params"
    "|scheme|session|subject|tenant|uri|user"
)
PATH_IN_REGEX: Final = re.compile(rf"(?:^|[^\\])(?:\\\\)*(\.(?:{ROOTS})(?![\w-])[\w/.-]*)")
"""A path to what a document has at its top, in a regular expression, where it would be a dot and some letters."""

NULL: Final = (
    "is null: in YAML, what stands behind an unquoted # is a comment, so put a regular expression into quotes;"
    " for what must not be there write nil?"
)


class Checker:
    """Collects everything that is wrong with a pattern, with pointers that start at the policy."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._regexes: list[tuple[str, str]] = []
        # Held, so that whoever builds the pattern need not compile them again.
        self._compiled: list[Regex] = []

    def check(self, said: Any, place: str) -> list[Problem]:
        """Return what is wrong with a whole pattern, which must be plain JSON within bounds."""
        self._pattern(said, place)
        if len({text for _, text in self._regexes}) > MAX_REGEXES:
            self._refuse(place, f"has more than {MAX_REGEXES} regular expressions: join some of them by |")
        else:
            for where, text in self._regexes:
                try:
                    self._compiled.append(Regex.of(text))
                except ValueError as error:
                    self._refuse(where, str(error))
        return sorted(self.problems, key=lambda problem: (problem.pointer, problem.detail))

    def _refuse(self, place: str, detail: str) -> None:
        self.problems.append(Problem(place, detail))

    def _pattern(self, said: Any, place: str) -> None:
        if said is None:
            self._refuse(place, NULL)
        elif isinstance(said, str):
            self._text(said, place)
        elif isinstance(said, list):
            self._patterns(said, place)
        elif isinstance(said, dict):
            self._map(said, place)

    def _patterns(self, said: list[Any], place: str) -> None:
        for position, item in enumerate(said):
            self._pattern(item, f"{place}/{position}")

    def _text(self, said: str, place: str) -> None:
        if said.startswith("#"):
            self._regex(said[1:], place)
        elif said.startswith("."):
            if not all(said[1:].split(".")):
                self._refuse(place, f"is no path such as .params.resource/id; {_as_text(said)}")
        elif WORD.fullmatch(said) and said not in WORDS:
            self._refuse(place, f"there is no word {quoted(said)}{_instead(said, WORDS)}; {_as_text(said)}")

    def _regex(self, text: str, place: str) -> None:
        path = PATH_IN_REGEX.search(text)
        if not text:
            self._refuse(place, "is an empty regular expression, which is found in every text: write present?")
        elif path:
            inner = shortened(path[1])
            self._refuse(
                place,
                f"{inner} is no path within a regular expression, where a dot is any letter: write the path alone, as"
                f" the value of a key such as resource/id in params; for a real dot write \\{inner}",
            )
        else:
            self._regexes.append((place, text))

    def _map(self, said: dict[str, Any], place: str) -> None:
        self._combination(said, place)
        for key, value in said.items():
            below = f"{place}/{escape(key)}"
            if key.startswith("$"):
                self._operator(key, value, below)
            elif WORD.fullmatch(key):
                word = key if key in WORDS else INSTEAD.get(key, "present?")
                self._refuse(below, f"a word stands as the value and not as a key: write `name: {word}`")
            elif key.startswith((".", "#")):
                self._refuse(below, "is a key here: a path or a regular expression stands as the value of a key")
            else:
                self._pattern(value, below)

    def _combination(self, said: dict[str, Any], place: str) -> None:
        keys = [key for key in said if not key.startswith("$")]
        lists = sorted(ONLY_A_LIST & said.keys())
        if "$one-of" in said and len(said) > 1:
            self._refuse(
                f"{place}/$one-of", "stands alone in its map: write the other keys into each of its alternatives"
            )
        elif (keys or "$reference" in said) and lists:
            self._refuse(place, f"can never match: {lists[0]} wants a list, and {(keys or ['$reference'])[0]} a map")
        elif "$enum" in said and (keys or lists):
            self._refuse(place, f"can never match: $enum wants a plain value, and {(keys or lists)[0]} does not")

    def _operator(self, name: str, said: Any, place: str) -> None:
        match name:
            case "$contains" | "$every" | "$not":
                self._pattern(said, place)
            case "$enum":
                self._enum(said, place)
            case "$length":
                if type(said) is not int or said < 0:
                    self._refuse(place, "must be a number of items: 0, 1, 2, ...")
            case "$one-of" | "$present-all":
                self._several(name, said, place)
            case "$reference":
                self._reference(said, place)
            case _:
                self._refuse(place, f"there is no operator {quoted(name)}{_instead(name, OPERATORS)}")

    def _enum(self, said: Any, place: str) -> None:
        if not isinstance(said, list) or not said:
            self._refuse(place, "must be a list of texts, numbers, true or false, and not empty")
            return
        for position, item in enumerate(said):
            if item is None:
                self._refuse(f"{place}/{position}", NULL)
            elif isinstance(item, (list, dict)):
                self._refuse(f"{place}/{position}", "must be a text, a number, true or false; for patterns: $one-of")

    def _several(self, name: str, said: Any, place: str) -> None:
        if name == "$one-of" and isinstance(said, str) and said.startswith("."):
            self._text(said, place)
        elif not isinstance(said, list) or not said:
            or_path = " or a .path to one" if name == "$one-of" else ""
            self._refuse(place, f"must be a list of patterns{or_path}, and not empty")
        else:
            self._patterns(said, place)
            written = [json.dumps(item, sort_keys=True) for item in said]
            if name == "$present-all" and len({*written}) < len(written):
                self._refuse(place, "has a pattern twice, which one item would match: say how many by $length")

    def _reference(self, said: Any, place: str) -> None:
        if isinstance(said, dict):
            for key in said.keys() - {"resourceType", "id", *OPERATORS}:
                self._refuse(f"{place}/{escape(key)}", "a reference is read into resourceType and id, and nothing else")
            self._map(said, place)
        elif isinstance(said, str) and (said.startswith(".") or said in WORDS):
            self._text(said, place)
        else:
            self._refuse(place, "must be a map such as {resourceType: Patient, id: .jwt.sub}: that is what is matched")


def _as_text(said: str) -> str:
    return f"for the text itself write $enum: [{quoted(said)}]"


def _instead(name: str, known: tuple[str, ...]) -> str:
    return (
        f"; write {INSTEAD[name]}" if name in INSTEAD else did_you_mean(name, known) or f"; known: {', '.join(known)}"
    )
