"""Ask one policy, contained: whatever an engine does, what comes back is yes, no or failed, with a reason."""

from __future__ import annotations

import dataclasses

from falconbox.decision.policy_set import Broken, CompiledPolicy
from falconbox.errors import Undetermined, name_of_kind, why
from falconbox.model import Document, Outcome, PolicyAnswer, Reason


def judge(compiled: CompiledPolicy, document: Document, *, unknown: frozenset[str]) -> bool | Reason:
    """Return what a policy says of a document, or the reason why it failed. Only `True` is a yes.

    A policy that reads a key which is `unknown` has failed, whatever it would say without.
    """
    if unknown and (missed := compiled.reads_of(unknown)):
        key = min(missed)
        return Reason(f"{key}-unknown", f"the policy reads `{key}`, which cannot be seen here", f"/{key}")
    try:
        answer: object = compiled.evaluator.evaluate(document)
    except Undetermined as error:
        return Reason("not-compiled" if isinstance(compiled.evaluator, Broken) else "undetermined", why(error))
    except BaseException as error:  # noqa: BLE001  # an engine's SystemExit must not leave a request undecided
        return _raised(error)
    if answer is True:
        return True
    if answer is False:
        return False
    return Reason("engine-answer", f"the engine answered a {name_of_kind(answer)}, not True or False")


def answered(compiled: CompiledPolicy, said: bool | Reason) -> PolicyAnswer:  # noqa: FBT001  # what `judge` returned
    """Return what a policy said in the form that records and explanations have."""
    policy = compiled.policy
    outcome = Outcome.YES if said is True else Outcome.NO if said is False else Outcome.FAILED
    reasons = (said,) if isinstance(said, Reason) else ()
    return PolicyAnswer(policy.id, policy.engine, policy.effect, policy.mode, outcome, reasons)


def explain(compiled: CompiledPolicy, document: Document, *, unknown: frozenset[str]) -> PolicyAnswer:
    """Ask a policy and have it give its reasons; the outcome is that of `judge`, whatever these say."""
    answer = answered(compiled, judge(compiled, document, unknown=unknown))
    if answer.outcome is Outcome.FAILED:
        return answer
    try:
        verdict = compiled.evaluator.explain(document)
        reasons = tuple(verdict.reasons)
        if verdict.matched is not (answer.outcome is Outcome.YES):
            reasons = (Reason("explanation-differs", "the engine's explanation contradicts its answer"),)
    except BaseException as error:  # noqa: BLE001  # as in `judge`
        reasons = (_raised(error),)
    return dataclasses.replace(answer, reasons=reasons)


def _raised(error: BaseException) -> Reason:
    # The exception's text may quote the document; its type is enough to find the fault.
    return Reason("engine-error", why(error))
