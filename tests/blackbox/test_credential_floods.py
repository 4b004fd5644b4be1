"""A flood of wrong credentials against the real service."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from urllib.parse import urlencode

import pytest

import serving
from serving import ADMIN_SECRET, Box

pytestmark = pytest.mark.blackbox
FORM = "application/x-www-form-urlencoded"


def guess(box: Box, number: int, client: str = "victim") -> serving.Answer:
    return box.ask("GET", "/Patient", auth=f"{client}:guess-{number}")


def token(box: Box, secret: str) -> serving.Answer:
    form = {"grant_type": "client_credentials", "client_id": "victim", "client_secret": secret}
    return box.ask("POST", "/auth/token", urlencode(form), media=FORM)


def test_a_flood_is_answered_429_and_a_correct_caller_beside_it_200(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        victim = {"id": "victim", "secret": "right-secret", "grant_types": ["basic", "client_credentials"]}
        box.admin("POST", "/Client", victim)
        link = [{"resourceType": "Client", "id": "victim"}]
        box.admin("POST", "/AccessPolicy", {"id": "p", "engine": "allow", "link": link})
        assert box.ask("GET", "/Client", auth="victim:right-secret").status == 200
        statuses: list[int] = []

        def flood(writer: int) -> None:
            statuses.extend(guess(box, 1000 * writer + number).status for number in range(30))

        attackers = [threading.Thread(target=flood, args=(writer,)) for writer in range(4)]
        for attacker in attackers:
            attacker.start()
        correct = [box.ask("GET", "/Client", auth="victim:right-secret").status for _ in range(50)]
        other = box.admin("GET", "/Client").status
        for attacker in attackers:
            attacker.join()
        assert set(correct) == {200}
        assert other == 200
        assert set(statuses) == {401, 429}
        refused = guess(box, 99_999)
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json["code"] == "too-many-attempts"
        assert "www-authenticate" not in refused.headers
        box.records(refused.headers["x-decision-id"])
        codes = {record["code"] for record in box.log() if record["kind"] == "refusal"}
        assert codes == {"credentials-rejected", "too-many-attempts"}


def test_the_token_endpoint_is_throttled_too_and_every_refusal_has_its_record(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        assert box.admin("POST", "/Client", {"id": "victim", "secret": "its-own-secret"}).status == 201
        answers = [token(box, f"guess-{number}") for number in range(15)]
        assert {answer.status for answer in answers} == {400, 429}
        last = answers[-1]
        assert last.status == 429
        assert last.json["error"] == "temporarily_unavailable"
        assert int(last.headers["retry-after"]) >= 1
        ids = {answer.headers["x-decision-id"] for answer in answers}
        assert box.stop() == 0
        records = {record["id"]: record for record in box.log()}
        assert ids <= set(records)
        assert {records[name]["code"] for name in ids} == {"invalid_client", "too-many-attempts"}
        assert {records[name]["claimed"] for name in ids} == {"victim"}  # also of those that were not looked at
        everything = json.dumps(list(records.values())) + box.errors()
        assert "guess-" not in everything
        assert ADMIN_SECRET not in everything
