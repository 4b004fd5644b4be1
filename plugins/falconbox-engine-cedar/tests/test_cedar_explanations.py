"""An explanation names the policy and what kept it from applying, and quotes no request."""

from __future__ import annotations

from typing import Any

import pytest
from test_cedar import ANYTHING, NO_BODIES, PATIENT, READERS, compiled, when

from falconbox import Undetermined


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [(READERS, {}, "readers permits it: they may"), (READERS + NO_BODIES, {}, "no-bodies forbids it"), (READERS, {"request-method": "put"}, "readers does not apply: it is for action in [Action::\"get\", Action::\"head\"], and this is Action::'put'"),
     (READERS, {"uri": "/x"}, "readers does not apply: it is for resource in Uri::\"/Patient\", and this is Uri::'/x'"),
     (READERS, {"client": {"id": "b", "details": {"roles": []}}}, 'readers does not apply: when { principal.details.roles.contains("reader") } does not hold'),
     ('permit (principal == Client::"a, action", action, resource);', {}, "policy 1 does not apply: it is for principal == Client::\"a, action\", and this is Client::'app'"),
     (f"{ANYTHING} when {{ true }} unless\n {{ context.uri like \"*1\" && context.uri != \"a  b\" }}; // done", {}, 'policy 1 does not apply: unless { context.uri like "*1" && context.uri != "a b" } keeps it from that')],
)  # fmt: skip
def test_an_explanation_names_the_policy_and_what_kept_it_from_applying(
    text: str, change: dict[str, Any], message: str
) -> None:
    (reason,) = compiled(text).explain({**PATIENT, **change}).reasons
    assert (reason.message, reason.policy_pointer) == (message, "/policies")


def test_policies_are_named_in_their_order_each_time() -> None:
    text = "".join(f'@id("p{number}") {ANYTHING}; ' for number in range(30))
    for _ in range(20):
        assert [reason.message for reason in compiled(text).explain(PATIENT).reasons] == [
            f"p{number} permits it" for number in range(10)
        ]


@pytest.mark.parametrize(
    "condition",
    [
        "ip(context.params.a).isLoopback()",
        'decimal(context.params.a) == decimal("1.0")',
        "context.params.nothing == 1",
        "context.params.a + 1 == 2",
        "principal.hunter2",
    ],
)
def test_what_cannot_tell_does_not_quote_the_request(condition: str) -> None:
    with pytest.raises(Undetermined) as cannot_tell:
        compiled(when(condition)).evaluate({**PATIENT, "params": {"a": "a secret"}, "client": {"id": "a secret"}})
    assert "secret" not in cannot_tell.value.detail
    assert "policy 1 cannot be evaluated" in cannot_tell.value.detail
