"""The store may go away: decisions go on for as long as was said, then stop; nothing is ever allowed by its absence."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from conftest import wait_until_listening
from ports import free_port
from serving import Box
from waiting import PATIENCE, until

pytestmark = pytest.mark.blackbox
ME = "me:my-own-secret"


class Database:
    """A server of MongoDB's wire protocol that can be killed, frozen and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        (folder / "data").mkdir(parents=True)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "nx_27017.nx_27017", "--data-dir", str(self._folder / "data"), "--port", str(self.port),
                   "--log-file", str(self._folder / "log"), "--pid-file", str(self._folder / "pid")]  # fmt: skip
        with (self._folder / "output").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self._folder)
        wait_until_listening(self.process, self.port)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "database")
    yield database
    database.thaw()
    database.kill()


def furnish(box: Box) -> None:
    assert box.admin("POST", "/Client", {"id": "me", "secret": "my-own-secret", "grant_types": ["basic"]}).status == 201
    policy = {
        "id": "me",
        "engine": "json-schema",
        "schema": {"properties": {"uri": {"pattern": "^/(auth/)?test-policy$"}}},
    }
    assert box.admin("POST", "/AccessPolicy", {**policy, "link": [{"reference": "Client/me"}]}).status == 201


def decides(box: Box) -> int:
    """The status of a request that is decided from the snapshot and answered without the store."""
    asked = {"request": {"request-method": "get", "uri": "/x"}}
    return box.ask("POST", "/auth/test-policy", asked, auth=ME).status


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_decisions_go_on_until_the_snapshot_is_stale_and_come_back_with_the_store(
    tmp_path: Path, database: Database, how: str
) -> None:
    store = f"mongodb://127.0.0.1:{database.port}/box"
    with serving.running(tmp_path, "--store", store, "--max-staleness", "8") as box:
        furnish(box)
        assert decides(box) == 200
        asked_at = time.monotonic()
        read_at = asked_at - box.ask("GET", "/readyz").json["checks"]["snapshot"]["age_seconds"]  # or later
        database.kill() if how == "kill" else database.freeze()
        assert decides(box) == 200
        refused = box.admin("POST", "/Client", {"id": "other", "secret": "other-secret"})
        assert (refused.status, refused.json["code"]) == (503, "store-unavailable")
        # It says when secrets were last used, which nobody knows now: one in use must not look like one that is not.
        unread = box.admin("GET", "/Client/me")
        assert (unread.status, unread.json["code"]) == (503, "store-unavailable")
        token = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "my-own-secret"}
        assert box.ask("POST", "/auth/token", token).json["error"] == "unauthorized_client"
        assert box.ask("GET", "/readyz").status == 503
        assert box.ask("GET", "/healthz").status == 200
        seen = set()
        until(lambda: seen.add(decides(box)) or 503 in seen)
        assert seen <= {200, 503}
        assert time.monotonic() - read_at >= 8  # not before it was said
        assert box.admin("GET", "/Client").status == 503
        database.start() if how == "kill" else database.thaw()
        until(lambda: decides(box) == 200)
        assert box.admin("GET", "/Client/other").status == 404
        assert box.admin("POST", "/Client", {"id": "other", "secret": "other-secret"}).status == 201


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_who_needs_the_store_while_it_is_away_is_told_at_once_and_keeps_no_thread_waiting(
    tmp_path: Path, database: Database, how: str
) -> None:
    store = f"mongodb://127.0.0.1:{database.port}/box"
    with serving.running(tmp_path, "--store", store, "--threads", "1") as box:
        client = {"id": "app", "secret": "my-own-secret", "grant_types": ["client_credentials"]}
        assert box.admin("POST", "/Client", client).status == 201
        asked = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "my-own-secret"}
        assert box.ask("POST", "/auth/token", asked).status == 200
        database.kill() if how == "kill" else database.freeze()

        def told_at_once() -> bool:
            answer = box.ask("POST", "/auth/token", asked)
            assert (answer.status, answer.json["code"]) == (503, "store-unavailable")
            return "asked again soon" in answer.json["detail"]

        until(told_at_once)
        database.start() if how == "kill" else database.thaw()
        until(lambda: box.ask("POST", "/auth/token", asked).status == 200)


