"""Every change of a client, a policy or a session is written down once, whoever makes it and however it ends."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import serving
from falconbox.audit_log.change import digest
from falconbox.audit_log.trail import ENTRY
from falconbox.store.sqlite import SqliteStore
from serving import ADMIN_SECRET, Box
from waiting import PATIENCE, until

pytestmark = pytest.mark.blackbox


def changes(records: list[Any]) -> list[Any]:
    return [record for record in records if record["kind"] == "change"]


def test_each_change_through_the_api_has_one_record_that_names_caller_and_decision(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        client = {"id": "app", "secret": "my-own-secret", "grant_types": ["client_credentials"]}
        answers = [
            box.admin("POST", "/Client", client),
            box.admin("PUT", "/Client/app", {**client, "name": "App"}),
            box.admin("POST", "/AccessPolicy", {"id": "p", "engine": "allow", "mode": "off"}),
            box.admin("DELETE", "/AccessPolicy/p"),
            box.admin("PUT", "/AccessPolicy/p", {"engine": "allow", "mode": "off"}),
        ]
        asked = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "my-own-secret"}
        assert box.ask("POST", "/auth/token", asked).status == 200
        (session,) = box.admin("GET", "/Session").json["entry"]
        answers.append(box.admin("DELETE", f"/Session/{session['resource']['id']}"))
        answers.append(box.admin("DELETE", "/Client/app"))
        assert {answer.status for answer in answers} == {200, 201}
        refused = [box.admin("POST", "/Client", {"id": "admin"}), box.admin("PUT", "/AccessPolicy/p", {"engine": "x"}),
                   box.admin("DELETE", "/Client/nobody"), box.ask("DELETE", "/Client/admin"),
                   box.admin("DELETE", "/AccessPolicy/p", headers={"If-Match": '"1"'})]  # fmt: skip
        assert {answer.status for answer in refused} == {409, 422, 404, 401, 412}
    made = [record for record in changes(box.log()) if record["actor"]["by"] == "caller"]
    assert [(record["code"], record["resource"]) for record in made] == [
        ("client-created", "Client/app"), ("client-replaced", "Client/app"), ("policy-created", "AccessPolicy/p"),
        ("policy-deleted", "AccessPolicy/p"), ("policy-created", "AccessPolicy/p"),
        ("session-revoked", f"Session/{session['resource']['id']}"), ("client-deleted", "Client/app"),
    ]  # fmt: skip
    decisions = {record["id"] for record in box.log() if record["kind"] == "decision"}
    for record, answer in zip(made, answers, strict=True):
        assert record["actor"] == {
            "by": "caller", "client": "admin", "remote_addr": "127.0.0.1", "decision": answer.headers["x-decision-id"]
        }  # fmt: skip
        assert record["actor"]["decision"] in decisions
    shown = {key: value for key, value in answers[0].json.items() if key != "meta"}
    assert made[0]["after"]["digest"] == made[1]["before"]["digest"] == digest(shown)
    assert "my-own-secret" not in box.output()


def test_whoever_may_read_a_resource_can_tell_which_record_is_about_what_it_is_now(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        box.admin("POST", "/Client", {"id": "app", "name": 'Łódź "µ" 😀', "details": {"z": 1.5, "a": [True, None]}})
        box.admin("POST", "/AccessPolicy", {"id": "p", "engine": "matcho", "matcho": {"uri": "/ż/<&>"}})
        stored = [box.admin("GET", path).json for path in ("/Client/app", "/AccessPolicy/p")]
    made = {record["resource"]: record for record in changes(box.log())}
    for document in stored:
        del document["meta"]
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))  # as the reference says
        told = made[f"{document['resourceType']}/{document['id']}"]["after"]["digest"]
        assert told == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_an_audit_log_of_its_own_holds_changes_and_tokens_and_the_decision_log_neither(tmp_path: Path) -> None:
    with serving.running(tmp_path, "--audit-log", str(tmp_path / "audit")) as box:
        box.admin("POST", "/AccessPolicy", {"id": "p", "engine": "allow", "mode": "off"})
        box.ask("POST", "/auth/token", {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"})
        box.ask("GET", "/Client", auth="x:y")
    audit = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert {(record["kind"], record["code"]) for record in audit} == {
        ("change", "client-created"), ("change", "policy-created"), ("change", "key-made"), ("refusal", "invalid_client")
    }  # fmt: skip
    assert {record["kind"] for record in box.log()} == {"decision", "refusal"}
    assert {record["code"] for record in box.log() if record["kind"] == "refusal"} == {"credentials-rejected"}


def test_a_policy_directory_is_brought_in_with_one_record_of_all_that_differs(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in ("kept", "changed", "gone"):
        (folder / f"{name}.yaml").write_text(f"resourceType: AccessPolicy\nid: {name}\nengine: allow\nmode: 'off'\n")
    with serving.running(tmp_path, "--policies", "policies") as box:
        box.ask("GET", "/healthz")
    (folder / "changed.yaml").write_text("resourceType: AccessPolicy\nid: changed\nengine: allow\nmode: shadow\n")
    (folder / "gone.yaml").unlink()
    (folder / "new.yaml").write_text("resourceType: Client\nid: new\n")
    for _ in range(2):  # the second start changes nothing
        with serving.running(tmp_path, "--policies", "policies") as box:
            box.ask("GET", "/healthz")
    first, second = [record for record in changes(box.log()) if record["code"] == "policies-synced"]
    assert {entry["resource"] for entry in first["changes"]} == {
        "AccessPolicy/kept", "AccessPolicy/changed", "AccessPolicy/gone"
    }  # fmt: skip
    told = {entry["resource"]: entry for entry in second["changes"]}
    assert {name: {"before", "after"} & set(entry) for name, entry in told.items()} == {
        "AccessPolicy/changed": {"before", "after"}, "AccessPolicy/gone": {"before"}, "Client/new": {"after"}
    }  # fmt: skip
    assert told["Client/new"]["file"] == "new.yaml"
    assert second["actor"] == {"by": "policy-directory", "directory": "policies"}
    assert second["before"]["revision"] == first["after"]["revision"] != second["after"]["revision"]


def test_what_a_command_changes_is_written_by_the_running_service(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        box.admin("POST", "/AccessPolicy", {"id": "deny-all", "engine": "allow", "effect": "deny"})
        command = [sys.executable, "-m", "falconbox", "recover", "--off", "deny-all"]
        assert subprocess.run(command, cwd=tmp_path, env=serving.environment(), capture_output=True).returncode == 0
        until(lambda: sum(record["actor"]["by"] == "command" for record in changes(box.log())) == 3)
        settled = {"ok": True, "dropped": 0, "waiting": 0}
        until(lambda: box.ask("GET", "/readyz").json["checks"]["audit_log"] == settled)
    assert ADMIN_SECRET not in box.output()


def test_a_change_that_was_acknowledged_is_on_record_when_the_process_is_killed(tmp_path: Path) -> None:
    """kill -9 in the middle of changes from four connections: each is in the log, or in the store to be written."""
    log, acknowledged = tmp_path / "audit", set[str]()
    for round_number in range(4):
        box = serving.start(tmp_path, "--decision-log", "none", "--audit-log", str(log))
        acknowledged |= changed_until_killed(box, f"r{round_number}")
    store = SqliteStore(tmp_path / ".falconbox" / "falconbox.sqlite3")
    waiting = [entry.body["record"] for entry in store.find(ENTRY, limit=1000).records]
    stored = {record.id for record in store.find("AccessPolicy", limit=10_000).records} - {"admin"}
    store.close()
    written = [json.loads(line) for line in log.read_text().splitlines()]
    told = {record["id"]: record["resource"] for record in [*written, *waiting]}
    resources = [resource for resource in told.values() if resource.startswith("AccessPolicy/r")]
    assert len(resources) == len(set(resources)), "one change, one record"
    assert {f"AccessPolicy/{name}" for name in acknowledged | stored} <= set(resources)
    assert len(acknowledged) >= 4 * 15


def changed_until_killed(box: Box, prefix: str) -> set[str]:
    mine: set[str] = set()
    enough = threading.Event()

    def work(writer: int) -> None:
        for number in range(1000):
            policy = {"id": f"{prefix}-{writer}-{number}", "engine": "allow", "mode": "off"}
            try:
                answer = box.admin("POST", "/AccessPolicy", policy)
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 201
            mine.add(policy["id"])
            if len(mine) >= 15:
                enough.set()

    writers = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(120)
    os.kill(box.process.pid, signal.SIGKILL)
    box.process.wait(PATIENCE)
    for writer in writers:
        writer.join(60)
    return mine
