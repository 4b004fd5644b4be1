"""May they? The decision point (PDP): deny unless a policy allows; a deny overrides; order never matters."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from falconbox.decision.explain import answered, explain, judge
from falconbox.decision.policy_set import Candidates, CompiledPolicy, Ordered, PolicySet
from falconbox.engine import ALL, All
from falconbox.model import Decision, Document, PolicyAnswer, Reason

MAX_EXPLAINED = 8
"""How many candidates a denial explains in the decision log; `test-policy` explains all."""


SLOW: Final = 0.1
"""Seconds from which an evaluation is counted as slow. Nothing ends it: there is no time limit within a process."""

log = logging.getLogger(__name__)


class Question(Protocol):
    """A request document that is built, and its body parsed, no further than it is asked for."""

    @property
    def unknown(self) -> frozenset[str]:
        """The keys that the document lacks although there is something: unread, unparsable, or not visible here."""

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> Document:
        """Return the document with at least these of its keys, and with its body if wanted and there is one.

        What has been read before stays. `uri`, `request-method`, `client` and `jwt` are there unasked: policies are
        found by them.
        """


class Judge(Protocol):
    """Asks one policy."""

    def __call__(self, compiled: CompiledPolicy, document: Document, /, *, unknown: frozenset[str]) -> bool | Reason:
        """Return what it says, or why it failed."""


class World(Protocol):
    """What a decision needs of a snapshot."""

    @property
    def policies(self) -> PolicySet:
        """The compiled policies."""

    @property
    def revision(self) -> int:
        """The store version that they stand for."""


class DecisionPoint:
    """Decides from one immutable snapshot, handed in by the caller; never touches the store."""

    def __init__(self, is_fresh: Callable[[], bool], clock: Callable[[], float] = time.perf_counter) -> None:
        self.slow_evaluations = 0
        self._is_fresh = is_fresh
        self._clock = clock
        self._lock = threading.Lock()

    def decide(
        self, world: World, client_id: str | None, question: Question, policy_type: str = "rest", *, brief: bool = False
    ) -> Decision:
        """Decide a question of a client (None: anonymous) by the policies of a type.

        `brief`: of reasons only the failures, and shadow policies are not asked. Whatever goes wrong in a policy, this
        returns.
        """
        if not self._is_fresh():
            return Decision(allow=False, code="snapshot-stale", revision=world.revision)
        groups = world.policies.candidates(client_id, policy_type)
        asked = _Asked(question, groups, self._judge)
        allow, code, by = _enforced(asked)
        if not (by or brief):
            asked.answers += asked.missing()
        if not brief:
            asked.shadow()
        return Decision(allow, code, by, tuple(asked.answers), world.revision)

    def explain(
        self, world: World, client_id: str | None, question: Question, policy_type: str = "rest"
    ) -> tuple[PolicyAnswer, ...]:
        """Return what every candidate answers and why, shadow policies included. Slow; for people."""
        document = question.read(body=True)
        return tuple(
            explain(compiled, document, unknown=question.unknown)
            for group in world.policies.candidates(client_id, policy_type)
            for compiled in (*group.denies.policies, *group.allows.policies, *group.shadows.policies)
        )

    def _judge(self, compiled: CompiledPolicy, document: Document, *, unknown: frozenset[str]) -> bool | Reason:
        started = self._clock()
        said = judge(compiled, document, unknown=unknown)
        taken = self._clock() - started
        if taken >= SLOW:
            with self._lock:
                self.slow_evaluations += 1
            log.warning(
                "the policy %s (engine %s) took %d ms", compiled.policy.id, compiled.policy.engine, round(taken * 1000)
            )
        return said


class _Asked:
    """One question on its way through the candidates; keeps what the decision log wants to know."""

    def __init__(self, question: Question, groups: tuple[Candidates, Candidates], judge: Judge) -> None:
        self.groups = groups
        self._judge = judge
        for group in groups:
            self.document = question.read(group.reads, body=group.reads_body)
        self.unknown = question.unknown
        self.answers: list[PolicyAnswer] = []

    def says(self, compiled: CompiledPolicy) -> bool | Reason:
        return self._judge(compiled, self.document, unknown=self.unknown)

    def that_matter(self, policies: Ordered) -> Iterable[CompiledPolicy]:
        return policies.that_matter(self.document, unknown=self.unknown)

    def shadow(self) -> None:
        for group in self.groups:
            for compiled in group.shadows.policies:  # what each of them says is logged, also a no
                said = self.says(compiled)
                self.answers.append(answered(compiled, said))

    def missing(self) -> list[PolicyAnswer]:
        failed = {answer.policy for answer in self.answers}
        allows = (compiled for group in self.groups for compiled in group.allows.policies)
        unmatched = itertools.islice((held for held in allows if held.policy.id not in failed), MAX_EXPLAINED)
        return [explain(compiled, self.document, unknown=self.unknown) for compiled in unmatched]


def _enforced(asked: _Asked) -> tuple[bool, str, tuple[str, ...]]:
    for group in asked.groups:
        for compiled in asked.that_matter(group.denies):
            said = asked.says(compiled)
            if said is not False:
                asked.answers.append(answered(compiled, said))
                return False, "denied-by-policy", (compiled.policy.id,)
    for group in asked.groups:
        for compiled in asked.that_matter(group.allows):
            said = asked.says(compiled)
            if said is True:
                return True, "allowed-by-policy", (compiled.policy.id,)
            if said is not False:
                asked.answers.append(answered(compiled, said))
    return False, "no-policy-allows", ()
