"""`falconbox clients`: what the API would store, through the same checks, and secrets that are shown once or never."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import falconbox.client_commands as commands
from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.audit_log.trail import ENTRY
from falconbox.authentication.secret_uses import SecretUses
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid
from falconbox.mapping import secrets_from_body
from falconbox.store.sqlite import SqliteStore
from falconbox.sync import Secrets, sync_directory

HASHER = SecretHasher()


def falconbox(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCONBOX_")}
    command = [sys.executable, "-m", "falconbox", "clients", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, input=given, capture_output=True, timeout=120)


def told(folder: Path, *arguments: str, given: bytes = b"") -> Any:
    done = falconbox(folder, *arguments, "-o", "json", given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / ".falconbox" / "falconbox.sqlite3")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text("{resourceType: Client, id: managed, secret: {env: MANAGED}}")
    secrets = Secrets({"MANAGED": "managed secret"}, HASHER)
    sync_directory(tmp_path / "policies", store, AuditTrail(store), Admission({}), secrets)
    yield store
    store.close()


def opens(store: SqliteStore, client_id: str, secret: str) -> bool:
    record = store.get("Client", client_id)
    assert record is not None
    return HASHER.find([held.hash for held in secrets_from_body(record.body)], secret) is not None


def records(store: SqliteStore) -> list[Any]:
    return [entry.body["record"] for entry in store.find(ENTRY).records]


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    for command in (["create", "app"], ["rotate-secret", "app"], ["list"]):
        done = falconbox(tmp_path, *command)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"there is no store" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_generated_secret_has_256_bits_is_shown_once_and_opens(tmp_path: Path, store: SqliteStore) -> None:
    made = told(tmp_path, "create", "app", "--grant", "basic", "--grant", "client_credentials", "--grant", "basic")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", made["secret"])
    assert made["client"]["grant_types"] == ["basic", "client_credentials"]
    rotated = falconbox(tmp_path, "rotate-secret", "app").stdout.decode()
    (second,) = re.findall(r"^secret: ([A-Za-z0-9_-]{43})$", rotated, re.MULTILINE)
    assert [opens(store, "app", secret) for secret in (made["secret"], second, "wrong")] == [True, True, False]
    listed = falconbox(tmp_path, "list").stdout + falconbox(tmp_path, "list", "-o", "json").stdout
    for secret in (made["secret"], second, "argon2", secrets_from_body(store.get("Client", "app").body)[0].hash):
        assert secret not in listed.decode()


def test_a_secret_from_standard_input_is_used_and_not_shown(tmp_path: Path, store: SqliteStore) -> None:
    outputs = [falconbox(tmp_path, "create", "app", "--secret-stdin", given="s3cret-öne\r\n".encode())]
    outputs.append(falconbox(tmp_path, "rotate-secret", "app", "--secret-stdin", given=b"s3cret-two\nmore"))
    outputs.append(falconbox(tmp_path, "rotate-secret", "app", "--secret-stdin", "-o", "json", given=b"s3cret-three"))
    assert [done.returncode for done in outputs] == [0, 0, 0]
    assert [opens(store, "app", f"s3cret-{name}") for name in ("öne", "two", "three")] == [True] * 3
    assert b"s3cret" not in b"".join(done.stdout + done.stderr for done in outputs)


def test_the_overlap_is_as_was_said_and_an_hour_otherwise(tmp_path: Path, store: SqliteStore) -> None:
    told(tmp_path, "create", "app")
    for arguments, overlap in (([], 3600), (["--overlap", "60"], 60)):
        told(tmp_path, "rotate-secret", "app", *arguments)
        newest, before = secrets_from_body(store.get("Client", "app").body)[:2]
        assert newest.expires is None
        assert before.expires == pytest.approx(newest.created + overlap)
    assert falconbox(tmp_path, "rotate-secret", "app").stderr.startswith(b"falconbox: /overlap 3 secrets are live")
    assert len(told(tmp_path, "rotate-secret", "app", "--overlap", "0")["client"]["meta"]["secrets"]) == 1


def test_what_the_api_would_refuse_is_refused_with_the_reason_and_changes_nothing(
    tmp_path: Path, store: SqliteStore
) -> None:
    told(tmp_path, "create", "app", "--secret-stdin", given=b"s3cret-one")
    head, written = store.head(), records(store)
    for arguments, given, reason in (
        (["create", "app"], b"", "there is one already: `falconbox clients rotate-secret app`"),
        (["create", "a b"], b"", "/id is not as expected"),
        (["create", "b", "--secret-stdin"], b"s3cret\tone", "/secret is not as expected"),
        (["create", "b", "--secret-stdin"], b"\n", "there is no secret on standard input"),
        (["create", "b", "--secret-stdin"], b"s3cret\xff", "the secret on standard input is not UTF-8"),
        (["create", "managed"], b"", "comes from a policy directory (a.yaml): choose another id"),
        (["rotate-secret", "managed"], b"", "comes from a policy directory (a.yaml): change the secret"),
        (["rotate-secret", "nobody"], b"", "there is no such client: `falconbox clients list`"),
        (["rotate-secret", "app", "--overlap", "-1"], b"", "/overlap must be at least 0"),
        (["rotate-secret", "app", "--overlap", "7776001"], b"", "/overlap must be at most 7,776,000"),
        (["rotate-secret", "app", "--secret-stdin"], b"s3cret-one", "/secret is a secret of the client already"),
    ):
        done = falconbox(tmp_path, *arguments, given=given)
        assert (done.returncode in {1, 2}, done.stdout) == (True, b""), arguments
        assert reason in done.stderr.decode()
        assert b"s3cret" not in done.stderr.replace(b"rotate-secret", b"")
        assert b"Traceback" not in done.stderr
    assert (store.head(), records(store)) == (head, written)


def test_what_is_changed_is_on_record_with_the_command_and_without_a_secret(tmp_path: Path, store: SqliteStore) -> None:
    made = told(tmp_path, "create", "app")
    rotated = told(tmp_path, "rotate-secret", "app")
    created, changed = [record for record in records(store) if record["resource"] == "Client/app"]
    assert [(record["code"], record["actor"]["command"]) for record in (created, changed)] == [
        ("client-created", "clients create"), ("client-secret-rotated", "clients rotate-secret"),
    ]  # fmt: skip
    assert created["after"] == changed["before"]
    assert changed["after"]["secrets"] == [secret["id"] for secret in rotated["client"]["meta"]["secrets"]]
    assert not {made["secret"], rotated["secret"]} & set(json.dumps(records(store)).split('"'))


def test_the_list_shows_managed_clients_and_tells_of_those_that_cannot_be_read(
    tmp_path: Path, store: SqliteStore
) -> None:
    told(tmp_path, "create", "app")
    listed = told(tmp_path, "list")
    assert [client["id"] for client in listed] == ["app", "managed"]
    assert listed[1]["meta"]["source"]["file"] == "a.yaml"
    store.put("Client", "broken", {"document": {"id": "broken"}})
    done = falconbox(tmp_path, "list")
    assert (done.returncode, b"Client/broken cannot be read" in done.stderr) == (1, True)
    with pytest.raises(Invalid, match="Client/broken cannot be read"):
        commands.rotate_secret(store, "broken", "s3cret", 0)
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == ["CLIENT", "app", "managed"]


def test_the_list_says_when_each_secret_was_last_used(tmp_path: Path, store: SqliteStore) -> None:
    told(tmp_path, "create", "app")
    told(tmp_path, "rotate-secret", "app")
    newest, older = secrets_from_body(store.get("Client", "app").body)
    managed = next(client for client in told(tmp_path, "list") if client["id"] == "managed")["meta"]["secrets"][0]["id"]
    uses = SecretUses(store, lambda: 1_800_000_119.0)
    for client_id, secret_id in (("app", older.id), ("managed", managed)):
        uses.note(client_id, secret_id)
    uses.write()
    shown = {secret["id"]: secret for client in told(tmp_path, "list") for secret in client["meta"]["secrets"]}
    assert {secret_id: secret.get("last_used", "never") for secret_id, secret in shown.items()} == {
        newest.id: "never", older.id: "2027-01-15T08:01:00.000Z", managed: "2027-01-15T08:01:00.000Z",
    }  # fmt: skip
    assert "last_used" not in shown[newest.id]
    lines = falconbox(tmp_path, "list").stdout.decode().splitlines()
    place = lines[0].index("LAST USED")
    told_of = {line.split()[3]: line[place:].split()[0] for line in lines[1:]}
    assert told_of == {newest.id: "-", older.id: "2027-01-15T08:01:00Z", managed: "2027-01-15T08:01:00Z"}
    rotated = told(tmp_path, "rotate-secret", "app", "--overlap", "60")["client"]["meta"]["secrets"]
    assert [secret.get("last_used") for secret in rotated] == [None, None, "2027-01-15T08:01:00.000Z"]


class Overtaken(SqliteStore):
    """Somebody else writes the client between its being read and its being written."""

    def put(self, kind: str, name: str, body: Any, **options: Any) -> Any:
        if (kind, name) == ("Client", "app"):
            super().put(kind, name, {"document": {"id": "app"}, "generation": "theirs", "secrets": []})
        return super().put(kind, name, body, **options)


def test_a_command_that_comes_too_late_says_so_and_changes_nothing(tmp_path: Path) -> None:
    store = Overtaken(tmp_path / "store")
    with pytest.raises(Invalid, match="there is one already"):
        commands.create(store, "app", "one", [])
    with pytest.raises(Invalid, match="has just been changed by somebody else"):
        commands.rotate_secret(store, "app", "two", 0)
    assert store.get("Client", "app").body["generation"] == "theirs"
    assert records(store) == []
    store.close()
