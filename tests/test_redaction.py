"""Nothing that is named like a secret is shown, and no sentence quotes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.model import Effect, Mode, Outcome, PolicyAnswer, Reason
from falconbox.redaction import MASK, Redacted

CANARY = "canary-5a1f"


def answer(pointer: str | None) -> PolicyAnswer:
    reason = Reason("const", f"is {CANARY!r}", pointer, "/schema/const", {"but": CANARY})
    return PolicyAnswer("p", "json-schema", Effect.ALLOW, Mode.ENFORCE, Outcome.NO, (reason,))


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "client_secret",
        "Password",
        "x-api-key",
        "apiKey",
        "access_token",
        "passphrase",
        "X-Auth-Token",
        "credentials",
        "X-Authorization",
        "x-auth",
        "x-auth-key",
        "accessKey",
        "X-Cookie",
        "x-jwt",
        "bearer",
        "pwd",
    ],
)
@pytest.mark.parametrize("place", ["headers", "params", "body", "subject", "action", "resource", "context"])
def test_a_value_that_is_named_like_a_secret_is_masked_wherever_a_caller_can_put_it(name: str, place: str) -> None:
    document: dict[str, Any] = {"uri": "/x", place: {name: CANARY, "other": 1, "deep": [{name: {"a": CANARY}}]}}
    if place == "params":
        document["query-string"] = f"{name}={CANARY}"
    shown = Redacted(document)
    assert CANARY not in json.dumps(shown.document)
    assert shown.document["uri"] == "/x"
    assert shown.document[place]["other"] == 1
    assert document[place][name] == CANARY, "the document itself is left as it is"


def test_what_a_client_is_shown_with_stays_but_for_secrets_among_its_details() -> None:
    client = {
        "id": "app",
        "auth": {"client_credentials": {"access_token_expiration": 60}},
        "details": {"token": CANARY},
    }
    assert Redacted({"client": client}).document["client"] == {**client, "details": {"token": MASK}}


@pytest.mark.parametrize(
    ("pointer", "shown"),
    [("/body/secret", False), ("/body/secret/0", False), ("/body", False), ("", False), (None, False), ("/body/secrets", True), ("/uri", True)],
)  # fmt: skip
def test_a_sentence_that_could_quote_a_masked_value_is_not_shown(pointer: str | None, shown: bool) -> None:
    redacted = Redacted({"uri": "/x", "body": {"secret": CANARY, "secrets": {}}, "headers": {}})
    redacted.masked = ["/body/secret"]
    (found,) = redacted.answers([answer(pointer)])
    assert (found.reasons[0].message != MASK) is shown
    assert (found.reasons[0].details is not None) is shown
    assert (found.reasons[0].code, found.reasons[0].policy_pointer) == ("const", "/schema/const")


def test_without_a_secret_everything_is_shown() -> None:
    document = {"uri": "/x", "params": {"a": "1"}, "query-string": "a=1", "body": [{"b": None}]}
    shown = Redacted(document)
    assert shown.document == document
    assert shown.answers([answer(None)]) == (answer(None),)


@given(
    st.recursive(
        st.none() | st.integers() | st.just(CANARY),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["secret", "a", "b/c"]), inner, max_size=3),
    )
)  # fmt: skip
def test_masking_takes_nothing_away_but_what_is_named_like_a_secret(body: Any) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: MASK if name == "secret" else without(member) for name, member in value.items()}
        return [without(item) for item in value] if isinstance(value, list) else value

    assert Redacted({"body": body}).document == {"body": without(body)}
