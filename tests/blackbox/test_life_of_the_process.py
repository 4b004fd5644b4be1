"""Starting, stopping, being killed, and getting back in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import serving
from conftest import wait_until_listening
from ports import free_port
from serving import ADMIN_SECRET, Box
from waiting import PATIENCE, until

pytestmark = pytest.mark.blackbox
NOBODY: dict[str, str] = {}


def without_secret() -> dict[str, str]:
    environ = serving.environment()
    del environ["FALCONBOX_ADMIN_SECRET"]
    return environ


def falconbox(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command of falconbox in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "falconbox", *arguments]
    env = {**without_secret(), **environ}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_the_first_start_makes_a_secret_shows_it_once_and_keeps_it_for_its_owner(tmp_path: Path) -> None:
    with serving.running(tmp_path, environ=without_secret()) as box:
        secret_file = tmp_path / ".falconbox" / "admin-secret"
        secret = secret_file.read_text().strip()
        assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
        assert secret in box.errors()
        assert box.ask("GET", "/Client/admin", auth=f"admin:{secret}").status == 200
    before = box.errors()
    with serving.running(tmp_path, environ=without_secret()) as box:
        assert box.ask("GET", "/Client/admin", auth=f"admin:{secret}").status == 200
        assert secret not in box.errors().removeprefix(before)


def test_the_start_says_where_what_and_how_to_get_in(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        told = box.errors()
    for wanted in (
        box.url,
        "SQLite .falconbox/falconbox.sqlite3",
        "allow (falconbox",
        "json-schema (falconbox",
        "client admin",
    ):
        assert wanted in told
    assert ADMIN_SECRET not in told
    unset = {name: value for name, value in serving.environment().items() if name != "FALCONBOX_ADMIN_SECRET"}
    with serving.running(tmp_path, environ=unset) as box:
        # There is no file to look into.
        assert "client admin, secret as it was set before; `falconbox recover` makes a new one" in box.errors()


def test_a_changed_admin_secret_replaces_the_old_one_and_an_unchanged_one_leaves_things_alone(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        version = box.admin("GET", "/Client/admin").json["meta"]["versionId"]
    with serving.running(tmp_path) as box:
        assert box.admin("GET", "/Client/admin").json["meta"]["versionId"] == version
        own = {"id": "admin", "secret": "chosen-by-hand", "grant_types": ["basic"]}
        assert box.admin("PUT", "/Client/admin", own).status == 200
    with serving.running(tmp_path) as box:
        assert box.admin("GET", "/Client/admin").status == 401
        assert box.ask("GET", "/Client/admin", auth="admin:chosen-by-hand").status == 200
    with serving.running(tmp_path, environ=serving.environment(FALCONBOX_ADMIN_SECRET="a-new-one-today")) as box:
        assert box.ask("GET", "/Client/admin", auth="admin:a-new-one-today").status == 200
        assert box.ask("GET", "/Client/admin", auth="admin:chosen-by-hand").status == 401


def test_a_deleted_admin_comes_back_by_recovery_only(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        box.admin("POST", "/AccessPolicy", {"id": "nobody-in", "engine": "allow", "effect": "deny"})
        assert box.admin("GET", "/Client").status == 403
    with serving.running(tmp_path) as box:
        assert box.admin("GET", "/Client").status == 403
    unknown = falconbox(tmp_path, "recover", "--off", "nobody-in", "--off", "no-such-policy")
    assert unknown.returncode == 1
    assert "no-such-policy there is no such policy" in unknown.stderr
    with serving.running(tmp_path) as box:
        assert box.admin("GET", "/Client").status == 403
    done = falconbox(tmp_path, "recover", "--off", "nobody-in", "-o", "json")
    assert json.loads(done.stdout)["switched_off"] == ["nobody-in"]
    secret = (tmp_path / ".falconbox" / "admin-secret").read_text().strip()
    with serving.running(tmp_path, environ=without_secret()) as box:
        me = f"admin:{secret}"
        assert box.ask("GET", "/AccessPolicy/nobody-in", auth=me).json["mode"] == "off"
        assert box.ask("DELETE", "/Client/admin", auth=me).status == 200
        assert box.ask("GET", "/Client", auth=me).status == 401
    with serving.running(tmp_path, environ=without_secret()) as box:
        assert box.ask("GET", "/Client", auth=me).status == 401
        assert "falconbox recover" in box.errors()
    assert falconbox(tmp_path, "recover", FALCONBOX_ADMIN_SECRET=ADMIN_SECRET).returncode == 0
    with serving.running(tmp_path) as box:
        assert box.admin("GET", "/Client").status == 200


def test_sigterm_lets_a_running_request_finish_and_ends_with_status_0(tmp_path: Path) -> None:
    box = serving.start(tmp_path)
    answers: list[int] = []
    # A wrong secret keeps a request busy for the time of a slow hash.
    asking = [
        threading.Thread(target=lambda: answers.append(box.ask("GET", "/Patient", auth="nobody:x").status))
        for _ in range(4)
    ]
    for thread in asking:
        thread.start()
    until(lambda: any(record["kind"] == "refusal" for record in box.log()))
    status = box.stop()
    for thread in asking:
        thread.join(60)
    assert status == 0
    assert answers.count(401) >= 1
    assert sum(record["kind"] == "refusal" for record in box.log()) >= answers.count(401)


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["--port", "x"], NOBODY, "--port must be a whole number"), ([], {"FALCONBOX_PROT": "1"}, "did you mean FALCONBOX_PORT?"),
        (["--host", "0.0.0.0"], NOBODY, "--trusted-proxies"), (["--store", "postgres://u:hunter2@h"], NOBODY, "sqlite:///PATH"),
        (["--policies", "nowhere"], NOBODY, "is not there"), (["--decision-log", "x", "--audit-log", "none", "--decision-log-required"], NOBODY, "--audit-log"), (["--store", "mongodb://u:hunter2@127.0.0.1:1/x"], NOBODY, "MongoDB 127.0.0.1:1/x cannot be used"), (["--store", "mongodb://u:hunter2@"], NOBODY, "mongodb://USER:PASSWORD@HOST"),
        (["--decision-log-required"], NOBODY, "needs a file"), (["--public-url", "box"], NOBODY, "absolute"),
        ([], {"FALCONBOX_ADMIN_SECRET_FILE": "/nowhere"}, "FALCONBOX_ADMIN_SECRET_FILE"),
    ],
)  # fmt: skip
def test_a_start_that_cannot_be_right_is_refused_with_the_reason(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], told: str
) -> None:
    port = [] if "--port" in arguments else ["--port", str(free_port())]
    done = falconbox(tmp_path, "serve", *port, *arguments, **environ)
    assert done.returncode == 2
    assert told in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_stops_the_start_before_anything_is_made(tmp_path: Path) -> None:
    with serving.running(tmp_path / "first") as box:
        done = falconbox(tmp_path / "second", "serve", "--port", str(box.port))
    assert done.returncode == 2
    assert "cannot listen" in done.stderr
    assert not (tmp_path / "second" / ".falconbox").exists()


def test_a_broken_directory_serves_the_last_good_set_and_is_not_ready(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    policy = (
        "resourceType: AccessPolicy\nid: open\nengine: json-schema\nschema: {properties: {uri: {const: /Notice}}}\n"
    )
    (folder / "open.yaml").write_text(policy.replace("const", "cosnt"))
    done = falconbox(tmp_path, "serve", "--port", str(free_port()), "--policies", "policies")
    assert done.returncode == 2
    assert "open.yaml:4:" in done.stderr
    (folder / "open.yaml").write_text(policy)
    with serving.running(tmp_path, "--policies", "policies") as box:
        assert box.ask("GET", "/Notice").status == 200
        assert box.ask("GET", "/readyz").status == 200
    (folder / "open.yaml").write_text(policy + "oops: 1\n")
    with serving.running(tmp_path, "--policies", "policies") as box:
        assert box.ask("GET", "/Notice").status == 200
        ready = box.ask("GET", "/readyz")
        assert (ready.status, ready.json["checks"]["policy_directory"]["ok"]) == (503, False)
        assert "open.yaml:5:" in box.errors()
    (folder / "open.yaml").unlink()
    with serving.running(tmp_path, "--policies", "policies") as box:
        assert box.ask("GET", "/Notice").status == 200
        assert box.ask("GET", "/readyz").status == 503
        assert "is empty" in box.errors()


def test_liveness_and_readiness_need_no_credentials_and_nothing_beside_them_is_open(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        assert box.ask("GET", "/healthz").json == {"status": "ok"}
        ready = box.ask("GET", "/readyz").json
        assert ready["status"] == "ready"
        assert ready["checks"].keys() == {
            "store",
            "policies",
            "snapshot",
            "keys",
            "policy_directory",
            "evaluations",
            "decision_log",
            "audit_log",
        }
        for method, path in (("GET", "/healthz/"), ("POST", "/healthz"), ("GET", "/health"), ("OPTIONS", "/auth/token"),
                             ("GET", "/auth/token")):  # fmt: skip
            assert box.ask(method, path).status == 401, (method, path)


def test_a_required_decision_log_has_the_record_before_the_answer(tmp_path: Path) -> None:
    log = tmp_path / "decisions"
    with serving.running(tmp_path, "--decision-log", str(log), "--decision-log-required") as box:
        for number in range(20):
            box.admin("GET", f"/Patient/{number}")
            assert len(log.read_text().splitlines()) == number + 1


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_a_standard_error_that_cannot_be_written_keeps_no_service_from_its_work(tmp_path: Path, where: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "falconbox", "serve", "--port", str(port)]
    with (tmp_path / "stdout").open("wb") as out:
        process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" {where}', "-", *command],
            cwd=tmp_path,
            stdout=out,
            env=serving.environment(),
        )
    box = Box(process, port, tmp_path)
    try:
        # A port that is listened on is not enough: the banner comes after that.
        wait_until_listening(process, port)
        assert box.admin("GET", "/Client").status == 200
    finally:
        status = box.stop()
    assert status == 0


def test_a_standard_output_that_nobody_reads_delays_no_answer_and_no_stop(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "falconbox", "serve", "--port", str(port)]
    with (tmp_path / "stderr").open("wb") as err:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=err, env=serving.environment())
    assert process.stdout is not None
    (tmp_path / "stdout").touch()
    box = Box(process, port, tmp_path)
    wait_until_listening(process, port)
    # Far more than a pipe holds (64 KiB).
    assert {box.admin("GET", f"/Patient/{'x' * 60}").status for _ in range(600)} == {404}
    assert box.stop() == 0
    process.stdout.close()


@pytest.mark.parametrize("what", ["data-dir", "decision-log", "audit-log"])
def test_a_place_that_cannot_be_written_stops_the_start_with_its_name(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    place = str(tmp_path / "file" / "below")
    done = falconbox(tmp_path, "serve", "--port", str(free_port()), f"--{what}", place)
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr


ROUNDS = 12
WRITES = 500


def test_no_acknowledged_write_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """kill -9 at a random moment of concurrent writes from four connections, twelve times; all is read back."""
    acknowledged: dict[str, int] = {}
    chance = random.Random(7)
    for round_number in range(ROUNDS):
        box = serving.start(tmp_path, "--decision-log", "none")
        per_round = -(-WRITES // ROUNDS)
        stop_after = chance.randint(per_round, 3 * per_round)
        write_until_killed(box, round_number, stop_after, acknowledged)
    assert len(acknowledged) >= WRITES
    with serving.running(tmp_path, "--decision-log", "none") as box:
        kept = read_all(box)
    assert {key: kept.get(key) for key in acknowledged} == acknowledged


def write_until_killed(box: Box, round_number: int, stop_after: int, acknowledged: dict[str, int]) -> None:
    enough = threading.Event()
    mine: dict[str, int] = {}

    def write(writer: int) -> None:
        number = 0
        while True:
            key = f"r{round_number}-w{writer}-{number}"
            try:
                answer = box.admin("POST", "/Patient", {"id": key, "n": number})
            except (OSError, http.client.HTTPException):
                return  # killed, perhaps in the middle of the answer: this one was not acknowledged
            assert answer.status == 201
            mine[key] = number
            number += 1
            if len(mine) >= stop_after:
                enough.set()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    assert enough.wait(120)
    os.kill(box.process.pid, signal.SIGKILL)
    box.process.wait(PATIENCE)
    for writer in writers:
        writer.join(60)
    acknowledged.update(mine)


def read_all(box: Box) -> dict[str, int]:
    found: dict[str, int] = {}
    path = "/Patient?_count=1000"
    while path:
        page = box.admin("GET", path).json
        found |= {entry["resource"]["id"]: entry["resource"]["n"] for entry in page["entry"]}
        path = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), "")
    return found


def test_a_change_made_by_another_process_counts_within_the_published_time(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box:
        box.admin("POST", "/AccessPolicy", {"id": "deny-all", "engine": "allow", "effect": "deny"})
        assert box.admin("GET", "/Client").status == 403
        assert falconbox(tmp_path, "recover", "--off", "deny-all", FALCONBOX_ADMIN_SECRET=ADMIN_SECRET).returncode == 0
        # Published: a quarter of a second; a test does not depend on the machine.
        until(lambda: box.admin("GET", "/Client").status == 200)


def test_six_hundred_half_open_connections_leave_the_service_to_the_others(tmp_path: Path) -> None:
    with serving.running(tmp_path) as box, contextlib.ExitStack() as open_until_the_end:
        for number in range(600):
            connection = socket.create_connection(("127.0.0.1", box.port), timeout=60)
            open_until_the_end.enter_context(connection)
            connection.sendall(
                b"POST /Patient HTTP/1.1\r\nHost: box\r\nContent-Length: 9\r\n\r\n12345678"[: number % 66]
            )
            if number % 100 == 99:
                assert box.admin("GET", "/Client").status == 200
        assert box.ask("GET", "/healthz").status == 200
