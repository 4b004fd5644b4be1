"""Sessions over HTTP and by command: found by client, seen to be used, and stopped one by one or all together."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import serving
from falconbox.oauth.sessions import KIND
from falconbox.store.sqlite import SqliteStore
from serving import Box
from waiting import PATIENCE, until

pytestmark = pytest.mark.blackbox
SECRET = "a secret of the session tests"
MANY = 3000


def falconbox(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "falconbox", "sessions", *arguments]
    return subprocess.run(call, cwd=folder, env=serving.environment(), capture_output=True, text=True, timeout=120)


def prepare(box: Box, *client_ids: str) -> None:
    for client_id in client_ids:
        box.admin("POST", "/Client", {"id": client_id, "secret": SECRET, "grant_types": ["client_credentials"]})
    links = [{"reference": f"Client/{client_id}"} for client_id in client_ids]
    box.admin("POST", "/AccessPolicy", {"id": "reads", "engine": "allow", "link": links})


def token(box: Box, client_id: str) -> str:
    answer = box.ask("POST", "/auth/token", {"grant_type": "client_credentials", "client_id": client_id, "client_secret": SECRET})  # fmt: skip
    assert answer.status == 200, answer
    return str(answer.json["access_token"])


def works(box: Box, access_token: str) -> bool:
    return box.ask("GET", "/Patient", auth=access_token).status == 200


def listed(box: Box, client_id: str) -> list[Any]:
    """Return all sessions of a client, whatever number of pages they fill."""
    found: list[Any] = []
    url = f"/Session?client={client_id}&_count=1000"
    while url:
        page = box.admin("GET", url).json
        found += [entry["resource"] for entry in page["entry"]]
        url = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), "")
    return found


def test_all_sessions_of_a_client_are_revoked_at_once_and_nobody_elses(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        prepare(box, "app", "other")
        mine, theirs = [token(box, "app") for _ in range(3)], token(box, "other")
        assert [session["active"] for session in listed(box, "app")] == [True] * 3
        answer = box.admin("DELETE", "/Session?client=app")
        assert (answer.status, answer.json) == (200, {"revoked": "Client/app", "sessions": 3})
        assert [works(box, one) for one in [*mine, theirs]] == [False, False, False, True]
        assert (listed(box, "app"), len(listed(box, "other"))) == ([], 1)
        assert works(box, token(box, "app"))
        (change,) = until(lambda: [record for record in box.log() if record["code"] == "sessions-revoked"])
        assert (change["resource"], change["tokens"], change["actor"]["client"]) == ("Client/app", 3, "admin")


def test_deleting_sessions_without_saying_whose_changes_nothing(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        prepare(box, "app")
        mine = token(box, "app")
        for query, status in (
            ("", 400), ("?client=app&client=other", 400), ("?clent=app", 400), ("?client=app&_count=1", 400), ("?client=nobody", 404),
            ("?client=", 404), ("?client=App", 404),
        ):  # fmt: skip
            assert box.admin("DELETE", f"/Session{query}").status == status, query
        assert box.admin("DELETE", "/Session?client=app", headers={"If-Match": '"1"'}).status == 412
        assert box.ask("DELETE", "/Session?client=app").status == 401
        assert works(box, mine)
        assert box.admin("DELETE", "/Client/app").status == 200
        assert [session["active"] for session in listed(box, "app")] == [False]
        assert box.admin("DELETE", "/Session?client=app").json["sessions"] == 1


def test_a_session_shows_when_it_was_used_last_and_a_stop_loses_nothing(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        prepare(box, "app")
        mine, before = token(box, "app"), int(time.time()) // 60 * 60
        token(box, "app")
        assert works(box, mine)
        tag = {
            session["id"]: box.admin("GET", f"/Session/{session['id']}").headers["etag"]
            for session in listed(box, "app")
        }
    with serving.running(tmp_path) as box:
        used = [session["last_used"] for session in listed(box, "app") if "last_used" in session]
        assert len(used) == 1
        assert before <= used[0] <= time.time()
        assert used[0] % 60 == 0
        # A use is no change: what If-Match names is still that.
        assert tag == {
            session["id"]: box.admin("GET", f"/Session/{session['id']}").headers["etag"]
            for session in listed(box, "app")
        }
        for session_id, version in tag.items():
            assert box.admin("DELETE", f"/Session/{session_id}", headers={"If-Match": version}).status == 200


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3])
def test_a_revocation_that_is_killed_has_stopped_all_tokens_or_none_and_can_be_repeated(
    tmp_path: Path, delay: float
) -> None:
    """kill -9 while thousands of sessions are being revoked."""
    box = serving.start(tmp_path)
    prepare(box, "app")
    mine = [token(box, "app") for _ in range(3)]
    store = SqliteStore(tmp_path / ".falconbox" / "falconbox.sqlite3")
    body = store.find(KIND).records[0].body
    for number in range(MANY):
        store.append(KIND, f"many-{number}", body, fields={"client": ["app"]})

    def revoke() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            box.admin("DELETE", "/Session?client=app")

    request = threading.Thread(target=revoke)
    request.start()
    time.sleep(delay)
    box.process.kill()
    box.process.wait(PATIENCE)
    request.join(60)
    box = serving.start(tmp_path)
    alive = [works(box, one) for one in mine]
    sessions = store.find(KIND, {"client": "app"}, limit=1).total
    store.close()
    assert alive in ([True] * 3, [False] * 3)
    assert sessions == MANY + 3 or alive == [False] * 3
    assert box.admin("DELETE", "/Session?client=app").json == {"revoked": "Client/app", "sessions": sessions}
    assert not any(works(box, one) for one in mine)
    assert works(box, token(box, "app"))
    box.stop()


def test_no_token_that_was_given_out_before_a_revocation_survives_it_whatever_is_issued_meanwhile(
    tmp_path: Path,
) -> None:
    """Two threads get tokens from two nodes while the client's sessions are revoked; each token is dead or has a session."""
    issuer = ("--public-url", "http://box.example")
    with serving.running(tmp_path, *issuer) as one, serving.running(tmp_path, *issuer) as two:
        prepare(one, "app")
        until(lambda: two.ask("POST", "/auth/token", {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET}).status == 200)  # fmt: skip
        got: list[str] = []
        done = threading.Event()

        def issue(box: Box) -> None:
            # Not as many as there can be: each is tried again and again.
            while not done.wait(0.01):
                got.append(token(box, "app"))

        threads = [threading.Thread(target=issue, args=(box,)) for box in (one, two)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            target = len(got) + 8
            until(lambda target=target: len(got) >= target)  # type: ignore[misc]
            before = list(got)
            assert one.admin("DELETE", "/Session?client=app").status == 200
            assert not any(works(one, old) for old in before)
            until(lambda before=before: not any(works(two, old) for old in before))  # type: ignore[misc]
        done.set()
        for thread in threads:
            thread.join()
        active = sum(session["active"] for session in listed(one, "app"))
        assert sum(works(one, each) for each in got) == active


def test_commands_list_and_revoke_beside_the_service(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        prepare(box, "app", "other")
        mine, theirs = [token(box, "app") for _ in range(3)], token(box, "other")
        found = json.loads(falconbox(tmp_path, "list", "--client", "app", "-o", "json").stdout)
        assert {session["client"] for session in found} == {"app"}
        assert {session["id"] for session in found} == {session["id"] for session in listed(box, "app")}
        assert len(falconbox(tmp_path, "list").stdout.splitlines()) == 5
        done = falconbox(tmp_path, "revoke", "--session", found[0]["id"])
        assert done.stdout == f"revoked: Session/{found[0]['id']}; sessions removed: 1\n"
        until(lambda: sum(works(box, one) for one in mine) == 2)
        done = falconbox(tmp_path, "revoke", "--client", "app", "-o", "json")
        assert json.loads(done.stdout) == {"revoked": "Client/app", "sessions": 2}
        until(lambda: not any(works(box, one) for one in mine))
        assert works(box, theirs)
        until(lambda: [record["code"] for record in box.log() if record["kind"] == "change" and record["actor"]["by"] == "command"]
              == ["session-revoked", "sessions-revoked"])  # fmt: skip


def test_commands_that_name_nothing_that_is_there_say_so(tmp_path: Path) -> None:
    with serving.running(tmp_path):
        for arguments, status, told in (
            (["revoke"], 2, "say --client or --session"),
            (["revoke", "--client", "a", "--session", "b"], 2, "say --client or --session"),
            (["revoke", "--client", "nobody"], 1, "Client/nobody there is no such client"),
            (["revoke", "--session", "none"], 1, "Session/none there is no such session"),
        ):
            done = falconbox(tmp_path, *arguments)
            assert (done.returncode, told in done.stderr) == (status, True), done.stderr
