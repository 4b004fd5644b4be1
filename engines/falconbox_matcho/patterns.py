"""Patterns that look at one value: texts, numbers, expressions, paths, words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox import Document, Reason
from falconbox.regex import Regex
from falconbox.wording import listed, never, pointer_to, quoted, shortened
from falconbox_matcho.values import NOTHING, Answer, Path, any_of, same

Steps = tuple[str | int, ...]
"""Where in the document a value stands."""

MAX_WORDS: Final = 200
"""Characters of a sentence that name a place, or what is wanted."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "operation": "what is asked for is in request-method and uri",
    "resource": "what was sent is in body",
    "role": "who asks is in client and jwt",
    "route-params": "they are in params, as resource/type and resource/id",
    "user": "who asks is in client and jwt",
}
"""What Aidbox has at the top of a request, and a request document has not."""


class Pattern(ABC):
    """A pattern at its place in the policy, a JSON pointer. `said` is the pattern as it was written."""

    __slots__ = ("place", "said")
    code: str

    def __init__(self, place: str, said: Any) -> None:
        self.place = place
        self.said = said

    @abstractmethod
    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether a value matches. NOTHING stands for a value that is not there."""

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What matches, in words."""

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield why a value does not match (False), or why that cannot be told (None): as `ask` answered."""
        there = found(value) if steps else "is something else"
        wanted = shortened(self.wanted, MAX_WORDS)
        message = f"{named(steps)} {there}, the policy wants {wanted}{self.hint(value, steps)}"
        yield self.reason(value, steps, message)

    def hint(self, value: Any, steps: Steps) -> str:
        """Return what else is wrong, if a value can never be there."""
        top = str(steps[0]) if len(steps) == 1 and value is NOTHING else ""
        return f"; no request has {top}: {ELSEWHERE[top]}" if top in ELSEWHERE else ""

    def reason(self, value: Any, steps: Steps, message: str) -> Reason:
        """Return a reason with the form that Aidbox gives: what was expected, but what was there, and where."""
        details = {"expected": brief(self.said), "but": brief(value), "path": list(steps)}
        if not steps:
            del details["but"]  # of the whole document no more may be seen than what is read
        return Reason(self.code, message, pointer_to(steps), self.place, details)


def reasons_for(answer: Answer, pattern: Pattern, value: Any, document: Document, steps: Steps) -> Iterator[Reason]:
    """Yield why a pattern answers so, if it does."""
    if pattern.ask(value, document) is answer:
        yield from pattern.reasons(value, document, steps, answer)


def named(steps: Steps) -> str:
    """Return in words where a value stands."""
    return shortened(pointer_to(steps)[1:], MAX_WORDS) or "the request"


def found(value: Any) -> str:
    """Return in words what stands there."""
    return "is not there" if value is NOTHING else f"is {quoted(value)}"


def brief(value: Any) -> Any:
    """Return a value for an explanation: as it is if it is short, else the beginning of its text."""
    if value is NOTHING:
        return None
    if isinstance(value, str):
        return shortened(value)
    text = quoted(value)
    return text if text.endswith("...") else value


class Equal(Pattern):
    """A text, a number, true or false."""

    __slots__ = ("_is_text",)
    code = "equal"

    def __init__(self, place: str, said: Any) -> None:
        super().__init__(place, said)
        self._is_text = isinstance(said, str)

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is the same, as JSON compares."""
        # What every request asks most often spares itself a call.
        return bool(value == self.said) if self._is_text else same(self.said, value)

    @property
    def wanted(self) -> str:
        """The value."""
        return quoted(self.said)

    def hint(self, value: Any, steps: Steps) -> str:
        """Return why no request has it, too."""
        return super().hint(value, steps) or never(pointer_to(steps)[1:], self.said)


class OneValue(Pattern):
    """`$enum`: one of several texts, numbers, true and false."""

    __slots__ = ("_others", "_texts")
    code = "$enum"

    def __init__(self, place: str, said: Any) -> None:
        super().__init__(place, said)
        self._texts = frozenset(item for item in said if isinstance(item, str))
        self._others = [item for item in said if not isinstance(item, str)]

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is one of them, as JSON compares."""
        if isinstance(value, str):
            return value in self._texts
        return any_of(same(item, value) for item in self._others)

    @property
    def wanted(self) -> str:
        """All of them."""
        return f"one of {listed(self.said)}"

    def hint(self, value: Any, steps: Steps) -> str:
        """Return why no request has one of them, too."""
        place = pointer_to(steps)[1:]
        hints = [hint for hint in (never(place, item) for item in self.said) if hint]
        return super().hint(value, steps) or (hints[0] if hints else "")


class Found(Pattern):
    """`#regex`: a text in which an expression is found."""

    __slots__ = ("_is_found_in", "regex")
    code = "regex"

    def __init__(self, place: str, said: str) -> None:
        super().__init__(place, said)
        self.regex = Regex.of(said[1:])
        self._is_found_in = self.regex.is_found_in

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a text in which the expression is found."""
        return isinstance(value, str) and self._is_found_in(value)

    @property
    def wanted(self) -> str:
        """The expression."""
        return f"a match of {quoted(self.regex.text)}"


class SameAs(Pattern):
    """`.path`: what stands elsewhere in the document."""

    __slots__ = ("path",)
    code = "path"

    def __init__(self, place: str, said: str) -> None:
        super().__init__(place, said)
        self.path = Path(said)

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is the same; that cannot be told where nothing stands at the path."""
        other = self.path.find(document)
        return None if other is NOTHING else same(value, other)

    @property
    def wanted(self) -> str:
        """The path."""
        return f"what stands at {shortened(self.said)}"

    def reasons(self, value: Any, document: Document, steps: Steps, answer: Answer) -> Iterator[Reason]:
        """Yield that it is something else, or that nothing stands at the path. What stands there is not quoted."""
        if answer is None and self.path.find(document) is NOTHING:
            message = f"{named(steps)} is to be what stands at {shortened(self.said)}, and nothing stands there"
            yield self.reason(value, steps, message)
        else:
            yield from super().reasons(value, document, steps, answer)


class Present(Pattern):
    """`present?`."""

    __slots__ = ()
    code = "present?"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether something stands there that is not null."""
        return value is not NOTHING and value is not None

    @property
    def wanted(self) -> str:
        """Anything."""
        return "something there"


class Nil(Pattern):
    """`nil?`."""

    __slots__ = ()
    code = "nil?"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether nothing stands there, or null."""
        return value is NOTHING or value is None

    @property
    def wanted(self) -> str:
        """Nothing."""
        return "nothing there"


class NotBlank(Pattern):
    """`not-blank?`."""

    __slots__ = ()
    code = "not-blank?"

    def ask(self, value: Any, document: Document) -> Answer:
        """Return whether it is a text that is not empty."""
        return isinstance(value, str) and value != ""

    @property
    def wanted(self) -> str:
        """Some text."""
        return "a text that is not empty"
