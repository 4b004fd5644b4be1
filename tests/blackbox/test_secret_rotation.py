"""A client's secret is rotated while it is in use, and nobody who has a secret that lives is turned away."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import serving
from falconbox.store.sqlite import SqliteStore
from serving import Box
from waiting import PATIENCE, until

pytestmark = pytest.mark.blackbox
HOUR = 3600


def furnish(box: Box, name: str, secret: str) -> None:
    client = {"id": name, "secret": secret, "grant_types": ["basic", "client_credentials"]}
    assert box.admin("POST", "/Client", client).status == 201
    policy = {"id": name, "engine": "allow", "link": [{"reference": f"Client/{name}"}]}
    assert box.admin("POST", "/AccessPolicy", policy).status == 201


def rotate(box: Box, name: str, secret: str, overlap: int, **options: Any) -> serving.Answer:
    return box.admin("POST", f"/Client/{name}/$rotate-secret", {"secret": secret, "overlap": overlap}, **options)


def basic(box: Box, name: str, secret: str) -> int:
    return box.ask("GET", "/Notice", auth=f"{name}:{secret}").status


def token(box: Box, name: str, secret: str) -> int:
    asked = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    return box.ask("POST", "/auth/token", asked).status


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    (folder / "policies").mkdir()
    (folder / "policies" / "managed.yaml").write_text("{resourceType: Client, id: managed, secret: {env: MANAGED}}")
    with serving.running(folder, "--policies", "policies", environ=serving.environment(MANAGED="m")) as running:
        yield running


def test_old_and_new_secret_open_together_and_what_is_shown_of_them_is_when(box: Box) -> None:
    furnish(box, "app", "s3cret-one")
    before = box.admin("GET", "/Client/app").json
    answer = rotate(box, "app", "s3cret-two", HOUR)
    assert answer.status == 200
    assert {how(box, "app", secret) for how in (basic, token) for secret in ("s3cret-one", "s3cret-two")} == {200}
    shown = answer.json["meta"]["secrets"]
    assert answer.json == serving.as_written(box.admin("GET", "/Client/app").json)
    assert [entry.keys() for entry in shown] == [{"id", "created"}, {"id", "created", "expires"}]
    assert {**shown[1], "expires": None} == {**before["meta"]["secrets"][0], "expires": None}
    assert {key: value for key, value in answer.json.items() if key != "meta"} == {
        key: value for key, value in before.items() if key != "meta"
    }
    assert not {"s3cret-one", "s3cret-two", "argon2"} & set(answer.body.decode().replace("$", '"').split('"'))


def test_the_old_secret_ends_with_the_overlap_and_tokens_live_on(box: Box) -> None:
    furnish(box, "short", "s3cret-one")
    asked = {"grant_type": "client_credentials", "client_id": "short", "client_secret": "s3cret-one"}
    access_token = box.ask("POST", "/auth/token", asked).json["access_token"]
    assert rotate(box, "short", "s3cret-two", 1).status == 200
    until(lambda: basic(box, "short", "s3cret-one") == 401)
    assert token(box, "short", "s3cret-one") == 400
    assert basic(box, "short", "s3cret-two") == 200
    assert box.ask("GET", "/Notice", auth=access_token).status == 200
    assert len(box.admin("GET", "/Client/short").json["meta"]["secrets"]) == 1


def test_an_overlap_of_0_and_a_put_with_a_secret_end_all_others_at_once(box: Box) -> None:
    furnish(box, "now", "s3cret-one")
    rotate(box, "now", "s3cret-two", HOUR)
    assert rotate(box, "now", "s3cret-three", 0).status == 200
    assert [basic(box, "now", f"s3cret-{name}") for name in ("one", "two", "three")] == [401, 401, 200]
    rotate(box, "now", "s3cret-four", HOUR)
    client = {"id": "now", "secret": "s3cret-five", "grant_types": ["basic"]}
    assert box.admin("PUT", "/Client/now", client).status == 200
    assert [basic(box, "now", f"s3cret-{name}") for name in ("three", "four", "five")] == [401, 401, 200]


def test_a_put_without_a_secret_keeps_all_that_live(box: Box) -> None:
    furnish(box, "kept", "s3cret-one")
    rotate(box, "kept", "s3cret-two", HOUR)
    assert box.admin("PUT", "/Client/kept", {"grant_types": ["basic"], "name": "Kept"}).status == 200
    assert [basic(box, "kept", f"s3cret-{name}") for name in ("one", "two")] == [200, 200]


def test_what_cannot_be_rotated_is_refused_with_the_reason_and_changes_nothing(box: Box) -> None:
    furnish(box, "stays", "s3cret-one")
    before = box.admin("GET", "/Client/stays")
    path = "/Client/stays/$rotate-secret"
    for body, pointer in (
        ({"overlap": 1}, "/secret"), ({"secret": "x"}, "/overlap"), ({"secret": "x", "overlap": -1}, "/overlap"),
        ({"secret": "x", "overlap": 7776001}, "/overlap"), ({"secret": "x", "overlap": "1h"}, "/overlap"),
        ({"secret": "x\n", "overlap": 1}, "/secret"), ({"secret": 5, "overlap": 1}, "/secret"),
        ({"secret": "x", "overlap": True}, "/overlap"), ({"secret": "x", "overlap": 1, "overlaps": 2}, "/overlaps"),
        ({"secret": "s3cret-one", "overlap": 1}, "/secret"),
    ):  # fmt: skip
        refused = box.admin("POST", path, body)
        assert (refused.status, [error["pointer"] for error in refused.json["errors"]]) == (422, [pointer]), body
        assert b"s3cret-one" not in refused.body
    good = {"secret": "s3cret-two", "overlap": 1}
    assert box.admin("POST", path, [1]).status == 400
    assert box.admin("POST", path, good, headers={"If-Match": '"1"'}).status == 412
    assert box.admin("POST", "/Client/nobody/$rotate-secret", good).status == 404
    managed = box.admin("POST", "/Client/managed/$rotate-secret", good)
    assert (managed.status, managed.json["code"]) == (409, "managed")
    assert "managed.yaml" in managed.json["detail"]
    assert box.ask("POST", path, good).status == 401
    assert box.admin("GET", path).status == 405
    assert box.admin("GET", "/Client/stays").headers["etag"] == before.headers["etag"]


def test_of_rotations_at_once_every_acknowledged_secret_lives(box: Box) -> None:
    furnish(box, "raced", "s3cret-0")
    statuses: dict[int, int] = {}
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        statuses[number] = rotate(box, "raced", f"s3cret-{number}", HOUR).status

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses.values()) <= {200, 409, 422}
    acknowledged = [number for number, status in statuses.items() if status == 200]
    assert 1 <= len(acknowledged) <= 2
    assert [basic(box, "raced", f"s3cret-{number}") for number in (0, *acknowledged)] == [200] * (1 + len(acknowledged))
    secrets = [entry["id"] for entry in box.admin("GET", "/Client/raced").json["meta"]["secrets"]]
    until(lambda: len(rotations(box, "raced")) == len(acknowledged))
    assert rotations(box, "raced")[-1]["after"]["secrets"] == secrets


def rotations(box: Box, name: str) -> list[Any]:
    return [
        record for record in box.log()
        if record["code"] == "client-secret-rotated" and record["resource"] == f"Client/{name}"
    ]  # fmt: skip


CALLERS, ROTATIONS, OVERLAP = 4, 5, 1


def test_no_request_is_lost_with_a_secret_that_lives_while_it_is_rotated_again_and_again(box: Box) -> None:
    """Four callers, by Basic and at the token endpoint, from before the first of five rotations until after the last."""
    furnish(box, "busy", "s3cret-0")
    given, ends = ["s3cret-0"], {"s3cret-0": float("inf")}
    lost: list[Any] = []
    done: set[tuple[str, Any]] = set()
    over = threading.Event()

    def call(caller: int) -> None:
        number = caller
        while not over.wait(0.01):
            number += 1
            # The newest, and in turn the one before it while it has half of its time left: few that have ended are
            # asked with, since too many of those have the caller wait.
            held = [secret for secret in given[-2:] if time.time() < ends[secret] - OVERLAP / 2]
            secret, how = held[number // 2 % len(held) - 1], (basic, token)[number % 2]
            status = how(box, "busy", secret)
            # What has come back by its end was asked in its life. Later ones prove nothing.
            if status == 200:
                done.add((secret, how))
            elif time.time() < ends[secret]:
                lost.append((secret, status))

    def until_used(secret: str) -> None:
        until(lambda: {(secret, basic), (secret, token)} <= done or lost)

    callers = [threading.Thread(target=call, args=(caller,)) for caller in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        until_used("s3cret-0")
        for number in range(1, ROTATIONS + 1):
            until(lambda: len(box.admin("GET", "/Client/busy").json["meta"]["secrets"]) < 3)
            # It ends some time after this, since the service reads its clock later.
            ends[given[-1]] = time.time() + OVERLAP
            ends[f"s3cret-{number}"] = float("inf")
            assert rotate(box, "busy", f"s3cret-{number}", OVERLAP).status == 200
            given.append(f"s3cret-{number}")
            until_used(given[-1])
    finally:
        over.set()
        for caller in callers:
            caller.join(120)
    assert lost == []
    assert len(done) == 2 * (ROTATIONS + 1), "every secret was used both ways while another one took its place"
    assert "s3cret-" not in json.dumps(box.log()) + box.errors()


def test_commands_beside_the_running_service_count_within_its_look_at_the_store_and_are_in_its_log(box: Box) -> None:
    created = command(box, "create", "by-command", "--grant", "basic", "--grant", "client_credentials")
    policy = {"id": "by-command", "engine": "allow", "link": [{"reference": "Client/by-command"}]}
    until(lambda: token(box, "by-command", created["secret"]) == 200)
    assert box.admin("POST", "/AccessPolicy", policy).status == 201
    rotated = command(box, "rotate-secret", "by-command", "--overlap", "3600")
    until(lambda: basic(box, "by-command", rotated["secret"]) == 200)
    assert basic(box, "by-command", created["secret"]) == 200
    assert serving.as_written(rotated["client"]) == serving.as_written(box.admin("GET", "/Client/by-command").json)
    last = command(box, "rotate-secret", "by-command", "--overlap", "0")
    until(lambda: basic(box, "by-command", last["secret"]) == 200)
    assert [basic(box, "by-command", known["secret"]) for known in (created, rotated)] == [401, 401]
    until(lambda: len(rotations(box, "by-command")) == 2)
    assert {record["actor"]["command"] for record in rotations(box, "by-command")} == {"clients rotate-secret"}
    refused = run_command(box, "rotate-secret", "managed")
    assert (refused.returncode, "managed.yaml" in refused.stderr) == (1, True)


def command(box: Box, *arguments: str) -> Any:
    done = run_command(box, *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_command(box: Box, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "falconbox", "clients", *arguments]
    return subprocess.run(line, cwd=box.folder, env=serving.environment(), capture_output=True, text=True, timeout=120)


def last_used(box: Box) -> dict[str, list[str]]:
    """When the secrets of each client were last used, the newest first, as the search, a read and the command say it."""
    # Without admin, whose is used by asking.
    found = {
        entry["resource"]["id"]: entry["resource"]
        for entry in box.admin("GET", "/Client").json["entry"]
        if entry["resource"]["id"] != "admin"
    }
    assert found == {name: box.admin("GET", f"/Client/{name}").json for name in found}
    assert found == {client["id"]: client for client in command(box, "list") if client["id"] != "admin"}
    return {
        name: [secret.get("last_used", "never") for secret in client["meta"]["secrets"]]
        for name, client in found.items()
    }


def test_each_secret_says_when_it_was_last_used_at_whichever_door_and_nothing_else_of_its_client_changes(
    tmp_path: Path,
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text(
        "{resourceType: Client, id: managed, grant_types: [basic], secret: {env: MANAGED}}"
    )
    environ, arguments = (
        serving.environment(MANAGED="m"),
        ("--policies", "policies", "--public-url", "http://box.example"),
    )
    with serving.running(tmp_path, *arguments, environ=environ) as box:
        for name in ("by-basic", "by-header", "by-body", "refused", "wrong"):
            furnish(box, name, "s3cret-one")
        assert rotate(box, "by-basic", "s3cret-two", HOUR).status == 200
        before, tags = last_used(box), etags(box)
        assert {time for times in before.values() for time in times} == {"never"}
        began = time.time() // 60 * 60
        form = {"media": "application/x-www-form-urlencoded"}
        by_body = {"grant_type": "client_credentials", "client_id": "by-body", "client_secret": "s3cret-one"}
        refused = {**by_body, "client_id": "refused", "scope": "none-that-it-has"}
        # Twice: the second time it is remembered.
        for _ in range(2):
            assert basic(box, "by-basic", "s3cret-one") == 200
            header = box.ask(
                "POST", "/auth/token", "grant_type=client_credentials", auth="by-header:s3cret-one", **form
            )
            body = box.ask("POST", "/auth/token", by_body)
            assert (header.status, body.status) == (200, 200)
            assert (basic(box, "managed", "m"), box.ask("POST", "/auth/token", refused).status) == (403, 400)
            assert (basic(box, "wrong", "no"), token(box, "wrong", "no")) == (401, 400)
    changes = [record for record in box.log() if record["kind"] == "change"]
    with serving.running(tmp_path, *arguments, environ=environ) as box:
        after = last_used(box)
        newest = [after[name][0] for name in ("by-header", "by-body", "managed", "refused")]
        for moment in (after["by-basic"][1], *newest):
            seconds = datetime.fromisoformat(moment).timestamp()
            assert (seconds % 60, began <= seconds <= time.time()) == (0, True)
        assert [after["by-basic"][0], *after["wrong"]] == ["never", "never"]
        assert etags(box) == tags
        assert box.ask("GET", "/Notice", auth=body.json["access_token"]).status == 200
        assert [record for record in box.log() if record["kind"] == "change"] == changes
        assert box.admin("PUT", "/Client/by-body", {"name": "x"}, headers={"If-Match": tags["by-body"]}).status == 200


def etags(box: Box) -> dict[str, str]:
    names = [entry["resource"]["id"] for entry in box.admin("GET", "/Client").json["entry"]]
    return {name: box.admin("GET", f"/Client/{name}").headers["etag"] for name in names}


def test_the_sha256_of_a_secret_is_imported_where_it_may_be_and_hashed_anew_after_the_first_use(tmp_path: Path) -> None:
    imported = f"__sha256:{hashlib.sha256(b's3cret-one').hexdigest()}"
    client = {"id": "moved", "secret": imported, "grant_types": ["basic", "client_credentials"]}
    policy = {"id": "moved", "engine": "allow", "link": [{"reference": "Client/moved"}]}
    with serving.running(tmp_path) as box:
        refused = box.admin("POST", "/Client", client)
        assert (refused.status, [error["pointer"] for error in refused.json["errors"]]) == (422, ["/secret"])
        assert box.admin("GET", "/Client/moved").status == 404
    with serving.running(tmp_path, "--import-sha256-secrets") as box:
        assert box.admin("POST", "/Client", client).status == 201
        assert box.admin("POST", "/AccessPolicy", policy).status == 201
        assert rotate(box, "moved", imported, 0).status == 422
    with serving.running(tmp_path) as box:
        before = box.admin("GET", "/Client/moved").json
        assert [token(box, "moved", secret) for secret in (imported, imported[9:], "wrong")] == [400, 400, 400]
        assert box.admin("GET", "/Client/moved").json == before
        assert stored_hashes(tmp_path, "moved")[0].startswith("sha256$argon2id$")
        asked = {"grant_type": "client_credentials", "client_id": "moved", "client_secret": "s3cret-one"}
        access_token = box.ask("POST", "/auth/token", asked).json["access_token"]
        until(lambda: stored_hashes(tmp_path, "moved")[0].startswith("$argon2id$"))
        until(lambda: box.admin("GET", "/Client/moved").json["meta"]["versionId"] != before["meta"]["versionId"])
        assert [basic(box, "moved", secret) for secret in ("s3cret-one", imported, imported[9:])] == [200, 401, 401]
        assert box.ask("GET", "/Notice", auth=access_token).status == 200
        after = serving.as_written(box.admin("GET", "/Client/moved").json)
        assert after["meta"]["secrets"] == before["meta"]["secrets"]
        until(lambda: any(record["code"] == "client-secret-rehashed" for record in box.log()))
        assert imported[9:] not in box.output() + box.errors()


def test_a_secret_in_a_file_is_read_again_while_the_service_runs_and_a_lost_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text(
        "resourceType: Client\nid: app\ngrant_types: [client_credentials]\nsecret: {file: ../secret}\n"
    )
    (tmp_path / "secret").write_text("s3cret-one\n")
    with serving.running(tmp_path, "--policies", "policies") as box:
        assert token(box, "app", "s3cret-one") == 200
        (tmp_path / "next").write_text("s3cret-two\n")
        (tmp_path / "next").replace(tmp_path / "secret")
        until(lambda: token(box, "app", "s3cret-two") == 200)
        assert token(box, "app", "s3cret-one") == 400
        (tmp_path / "secret").unlink()
        until(lambda: not box.ask("GET", "/readyz").json["checks"]["policy_directory"]["ok"])
        assert token(box, "app", "s3cret-two") == 200
        until(lambda: sum(record["code"] == "policies-synced" for record in box.log()) == 2)
        assert "/secret the file policies/../secret cannot be read" in box.errors()
        assert "s3cret" not in box.errors() + box.output()


def stored_hashes(folder: Path, name: str) -> list[str]:
    store = SqliteStore(folder / ".falconbox" / "falconbox.sqlite3")
    record = store.get("Client", name)
    store.close()
    assert record is not None
    return [stored["hash"] for stored in record.body["secrets"]]


def test_a_rotation_survives_a_killed_process_or_has_not_happened(tmp_path: Path) -> None:
    """kill -9 while rotations go on: the client has every secret that was acknowledged, and no half of one."""
    box = serving.start(tmp_path, "--decision-log", "none")
    furnish(box, "cut", "s3cret-0")
    acknowledged = []
    killer = threading.Timer(0.5, box.process.kill)
    killer.start()
    number = 0
    while box.process.poll() is None:
        number += 1
        with contextlib.suppress(OSError, http.client.HTTPException):
            if rotate(box, "cut", f"s3cret-{number}", 0).status == 200:
                acknowledged.append(number)
    box.process.wait(PATIENCE)
    with serving.running(tmp_path, "--decision-log", "none") as box:
        last = max(acknowledged, default=0)
        opened = [known for known in (last, last + 1) if basic(box, "cut", f"s3cret-{known}") == 200]
        assert len(opened) == 1, "the one that was acknowledged last, or the one that was under way"
    store = SqliteStore(tmp_path / ".falconbox" / "falconbox.sqlite3")
    assert len(store.get("Client", "cut").body["secrets"]) == 1
    store.close()