def asked_about(kind: str, subject: str) -> dict[str, Any]:
    """An evaluation; of a `robot arm` the box can know nothing, since it has no such type."""
    return {
        "subject": {"type": kind, "id": subject},
        "action": {"name": "read"},
        "resource": {"type": "a record", "id": "1"},
    }


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_applications_hear_of_no_decision_for_which_the_store_would_have_been_asked(
    tmp_path: Path, database: Database, how: str
) -> None:
    store = f"mongodb://127.0.0.1:{database.port}/box"
    user, robot = asked_about("user", "u1"), asked_about("robot arm", "r1")
    action = {"subject": user["subject"], "resource": user["resource"]}
    questions = [
        ("/access/v1/evaluation", user), ("/access/v1/evaluation", asked_about("user", "an unknown@identifier")),
        ("/access/v1/evaluations", {**user, "evaluations": [robot, {}, robot]}), ("/access/v1/search/subject", user),
        ("/access/v1/search/resource", {**user, "resource": {"type": "user"}}), ("/access/v1/search/action", action),
        ("/auth/test-policy", {"evaluation": user}),
    ]  # fmt: skip
    with serving.running(tmp_path, "--store", store, "--max-staleness", "8") as box:
        for policy in (
            {"id": "everything", "engine": "allow"},
            {"id": "whoever", "type": "authzen", "engine": "allow"},
        ):
            assert box.admin("POST", "/AccessPolicy", policy).status == 201
        for path in ("/User/u1", "/Action/read"):
            assert box.admin("PUT", path, {}).status == 201
        for path, question in questions:
            assert box.ask("POST", path, question).status == 200
        database.kill() if how == "kill" else database.freeze()
        for path, question in questions:
            answer = box.ask("POST", path, question)
            assert answer.status == 503, (path, answer)
            assert answer.json["code"] in {"store-unavailable", "snapshot-stale"}
            assert ("message" in answer.json) is path.startswith("/access/")
            assert not answer.json.keys() & {"decision", "evaluations", "results"}
        # What nobody looks up is decided for as long as the policies are fresh, and no longer.
        until(lambda: box.ask("POST", "/access/v1/evaluation", robot).status == 503)
        assert box.ask("POST", "/access/v1/evaluation", robot).json["code"] == "snapshot-stale"
        database.start() if how == "kill" else database.thaw()
        for path, question in questions:
            until(lambda path=path, question=question: box.ask("POST", path, question).status == 200)


def test_a_token_is_not_given_out_while_its_session_cannot_be_stored(tmp_path: Path, database: Database) -> None:
    with serving.running(tmp_path, "--store", f"mongodb://127.0.0.1:{database.port}/box") as box:
        client = {"id": "app", "secret": "my-own-secret", "grant_types": ["client_credentials"]}
        assert box.admin("POST", "/Client", client).status == 201
        database.kill()
        request = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "my-own-secret"}
        answer = box.ask("POST", "/auth/token", request)
        assert answer.status == 503
        assert b"access_token" not in answer.body


def test_without_the_store_nothing_is_revoked_and_soon_no_token_is_said_to_be_good(
    tmp_path: Path, database: Database
) -> None:
    store = f"mongodb://127.0.0.1:{database.port}/box"
    with serving.running(tmp_path, "--store", store, "--max-staleness", "1") as box:
        client = {"id": "app", "secret": "my-own-secret", "grant_types": ["client_credentials"]}
        assert box.admin("POST", "/Client", client).status == 201
        known = {"client_id": "app", "client_secret": "my-own-secret"}
        issued = box.ask("POST", "/auth/token", {"grant_type": "client_credentials", **known})
        asked = {"token": issued.json["access_token"], **known}
        assert box.ask("POST", "/auth/introspect", asked).json["active"] is True
        database.kill()
        assert box.ask("POST", "/auth/revoke", asked).status == 503
        until(lambda: box.ask("POST", "/auth/introspect", asked).status == 503)
        database.start()
        until(lambda: box.ask("POST", "/auth/introspect", asked).status == 200)
        assert box.ask("POST", "/auth/introspect", asked).json["active"] is True
        assert box.ask("POST", "/auth/revoke", asked).status == 200
        assert box.ask("POST", "/auth/introspect", asked).json == {"active": False}


def test_a_service_that_cannot_reach_its_store_does_not_start(tmp_path: Path, database: Database) -> None:
    database.kill()
    command = [
        sys.executable,
        "-m",
        "falconbox",
        "serve",
        "--port",
        str(free_port()),
        "--store",
        f"mongodb://127.0.0.1:{database.port}/box",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=serving.environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"falconbox: MongoDB 127.0.0.1:{database.port}/box cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    database.start()
