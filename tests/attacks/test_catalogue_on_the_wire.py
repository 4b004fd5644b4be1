"""Every raw request of the attack catalogue, byte for byte, against the real service on a real socket."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Iterator

import catalogue
import pytest
from catalogue import Entry

import serving
from serving import Box
from waiting import PATIENCE

pytestmark = pytest.mark.blackbox
LOG_LINE = re.compile(r"(?:INFO|WARNING) |falconbox |  |$")
"""What standard error holds: the banner, and nothing worse than a warning."""

SECRETS = ("verysecretstring", "rootsecret", "a-disabled-secret")
HIDDEN = [
    *SECRETS,
    "$argon2",
    *(
        base64.b64encode(f"{who}:{SECRETS[number]}".encode()).decode()
        for who, number in (("api-consumer", 0), ("root", 1))
    ),
]
RAW = [entry for entry in catalogue.entries() if "raw" in entry or entry["id"] == "HDR-016"]
CREDENTIALS_REFUSED = {"title": "Unauthorized", "status": 401, "code": "credentials-rejected",
                       "detail": "the credentials are not valid here"}  # fmt: skip


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A service with the clients and the policy that the catalogue speaks of."""
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        prepare(running)
        yield running


def prepare(running: Box) -> None:
    seed = {
        "type": "object",
        "properties": {"request-method": {"constant": "get"}, "uri": {"enum": ["/Patient", "Encounter"]}},
    }
    documents = [
        {"resourceType": "Client", "id": "root", "secret": "rootsecret", "grant_types": ["basic"]},
        {"resourceType": "AccessPolicy", "id": "root", "engine": "allow", "link": [{"reference": "Client/root"}]},
        {"resourceType": "Client", "id": "api-consumer", "secret": "verysecretstring", "grant_types": ["basic", "client_credentials"]},
        {"resourceType": "Client", "id": "disabled-client", "secret": "a-disabled-secret", "grant_types": ["basic"], "active": False},
        {"resourceType": "AccessPolicy", "id": "for-api-consumer", "engine": "json-schema", "schema": seed,
         "link": [{"resourceType": "Client", "id": "api-consumer"}]},
    ]  # fmt: skip
    for document in documents:
        assert running.admin("POST", f"/{document['resourceType']}", document).status == 201


@pytest.fixture(scope="module")
def box_of_proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The same, for entries that come from a proxy that is trusted."""
    with serving.running(tmp_path_factory.mktemp("proxies"), "--trusted-proxies", "127.0.0.1") as running:
        prepare(running)
        yield running


@catalogue.NEEDED
@pytest.mark.parametrize("entry", RAW, ids=lambda entry: entry["id"])
def test_the_answer_is_the_one_expected_and_the_service_lives_on(request: pytest.FixtureRequest, entry: Entry) -> None:
    trusted = entry.get("setup", {}).get("peer") == "trusted"
    box: Box = request.getfixturevalue("box_of_proxies" if trusted else "box")
    received, closed = exchange(box, catalogue.raw(entry))
    answers = split(received)
    try:
        check_the_answer(box, entry, answers, closed=closed)
    finally:
        check_the_service(box, entry, received)


def exchange(box: Box, data: bytes) -> tuple[bytes, bool]:
    """Send bytes; return what comes, and whether the server has ended the connection.

    An answer that leaves the connection open is followed by a request that ends it, so that nothing is waited for.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", box.port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
                connection.settimeout(0.3)  # whatever else has been asked is answered at once
        except TimeoutError:
            return received, False
        except ConnectionError:
            pass
        return received, True


def split(received: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Return status, headers and body of each answer in a stream."""
    answers = []
    for part in re.split(rb"(?=HTTP/1\.[01] \d{3} [A-Z])", received)[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        answers.append((int(line.split()[1]), {name.lower(): value for name, value in headers.items()}, body))
    return answers


def check_the_answer(box: Box, entry: Entry, answers: list[tuple[int, dict[str, str], bytes]], *, closed: bool) -> None:
    expected = entry["expected"]
    assert len(answers) == 1, "nothing behind a refused message is answered"
    status, headers, body = answers[0]
    assert status in (
        [catalogue.OTHERWISE[entry["id"]][0]] if entry["id"] in catalogue.OTHERWISE else expected["status"]
    )
    if expected.get("connection") == "close":
        assert closed
    if "error" in expected:
        assert json.loads(body)["error"] == expected["error"]
    if status == 401 and "www_authenticate" in expected:
        # The catalogue, which sends no tokens, is older than the parameter that RFC 9728 adds.
        assert headers["www-authenticate"] == box.challenges
        assert box.challenges.partition(", resource_metadata=")[0] == expected["www_authenticate"]
        assert json.loads(body) == CREDENTIALS_REFUSED
    if "cache_control" in expected:
        assert headers["cache-control"] == expected["cache_control"]
        assert headers["pragma"] == expected["pragma"]
    for name in expected.get("json_keys", ()):
        assert name in json.loads(body)
    for name in expected.get("absent", ()):
        assert name not in json.loads(body)
    if status >= 400 and body:
        assert headers["content-type"] in ("application/problem+json", "application/json")
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def check_the_service(box: Box, entry: Entry, received: bytes) -> None:
    assert box.process.poll() is None
    assert box.ask("GET", "/Patient", auth="api-consumer:verysecretstring").status == 200
    for answer in split(received):
        if entry["id"] != "PATH-062":
            check_the_record(box, entry, answer)
    for told in (received.decode("latin-1"), box.output(), box.errors()):
        assert not [secret for secret in HIDDEN if secret in told]
    assert not set("\x1b\x00\x7f") & set(box.output() + box.errors())
    lines = box.errors().splitlines()
    assert [line for line in lines if not LOG_LINE.match(line)] == []


def check_the_record(box: Box, entry: Entry, answer: tuple[int, dict[str, str], bytes]) -> None:
    """Hold what is decided and written down against what the catalogue expects."""
    status, headers, _ = answer
    box.records(headers["x-decision-id"])
    found = [record for record in box.log() if record["id"] == headers["x-decision-id"]]
    assert len(found) == 1
    if status < 300:
        assert found[0]["decision"] == "allow"
    if entry["expected"].get("decision") == "deny":
        assert found[0]["decision"] == "deny"
