"""Policies, compiled and indexed: immutable, replaced as a whole, patched by what has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from falconbox.compiling import PolicyCompiler
from falconbox.containment import checked, names
from falconbox.decision.facet_index import SMALL, FacetIndex
from falconbox.engine import ALL, NO_FACETS, All, Evaluator, Facets
from falconbox.errors import FalconboxError, Undetermined, name_of_kind
from falconbox.model import POLICY_TYPES, AccessPolicy, Document, Effect, Mode, Verdict


class Broken:
    """Stands in for the evaluator of a policy that does not compile: it can never tell."""

    reads: frozenset[str] = frozenset()
    facets: Facets = NO_FACETS

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def evaluate(self, document: Document) -> bool:  # noqa: ARG002  # the contract hands it over
        """Raise Undetermined, whatever is asked."""
        raise Undetermined(self.problem)

    def explain(self, document: Document) -> Verdict:
        """Raise Undetermined, as `evaluate` does."""
        return Verdict(matched=self.evaluate(document))


@dataclasses.dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy with its evaluator."""

    policy: AccessPolicy
    evaluator: Evaluator
    reads: frozenset[str] | All
    facets: Facets = NO_FACETS

    @property
    def reads_body(self) -> bool:
        """Whether it looks at the body of a request."""
        return isinstance(self.reads, All) or "body" in self.reads

    def reads_of(self, keys: frozenset[str]) -> frozenset[str]:
        """Return those of some keys of a document that it looks at."""
        return keys if isinstance(self.reads, All) else keys & self.reads


def compile_policy(policy: AccessPolicy, compiler: PolicyCompiler) -> CompiledPolicy:
    """Compile for deciding: a policy that does not compile any more is kept, and fails when asked."""
    evaluator: Evaluator
    try:
        evaluator = compiler.compile(policy)
        reads = names(evaluator.reads)
        return CompiledPolicy(policy, evaluator, reads, checked(evaluator.facets, reads))
    except FalconboxError as error:
        evaluator = Broken(error.detail)
    except BaseException as error:  # noqa: BLE001  # `reads` and `facets` are a stranger's code too
        evaluator = Broken(f"the engine {policy.engine!r} failed: {name_of_kind(error)}")
    return CompiledPolicy(policy, evaluator, frozenset())


class Ordered:
    """Policies of one kind, in the order of their ids, and found by what a document fulfils."""

    def __init__(self, policies: tuple[CompiledPolicy, ...] = ()) -> None:
        self.policies = policies
        self._index = FacetIndex(policies) if len(policies) > SMALL else None

    def that_matter(self, document: Document, *, unknown: frozenset[str]) -> Iterable[CompiledPolicy]:
        """Return every policy that could say yes or fail for a document, and perhaps others, in order."""
        if self._index is None:
            return self.policies
        return (self.policies[place] for place in self._index.places(document, unknown=unknown))


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """The policies that concern one client, or everybody, by what they can do."""

    denies: Ordered = Ordered()  # noqa: RUF009  # never changed
    allows: Ordered = Ordered()  # noqa: RUF009  # never changed
    shadows: Ordered = Ordered()  # noqa: RUF009  # never changed
    reads_body: bool = False
    reads: frozenset[str] | All = frozenset()


NOBODY: Final = Candidates()


def _candidates(policies: Iterable[CompiledPolicy]) -> Candidates:
    ordered = sorted(policies, key=lambda compiled: compiled.policy.id)
    enforced = [compiled for compiled in ordered if compiled.policy.mode is Mode.ENFORCE]
    return Candidates(
        denies=Ordered(tuple(compiled for compiled in enforced if compiled.policy.effect is Effect.DENY)),
        allows=Ordered(tuple(compiled for compiled in enforced if compiled.policy.effect is Effect.ALLOW)),
        shadows=Ordered(tuple(compiled for compiled in ordered if compiled.policy.mode is Mode.SHADOW)),
        # A shadow policy never causes a body to be read.
        reads_body=any(compiled.reads_body for compiled in enforced),
        reads=_reads(compiled for compiled in ordered if compiled.policy.mode is not Mode.OFF),
    )


def _reads(policies: Iterable[CompiledPolicy]) -> frozenset[str] | All:
    keys: frozenset[str] = frozenset()
    for compiled in policies:
        if isinstance(compiled.reads, All):
            return ALL
        keys |= compiled.reads
    return keys


Place = tuple[str, str | None]
"""Where a policy is filed: its type, and whom it is for (a client's id; None: everybody)."""


class PolicySet:
    """All policies at one revision. Never changed after it is made; `patched` makes the next one."""

    def __init__(self) -> None:
        self.policies: Mapping[str, CompiledPolicy] = {}
        self._members: Mapping[Place, frozenset[str]] = {}
        self._filed: Mapping[Place, Candidates] = {}

    def candidates(self, client_id: str | None, policy_type: str = "rest") -> tuple[Candidates, Candidates]:
        """Return the candidates of a type that are linked to a client (None: anonymous), and those for everybody."""
        everyone = self._filed.get((policy_type, None), NOBODY)
        return (NOBODY if client_id is None else self._filed.get((policy_type, client_id), NOBODY)), everyone

    def broken(self) -> int:
        """Return how many policies do not compile."""
        return sum(isinstance(compiled.evaluator, Broken) for compiled in self.policies.values())

    def patched(self, changes: Mapping[str, AccessPolicy | None], compiler: PolicyCompiler) -> PolicySet:
        """Return a set with these policies added, replaced or (None) removed; only they are compiled."""
        after = PolicySet()
        policies = dict(self.policies)
        members: dict[Place, set[str]] = {}
        for policy_id, policy in changes.items():
            before = policies.pop(policy_id, None)
            for place in _places(None if before is None else before.policy):
                members.setdefault(place, set(self._members.get(place, ()))).discard(policy_id)
            if policy is not None:
                policies[policy_id] = compile_policy(policy, compiler)
            for place in _places(policy):
                members.setdefault(place, set(self._members.get(place, ()))).add(policy_id)
        after.policies = policies
        after._members = {**self._members, **{place: frozenset(ids) for place, ids in members.items()}}
        # Nothing is compiled anew only because others of its place changed; grouping them again is cheap and rare.
        fresh = {place: _candidates(policies[policy_id] for policy_id in ids) for place, ids in members.items()}
        after._filed = {**self._filed, **fresh}
        return after


def _places(policy: AccessPolicy | None) -> Iterator[Place]:
    if policy is None:
        return
    # What cannot be read could be about anything.
    for policy_type in (policy.type,) if policy.type in POLICY_TYPES else POLICY_TYPES:
        for client_id in (None,) if policy.links is None else policy.links:
            yield policy_type, client_id
