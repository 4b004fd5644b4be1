"""Ask one policy, contained: whatever an engine does, what comes back is yes, no or failed, with a reason."""

from __future__ import annotations

import dataclasses

from falconbox.decision.policy_set import Broken, CompiledPolicy
from falconbox.errors import Undetermined
from falconbox.model import Document, Outcome, PolicyAnswer, Reason

BODY_UNKNOWN = Reason("body-unknown", "the policy reads the body, and the body cannot be seen here", "/body")


def ask(compiled: CompiledPolicy, document: Document, *, body_unknown: bool) -> PolicyAnswer:
    """Ask a policy about a document. Only `True` is a yes; an error of any kind is a failure."""
    if body_unknown and compiled.reads_body:
        return _answer(compiled, Outcome.FAILED, BODY_UNKNOWN)
    try:
        answer: object = compiled.evaluator.evaluate(document)
    except Undetermined as error:
        code = "not-compiled" if isinstance(compiled.evaluator, Broken) else "undetermined"
        return _answer(compiled, Outcome.FAILED, Reason(code, error.detail))
    except BaseException as error:  # noqa: BLE001  # an engine's SystemExit must not leave a request undecided
        return _answer(compiled, Outcome.FAILED, _raised(error))
    if answer is True:
        return _answer(compiled, Outcome.YES)
    if answer is False:
        return _answer(compiled, Outcome.NO)
    wrong = Reason("engine-answer", f"the engine answered a {type(answer).__name__}, not True or False")
    return _answer(compiled, Outcome.FAILED, wrong)


def explain(compiled: CompiledPolicy, document: Document, *, body_unknown: bool) -> PolicyAnswer:
    """Ask a policy and have it give its reasons; the outcome is that of `ask`, whatever these say."""
    answer = ask(compiled, document, body_unknown=body_unknown)
    if answer.outcome is Outcome.FAILED:
        return answer
    try:
        verdict = compiled.evaluator.explain(document)
        reasons = tuple(verdict.reasons)
        if verdict.matched is not (answer.outcome is Outcome.YES):
            reasons = (Reason("explanation-differs", "the engine's explanation contradicts its answer"),)
    except BaseException as error:  # noqa: BLE001  # as in `ask`
        reasons = (_raised(error),)
    return dataclasses.replace(answer, reasons=reasons)


def _raised(error: BaseException) -> Reason:
    # The exception's text may quote the document; its type is enough to find the fault.
    return Reason("engine-error", f"the engine raised {type(error).__name__}")


def _answer(compiled: CompiledPolicy, outcome: Outcome, *reasons: Reason) -> PolicyAnswer:
    policy = compiled.policy
    return PolicyAnswer(policy.id, policy.engine, policy.effect, policy.mode, outcome, reasons)
