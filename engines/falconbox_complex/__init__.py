"""The engine `complex`: policies joined by `and` or by `or`, each judged by the engine that it names."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from falconbox import (
    ALL,
    AccessPolicy,
    All,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Facets,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.errors import name_of_kind, why
from falconbox.wording import shortened

MAX_REASONS: Final = 10
MAX_TOLD: Final = 3
"""How many failed branches stand in the sentence that says why an answer cannot be told."""

MAX_WORDS: Final = 250
"""Characters of what a failed branch says that are told."""

LIST: Final[Mapping[str, Any]] = {"type": "array", "minItems": 1, "maxItems": 100}


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """A policy within the policy, at its place."""

    pointer: str
    engine: str
    evaluator: Evaluator

    def ask(self, document: Document) -> bool | str:
        """Return what it answers, or why it failed: whatever it raises, and whatever is neither True nor False."""
        try:
            answer: object = self.evaluator.evaluate(document)
        except BaseException as error:  # noqa: BLE001  # what one branch raises must not keep another from settling it
            return why(error)
        # Not by `isinstance`, which believes what a thing says of its own class.
        if answer is True or answer is False:
            return answer
        return f"the engine answered a {name_of_kind(answer)}"


class Joined:
    """Branches of which one that says `settles` settles the answer, whatever the others say or whether they fail."""

    def __init__(self, word: str, branches: list[Branch]) -> None:
        self._branches = branches
        self._settles = word == "or"
        self.reads: frozenset[str] | All = _union(branch.evaluator.reads for branch in branches)
        several = [branch.evaluator.facets for branch in branches]
        self.facets = Facets.either(several) if self._settles else functools.reduce(Facets.both, several)

    def evaluate(self, document: Document) -> bool:
        """Return the answer. Raises Undetermined if a branch failed and no other settles it."""
        failed: list[str] = []
        for branch in self._branches:
            said = branch.ask(document)
            if said is self._settles:
                return self._settles
            if isinstance(said, str):
                failed.append(f"{branch.pointer} ({branch.engine}) failed: {shortened(said, MAX_WORDS)}")
        if failed:
            raise Undetermined("; ".join(failed[:MAX_TOLD]))
        return not self._settles

    def explain(self, document: Document) -> Verdict:
        """Return the answer with what each branch says, and why. Raises what `evaluate` raises."""
        matched = self.evaluate(document)
        several = [branch.ask(document) for branch in self._branches]
        found: list[Reason] = []
        for place, most in _rooms([said is matched for said in several]):
            name = f"branch {place + 1} of {len(several)}"
            found += _told(self._branches[place], several[place], name, document, most)
        return Verdict(matched, tuple(found))


def _rooms(decisive: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the places of the branches that there is a line for, and how many of its own reasons each may give.

    Those that say what the policy says come first, since they are why it does.
    """
    first = sorted(range(len(decisive)), key=lambda place: not decisive[place])[:MAX_REASONS]
    each, rest = divmod(MAX_REASONS - len(first), len(first))
    return sorted((place, each + (rank < rest)) for rank, place in enumerate(first))


def _told(branch: Branch, said: bool | str, name: str, document: Document, most: int) -> Iterator[Reason]:  # noqa: FBT001  # an answer
    outcome = f"failed: {shortened(said, MAX_WORDS)}" if isinstance(said, str) else "says yes" if said else "says no"
    yield Reason("branch", f"{name} ({branch.engine}) {outcome}", policy_pointer=branch.pointer)
    if isinstance(said, str) or not most:
        return
    try:
        reasons = branch.evaluator.explain(document).reasons[:most]
    except BaseException as error:  # noqa: BLE001  # as in `ask`: what it says counts, not how it explains that
        reasons = (Reason("engine-error", why(error)),)
    for reason in reasons:
        yield dataclasses.replace(reason, policy_pointer=branch.pointer + (reason.policy_pointer or ""))


def _union(several: Iterable[frozenset[str] | All]) -> frozenset[str] | All:
    keys: frozenset[str] = frozenset()
    for reads in several:
        if isinstance(reads, All):
            return ALL
        keys |= reads
    return keys


class ComplexEngine:
    """Compiles policies with `and` or `or`."""

    name = "complex"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "and": {**LIST, "description": "Policies that must all say yes, each with an engine of its own."},
            "or": {**LIST, "description": "Policies of which one must say yes, each with an engine of its own."},
        }
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the joined branches. Raises PolicyInvalid with everything that is wrong with all of them."""
        words = [word for word in ("and", "or") if word in policy.body]
        if len(words) != 1:
            detail = "stands beside `and`: keep one, and put the other into a branch of engine complex"
            raise PolicyInvalid([Problem("/or", detail) if words else Problem("/and", "is required, or `or` instead")])
        (word,) = words
        branches: list[Branch] = []
        problems: list[Problem] = []
        subpolicies = policy.body[word]
        if not isinstance(subpolicies, list) or not subpolicies:
            raise PolicyInvalid([Problem(f"/{word}", "must be a list of policies, and not empty")])
        for position, subpolicy in enumerate(subpolicies):
            pointer = f"/{word}/{position}"
            try:
                branches.append(Branch(pointer, _engine_of(subpolicy), compile_branch(subpolicy, pointer)))
            except PolicyInvalid as error:
                problems += error.problems
        if problems or len(branches) < len(subpolicies):
            raise PolicyInvalid(problems)
        return Joined(word, branches)


def _engine_of(subpolicy: Any) -> str:
    return str(subpolicy.get("engine")) if isinstance(subpolicy, Mapping) else "?"


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [ComplexEngine()]
