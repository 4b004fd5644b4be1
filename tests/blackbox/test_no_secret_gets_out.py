"""Secrets go in and never come out: none of them, in no spelling, in nothing that the service or its commands say."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import serving
from serving import Answer, Box

pytestmark = pytest.mark.blackbox
CANARIES = {
    name: f"c4nary {name}/+%&\u00e9" for name in ("app", "next", "typed", "managed", "command", "filed", "absent")
}
FORM = {"media": "application/x-www-form-urlencoded"}


def spellings(secret: str) -> set[str]:
    """Return how a secret may be written: as it is, encoded for a form or a URL, escaped in JSON, in a Basic header."""
    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)}
    ids = ("app", "managed", "by-command", "nobody")
    credentials = {f"{client_id}:{text}" for client_id in ids for text in plain} | plain
    encoded = {encode(text.encode()).decode() for encode in (b64encode, urlsafe_b64encode) for text in credentials}
    return plain | encoded | {text.rstrip("=") for text in encoded} | {secret.rsplit(maxsplit=1)[-1]}


def found(text: str) -> set[str]:
    """Return the names of the secrets that a text holds."""
    return {name for name, secret in CANARIES.items() if any(spelled in text for spelled in spellings(secret))}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    (folder / "policies").mkdir()
    (folder / "policies" / "a.yaml").write_text(
        "{resourceType: Client, id: managed, grant_types: [basic], secret: {env: MANAGED}}\n---\n"
        "{resourceType: Client, id: filed, grant_types: [basic], secret: {file: ../filed}}\n"
    )
    (folder / "filed").write_text(CANARIES["filed"])
    environ = serving.environment(MANAGED=CANARIES["managed"])
    with serving.running(folder, "--policies", "policies", environ=environ) as running:
        yield running


def configured(box: Box) -> Iterator[Answer]:
    app = {"id": "app", "secret": CANARIES["app"], "grant_types": ["basic", "client_credentials"]}
    yield box.admin("POST", "/Client", app)
    yield box.admin("POST", "/Client", app)
    yield box.admin("POST", "/Client", {**app, "id": "a b", "secrt": CANARIES["typed"]})
    yield box.admin("POST", "/Client", {**app, "id": "b", "secret": [CANARIES["typed"]]})
    yield box.admin("POST", "/Client", '{"id": "b", "secret": "' + CANARIES["typed"])
    yield box.admin("POST", "/Client", f"id: b\nsecret: {CANARIES['typed']}\n: :", media="application/yaml")
    yield box.admin("POST", "/AccessPolicy", {"id": "app", "engine": "allow", "link": [{"reference": "Client/app"}]})
    rotation = {"secret": CANARIES["next"], "overlap": 3600}
    yield box.admin("POST", "/Client/app/$rotate-secret", rotation)
    yield box.admin("POST", "/Client/app/$rotate-secret", rotation)
    yield box.admin("POST", "/Client/managed/$rotate-secret", rotation)
    yield box.admin("POST", "/Client/app/$rotate-secret", {**rotation, "overlap": CANARIES["typed"]})
    yield box.admin("PUT", "/Client/managed", {**app, "id": "managed"})
    for path in ("/Client", "/Client/app", "/Client/managed", "/Client/filed", "/AccessPolicy", "/Session", "/readyz"):
        yield box.admin("GET", path)


def authenticated(box: Box) -> Iterator[Answer]:
    for client_id, name in (
        ("app", "app"), ("app", "next"), ("app", "typed"), ("nobody", "absent"), ("managed", "managed"),
        ("managed", "typed"), ("filed", "filed"),
    ):  # fmt: skip
        secret = CANARIES[name]
        for spelled in (f"{client_id}:{secret}", f"{client_id}:{quote_plus(secret)}"):
            basic = {"Authorization": f"Basic {b64encode(spelled.encode()).decode()}"}
            yield box.ask("GET", "/Notice", headers=basic)
            yield box.ask("GET", "/Notice?__debug=policy", headers=basic)
            yield box.ask("GET", "/forward-auth/nginx", headers=basic)
            yield box.ask("POST", "/auth/token", "grant_type=client_credentials", headers=basic, **FORM)
        sent = f"grant_type=client_credentials&client_id={client_id}&client_secret={quote_plus(secret)}"
        yield box.ask("POST", "/auth/token", sent, **FORM)
        yield box.ask("POST", "/auth/token", f"{sent}&client_secret=again", **FORM)
        yield box.ask("POST", f"/auth/token?client_secret={quote(secret, safe='')}", sent, **FORM)
        yield box.ask("GET", "/Notice", headers={"Authorization": f"Bearer {quote(secret, safe='')}"})
        yield box.ask("GET", "/Notice", headers={"Authorization": f"Basic {quote(secret, safe='')}"})
        yield box.ask("GET", "/Notice", headers={"Authorization": f"Secret {quote(secret, safe='')}"})


def commanded(box: Box) -> Iterator[str]:
    for arguments, name in (
        (("clients", "create", "by-command", "--secret-stdin"), "command"),
        (("clients", "create", "by-command", "--secret-stdin"), "command"),
        (("clients", "rotate-secret", "by-command", "--secret-stdin"), "command"),
        (("clients", "rotate-secret", "app", "--overlap", "0", "--secret-stdin"), "typed"),
        (("clients", "rotate-secret", "managed", "--secret-stdin"), "managed"),
        (("clients", "list"), "absent"),
        (("sessions", "list"), "absent"),
        (("config",), "absent"),
    ):
        for output in ("text", "json"):
            line = [sys.executable, "-m", "falconbox", *arguments, "-o", output]
            environ = serving.environment(FALCONBOX_ADMIN_SECRET=CANARIES["absent"])
            given = f"{CANARIES[name]}\n".encode()
            done = subprocess.run(line, cwd=box.folder, env=environ, input=given, capture_output=True, timeout=120)
            yield (done.stdout + done.stderr).decode()


def test_the_search_finds_a_secret_in_each_of_its_spellings() -> None:
    for name, secret in CANARIES.items():
        header = b64encode(f"app:{quote_plus(secret)}".encode()).decode()
        for text in (secret, quote_plus(secret), header, json.dumps({"it": secret}), f"Basic {header}"):
            assert found(f"before {text} behind") == {name}
    assert found("c4nary") == set()


def test_no_secret_is_in_an_answer_a_log_a_record_an_error_or_the_output_of_a_command(box: Box, tmp_path: Path) -> None:
    answers = [*configured(box), *authenticated(box)]
    assert {answer.status for answer in answers} >= {200, 201, 400, 401, 409, 422}
    for answer in answers:
        assert found(answer.body.decode()) | found(str(answer.headers)) == set(), answer
    for output in commanded(box):
        assert found(output) == set()
        assert "Traceback" not in output
    (box.folder / "filed").write_text("")
    broken = serving.environment(MANAGED=CANARIES["managed"])
    box.stop()
    with serving.running(box.folder, "--policies", "policies", environ=broken) as again:
        ready = again.ask("GET", "/readyz")
        assert (ready.status, found(ready.body.decode())) == (503, set())
    codes = {record["code"] for record in again.log()}
    assert codes >= {"client-created", "client-secret-rotated", "policies-synced", "token-issued"}
    assert found(again.output() + again.errors()) == set()
