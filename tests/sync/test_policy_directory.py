"""Policy directories: read strictly, applied as a whole or not at all, and the same a second time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.authentication.secrets import SecretHasher
from falconbox.errors import Invalid, StartupError, StoreConflict, StoreUnavailable
from falconbox.plugins import load_plugins
from falconbox.store.sqlite import SqliteStore
from falconbox.sync import Secrets, SyncResult, check_directory, read_directory, sync_directory
from falconbox.sync.apply import LEFTOVER_AGE, MEMBER
from faults import CutShort

ADMISSION = Admission(load_plugins().engines)
HASHER = SecretHasher()
CLIENT = "resourceType: Client\nid: {id}\ngrant_types: [basic]\n"
POLICY = "resourceType: AccessPolicy\nid: {id}\nengine: allow\n"

Write = Callable[..., Path]


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield store
    store.close()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def sync(folder: Path, store: Any, **environ: str) -> SyncResult:
    secrets = Secrets(environ, HASHER)
    return sync_directory(folder, store, AuditTrail(store), ADMISSION, secrets)


def managed(store: SqliteStore) -> dict[tuple[str, str], Any]:
    """What the pointer names: type and id to the stored record."""
    pointer = store.get("policy-source", "default")
    entries = () if pointer is None else pointer.body["members"]
    return {(entry["type"], entry["id"]): store.get(MEMBER, entry["member"]) for entry in entries}


def problems(action: Callable[[], Any]) -> list[tuple[str, int | None, int | None, str]]:
    with pytest.raises(Invalid) as raised:
        action()
    return [(str(p.file), p.line, p.column, p.detail) for p in raised.value.problems]


def test_yaml_and_json_files_of_one_or_many_documents_are_read(folder: Path) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a") + "---\n" + POLICY.format(id="a"))
    write(folder, "deep/b.yml", POLICY.format(id="b"))
    write(folder, "c.json", '{"resourceType": "AccessPolicy", "id": "c", "engine": "allow"}')
    write(folder, "AccessPolicy/d.yaml", "id: d\nengine: allow\n")
    write(folder, "README.md", "no policy")
    write(folder, ".hidden.yaml", "no: [")
    write(folder, ".git/config.yaml", "no: [")
    found = {(entry.type, entry.id): entry.file for entry in read_directory(folder)}
    assert found == {
        ("AccessPolicy", "a"): "a.yaml", ("AccessPolicy", "b"): "deep/b.yml", ("AccessPolicy", "c"): "c.json",
        ("AccessPolicy", "d"): "AccessPolicy/d.yaml", ("Client", "a"): "a.yaml",
    }  # fmt: skip


def test_all_problems_of_all_files_are_told_with_file_line_and_column(folder: Path) -> None:
    write(folder, "a.yaml", "resourceType: Client\nid: a\nid: b\n")
    write(folder, "b.yaml", "- just\n- a list\n")
    write(folder, "c.yaml", "id: c\n")
    write(folder, "d.yaml", "resourceType: Patient\nid: d\n")
    write(folder, "e.yaml", "resourceType: Client\n")
    write(folder, "f.json", '{"resourceType": "Client",\n "id": 5}')
    write(folder, "g.json", '{"a": 1,\n "b": }')
    write(folder, "h.yaml", "a: *b\n")
    write(folder, "i.yaml", b"\xff".decode("latin-1"))
    (folder / "j.yaml").write_bytes(b"\xff\xfe")
    told = problems(lambda: read_directory(folder))
    assert [(file, line, column) for file, line, column, _ in told] == [
        ("a.yaml", 3, 1), ("b.yaml", 1, 1), ("c.yaml", 1, 1), ("d.yaml", 1, 1), ("e.yaml", 1, 1), ("f.json", 2, 2),
        ("g.json", 2, 7), ("h.yaml", 1, 4), ("i.yaml", 1, 1), ("j.yaml", 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("emptied", ["", "# id: deny\n", "\ufeff\n", " \n\n"])
def test_a_file_that_declares_nothing_is_an_error_and_takes_nothing_away(
    folder: Path, store: SqliteStore, emptied: str
) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a"))
    write(folder, "deny.yaml", POLICY.format(id="deny") + "effect: deny\n")
    sync(folder, store)
    before = managed(store)
    write(folder, "deny.yaml", emptied)
    detail = "declares nothing: remove it, or let its name start with a dot"
    assert problems(lambda: sync(folder, store)) == [("deny.yaml", 1, 1, detail)]
    assert managed(store) == before
    assert not check_directory(folder, ADMISSION, set()).summary().endswith("no problems")


def test_a_file_is_read_whatever_the_case_of_its_suffix(folder: Path) -> None:
    write(folder, "a.YAML", POLICY.format(id="a"))
    write(folder, "b.Yml", POLICY.format(id="b"))
    write(folder, "c.JSON", '{"resourceType": "AccessPolicy", "id": "c", "engine": "allow"}')
    assert [entry.id for entry in read_directory(folder)] == ["a", "b", "c"]


def test_problems_of_a_json_file_have_their_places_whatever_characters_stand_in_it(folder: Path) -> None:
    start = '{"resourceType": "AccessPolicy", "id": "%s",\n "description": "\\ud83d\\ude00",\n'
    write(folder, "a.json", start % "a" + '"engine": "allow",\n\t"links": []}')
    write(folder, "b.json", start % "b" + ' "engine": "allow",\n "engine": "matcho"}')
    write(folder, "c.json", start % "c" + ' "engine": "allow", "extra": "' + "x" * 300_000 + '",\n "links": 1}')
    told = [
        (problem.file, problem.line, problem.column) for problem in check_directory(folder, ADMISSION, set()).problems
    ]
    assert told == [("a.json", 4, 2), ("b.json", 4, 2), ("c.json", 3, 21), ("c.json", 4, 2)]


def test_problems_of_contents_point_at_what_is_wrong(folder: Path) -> None:
    write(folder, "a.yaml", "resourceType: Client\nid: a\nsecret: hunter2hunter2\ngrant_typs: []\n")
    write(
        folder,
        "b.yaml",
        "# a comment\n---\nresourceType: AccessPolicy\nid: b\nengine: json-schema\nlink:\n- {resourceType: Client, id: nobody}\n"
        "schema:\n  properties:\n    uri: { patern: x }\n",
    )
    write(folder, "c.yaml", "resourceType: AccessPolicy\nid: c\nengine: json-shema\n")
    report = check_directory(folder, ADMISSION, {"admin"})
    told = [(problem.file, problem.line, problem.column) for problem in report.problems]
    assert told == [("a.yaml", 3, 1), ("a.yaml", 4, 1), ("b.yaml", 7, 3), ("b.yaml", 10, 12), ("c.yaml", 3, 1)]
    assert "hunter2" not in str(report.as_json())
    assert report.summary() == f"{len(told)} problems; nothing would be applied"


def test_what_cannot_be_read_hides_no_problem_of_the_rest_and_no_link_is_blamed_for_it(
    folder: Path, store: SqliteStore
) -> None:
    write(folder, "a.yaml", "resourceType: Client\nid: linked\nid: twice\n")
    write(folder, "b.yaml", POLICY.format(id="b") + "link: [{ resourceType: Client, id: linked }]\nmode: on\n")
    told = problems(lambda: sync(folder, store))
    assert [file for file, *_ in told] == ["a.yaml", "b.yaml"]
    report = check_directory(folder, ADMISSION, set())
    assert [(problem.file, problem.pointer) for problem in report.problems] == [("a.yaml", ""), ("b.yaml", "/mode")]
    assert managed(store) == {}


def test_a_file_in_the_place_of_a_directory_is_said_to_be_one(folder: Path) -> None:
    write(folder, "a.yaml", POLICY.format(id="a"))
    (problem,) = check_directory(folder / "a.yaml", ADMISSION, set()).problems
    assert problem.detail == "is a file: name its directory"


def test_the_sha256_of_a_secret_is_no_secret_wherever_it_comes_from(folder: Path, store: SqliteStore) -> None:
    imported = "__sha256:" + "0" * 64
    write(
        folder,
        "a.yaml",
        CLIENT.format(id="a") + "secret: {env: A}\n---\n" + CLIENT.format(id="b") + "secret: {file: b}\n",
    )
    write(folder, "b", imported + "\n")
    told = problems(lambda: sync(folder, store, A=imported))
    assert [detail.split(",")[0] for *_, detail in told] == ["is the SHA-256 of a secret"] * 2
    write(folder, "a.yaml", CLIENT.format(id="a") + f"secret: '{imported}'\n")
    report = check_directory(folder, ADMISSION, set())
    assert any("is the SHA-256 of a secret" in problem.detail for problem in report.problems)
    assert managed(store) == {}


@pytest.mark.parametrize(
    "content",
    [b"two\nlines\n", b"an empty line\n\n", b"\x00binary", b"x" * 1025, b"x" * 2_000_000, b"caf\xe9", b"", b"\n", None],
)
def test_what_no_client_could_present_is_no_secret_and_nothing_of_it_is_told(
    folder: Path, store: SqliteStore, content: bytes | None
) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a") + "secret: {file: secret.txt}\n")
    if content is None:
        os.mkfifo(folder / "secret.txt")
    else:
        (folder / "secret.txt").write_bytes(content)
    ((file, line, _, detail),) = problems(lambda: sync(folder, store))
    assert (file, line) == ("a.yaml", 4)
    assert str(folder / "secret.txt") in detail
    assert not any(word in detail for word in ("two", "binary", "xx", "caf"))
    write(folder, "a.yaml", CLIENT.format(id="a") + "secret: {env: A}\n")
    undecoded = (content or b"").decode(errors="surrogateescape")
    assert problems(lambda: sync(folder, store, A=undecoded))[0][:2] == ("a.yaml", 4)
    assert managed(store) == {}


def test_the_longest_secret_may_come_from_a_file(folder: Path, store: SqliteStore) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a") + "secret: {file: secret.txt}\n")
    (folder / "secret.txt").write_bytes("\N{OLD PERSIAN NUMBER HUNDRED}".encode() * 1024 + b"\r\n")
    assert sync(folder, store).status == "applied"


def test_the_same_id_in_two_files_names_both(folder: Path) -> None:
    write(folder, "a.yaml", POLICY.format(id="same"))
    write(folder, "b.yaml", CLIENT.format(id="same") + "---\n" + POLICY.format(id="same"))
    ((file, line, _, detail),) = problems(lambda: read_directory(folder))
    assert (file, line) == ("b.yaml", 6)
    assert "first in a.yaml:1" in detail


def test_no_link_that_leaves_the_directory_is_followed(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside.yaml", POLICY.format(id="outside"))
    write(folder, "a.yaml", POLICY.format(id="a"))
    (folder / "inside.yaml").symlink_to("a.yaml")
    (folder / "loop").symlink_to(folder)
    told = problems(lambda: read_directory(folder))
    assert [(file, detail) for file, _, _, detail in told] == [
        ("inside.yaml", "AccessPolicy 'a' is declared twice; first in a.yaml:1")
    ]
    (folder / "inside.yaml").unlink()
    (folder / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "root").symlink_to("/")
    (folder / "broken.yaml").symlink_to("nowhere")
    told = problems(lambda: read_directory(folder))
    assert {(file, detail) for file, _, _, detail in told} == {
        (name, "is a link that leaves the directory, or leads nowhere") for name in ("out.yaml", "root", "broken.yaml")
    }


def test_a_policy_may_link_to_clients_of_the_directory_and_of_the_store(folder: Path, store: SqliteStore) -> None:
    linked = POLICY + "link: [{{reference: Client/here}}, {{resourceType: Client, id: there}}]\n"
    write(folder, "a.yaml", CLIENT.format(id="here") + "---\n" + linked.format(id="p"))
    ((file, line, _, detail),) = problems(lambda: sync(folder, store))
    assert (file, line) == ("a.yaml", 8)
    assert "'there'" in detail
    assert check_directory(folder, ADMISSION, {"there"}).problems == ()
    store.put("Client", "there", {"document": {"id": "there"}, "generation": "g"})
    assert sync(folder, store).status == "applied"


def test_a_second_time_writes_nothing_at_all(folder: Path, store: SqliteStore) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a") + "secret: {env: SECRET}\n---\n" + POLICY.format(id="p"))
    assert sync(folder, store, SECRET="my-own-secret").status == "applied"
    head = store.head()
    before = managed(store)
    assert sync(folder, store, SECRET="my-own-secret").status == "unchanged"
    assert store.head() == head
    assert managed(store) == before


def test_what_has_not_changed_keeps_its_version_and_what_has_gone_is_gone(folder: Path, store: SqliteStore) -> None:
    for name in ("kept", "changed", "gone"):
        write(folder, f"{name}.yaml", POLICY.format(id=name))
    sync(folder, store)
    before = managed(store)
    write(folder, "changed.yaml", POLICY.format(id="changed") + "mode: off\n")
    (folder / "gone.yaml").unlink()
    write(folder, "new.yaml", POLICY.format(id="new"))
    assert sync(folder, store).message == "1 added, 1 changed, 1 removed"
    after = managed(store)
    assert after.keys() == {("AccessPolicy", name) for name in ("kept", "changed", "new")}
    assert after["AccessPolicy", "kept"] == before["AccessPolicy", "kept"]
    assert after["AccessPolicy", "changed"].version > before["AccessPolicy", "changed"].version


def test_a_client_keeps_its_hash_and_generation_while_its_secret_is_the_same(folder: Path, store: SqliteStore) -> None:
    text = CLIENT.format(id="a") + "secret: {env: SECRET}\n"
    write(folder, "a.yaml", text)
    sync(folder, store, SECRET="first-secret")
    first = managed(store)["Client", "a"].body
    write(folder, "a.yaml", text + "name: A\n")
    sync(folder, store, SECRET="first-secret")
    second = managed(store)["Client", "a"].body
    assert (second["secrets"], second["generation"]) == (first["secrets"], first["generation"])
    sync(folder, store, SECRET="second-secret")
    third = managed(store)["Client", "a"].body
    assert HASHER.verify(third["secrets"][0]["hash"], "second-secret")
    assert third["generation"] == first["generation"]
    write(folder, "a.yaml", text + "active: false\n")
    sync(folder, store, SECRET="second-secret")
    assert managed(store)["Client", "a"].body["generation"] != first["generation"]


def test_a_client_that_was_away_comes_back_with_another_generation(folder: Path, store: SqliteStore) -> None:
    write(folder, "p.yaml", POLICY.format(id="p"))
    write(folder, "a.yaml", CLIENT.format(id="a"))
    sync(folder, store)
    first = managed(store)["Client", "a"].body["generation"]
    (folder / "a.yaml").unlink()
    sync(folder, store)
    write(folder, "a.yaml", CLIENT.format(id="a"))
    sync(folder, store)
    assert managed(store)["Client", "a"].body["generation"] != first


def test_secrets_come_from_the_environment_from_a_file_or_as_a_hash(
    folder: Path, store: SqliteStore, tmp_path: Path
) -> None:
    ready = HASHER.hash("hashed-secret")
    write(folder, "secrets/.own", "file-secret\n")
    for name, reference in (("env", "{env: NAME}"), ("file", "{file: secrets/.own}"), ("hash", f"{{hash: '{ready}'}}")):
        write(folder, f"{name}.yaml", CLIENT.format(id=name) + f"secret: {reference}\n")
    write(tmp_path, "absolute", "absolute-secret\n")
    write(folder, "abs.yaml", CLIENT.format(id="abs") + f"secret: {{file: {tmp_path}/absolute}}\n")
    sync(folder, store, NAME="env-secret")
    stored = managed(store)
    for name, secret in (
        ("env", "env-secret"),
        ("file", "file-secret"),
        ("hash", "hashed-secret"),
        ("abs", "absolute-secret"),
    ):
        assert HASHER.verify(stored["Client", name].body["secrets"][0]["hash"], secret)
    assert "secret" not in stored["Client", "env"].body["document"]


@pytest.mark.parametrize(
    ("reference", "told"),
    [("{env: NAME}", "NAME is not set"), ("{file: nowhere}", "cannot be read"), ("{hash: $argon2id$x}", "argon2id"), ("{}", "fileSecret"),
     ("plain-text-secret", "never stands in a file"), ("{env: A, file: b}", "never stands in a file"), ("{path: x}", "unknown field")],
)  # fmt: skip
def test_a_secret_that_leads_nowhere_applies_nothing(
    folder: Path, store: SqliteStore, reference: str, told: str
) -> None:
    write(folder, "a.yaml", CLIENT.format(id="a") + f"secret: {reference}\n")
    write(folder, "p.yaml", POLICY.format(id="p"))
    ((file, line, _, detail),) = problems(lambda: sync(folder, store))
    assert (file, line) == ("a.yaml", 4)
    assert told in detail or told == "fileSecret"
    assert "plain-text-secret" not in detail
    assert store.head() == 0


def test_one_error_anywhere_applies_nothing_and_leaves_the_last_set(folder: Path, store: SqliteStore) -> None:
    write(folder, "a.yaml", POLICY.format(id="a"))
    sync(folder, store)
    head = store.head()
    write(folder, "b.yaml", POLICY.format(id="b"))
    write(folder, "c.yaml", POLICY.format(id="c") + "oops: 1\n")
    assert [told[0] for told in problems(lambda: sync(folder, store))] == ["c.yaml"]
    assert store.head() == head
    assert managed(store).keys() == {("AccessPolicy", "a")}


def test_an_id_that_was_made_through_the_api_is_an_error_that_says_so(folder: Path, store: SqliteStore) -> None:
    store.put("AccessPolicy", "a", {"document": {"id": "a", "engine": "allow"}})
    write(folder, "a.yaml", POLICY.format(id="a"))
    ((file, line, _, detail),) = problems(lambda: sync(folder, store))
    assert (file, line) == ("a.yaml", 2)
    assert "made through the API" in detail


@pytest.mark.parametrize("how", ["missing", "empty", "only other files"])
def test_a_directory_that_lost_everything_removes_nothing(folder: Path, store: SqliteStore, how: str) -> None:
    write(folder, "a.yaml", POLICY.format(id="a"))
    sync(folder, store)
    head = store.head()
    (folder / "a.yaml").unlink()
    if how == "missing":
        folder.rmdir()
    elif how == "only other files":
        write(folder, "README.md", "text")
    with pytest.raises(StartupError, match="not there" if how == "missing" else "nothing is removed"):
        sync(folder, store)
    assert store.head() == head


def test_an_empty_directory_is_fine_while_nothing_is_stored_of_it(folder: Path, store: SqliteStore) -> None:
    assert sync(folder, store).status == "applied"
    assert sync(folder, store).status == "unchanged"


@pytest.mark.parametrize("writes", range(4))
def test_a_sync_that_is_cut_short_shows_nothing_and_the_next_one_repairs_it(
    folder: Path, store: SqliteStore, writes: int
) -> None:
    write(folder, "old.yaml", POLICY.format(id="old"))
    sync(folder, store)
    before = managed(store)
    for name in ("a", "b", "c"):
        write(folder, f"{name}.yaml", CLIENT.format(id=name))
    with pytest.raises(StoreUnavailable):
        sync(folder, CutShort(store, writes))
    assert managed(store) == before
    assert sync(folder, store).message == "3 added, 0 changed, 0 removed"
    assert None not in managed(store).values()


def test_leftovers_are_removed_when_no_other_node_can_be_about_to_point_to_them(
    folder: Path, store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("falconbox.sync.apply.time.time", clock)
    write(folder, "a.yaml", POLICY.format(id="a"))
    sync(folder, store)
    write(folder, "a.yaml", POLICY.format(id="a") + "mode: off\n")
    sync(folder, store)
    assert store.find(MEMBER).total == 2
    clock.now += LEFTOVER_AGE + 1
    write(folder, "a.yaml", POLICY.format(id="a") + "mode: shadow\n")
    sync(folder, store)
    assert store.find(MEMBER).total == 1
    assert None not in managed(store).values()


def test_a_member_that_is_lost_is_written_anew_although_nothing_has_changed(folder: Path, store: SqliteStore) -> None:
    write(folder, "a.yaml", POLICY.format(id="a"))
    sync(folder, store)
    [member] = managed(store).values()
    store.delete(MEMBER, member.id, expect=member.version)
    sync(folder, store)
    assert managed(store)["AccessPolicy", "a"].body == member.body
    assert sync(folder, store).status == "unchanged"


def test_a_leftover_that_comes_back_is_not_removed_by_a_node_that_has_just_found_it(
    folder: Path, store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("falconbox.sync.apply.time.time", clock)
    write(folder, "a.yaml", POLICY.format(id="a"))
    sync(folder, store)
    [found] = managed(store).values()
    write(folder, "a.yaml", POLICY.format(id="a") + "mode: off\n")
    sync(folder, store)
    clock.now += LEFTOVER_AGE + 1
    swept: list[int] = []

    class Sweeping(CutShort):
        """Another node removes what it has found, between the members and the pointer."""

        def put(self, kind: str, *arguments: Any, **options: Any) -> Any:
            if kind == "policy-source":
                swept.append(1)
                with contextlib.suppress(StoreConflict):
                    store.delete(MEMBER, found.id, expect=found.version)
            return store.put(kind, *arguments, **options)

    write(folder, "a.yaml", POLICY.format(id="a"))
    assert sync(folder, Sweeping(store, 99)).status == "applied"
    assert swept
    assert None not in managed(store).values()


def test_a_node_that_was_faster_is_taken_into_account(folder: Path, store: SqliteStore) -> None:
    write(folder, "a.yaml", POLICY.format(id="a"))
    raced: list[int] = []

    class Raced(CutShort):
        def put(self, kind: str, *arguments: Any, **options: Any) -> Any:
            if kind == "policy-source" and not raced:
                raced.append(1)
                sync(folder, store)
                raise StoreConflict("the document exists already", store.head())
            return store.put(kind, *arguments, **options)

    assert sync(folder, Raced(store, 99)).status == "unchanged"
    assert managed(store).keys() == {("AccessPolicy", "a")}


def git(folder: Path, *arguments: str, date: int = 1_700_000_000) -> str:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_AUTHOR_DATE": f"@{date} +0000", "GIT_COMMITTER_DATE": f"@{date} +0000", "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }  # fmt: skip
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(folder: Path) -> Path:
    git(folder, "init", "-q")
    write(folder, "a.yaml", POLICY.format(id="a"))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_the_commit_is_kept_with_the_set_and_local_changes_are_told(repository: Path, store: SqliteStore) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert sync(repository, store).commit == commit
    pointer = store.get("policy-source", "default").body
    assert (pointer["commit"], pointer["dirty"], pointer["commit_time"]) == (commit, False, 1_700_000_000)
    write(repository, "b.yaml", POLICY.format(id="b"))
    sync(repository, store)
    assert store.get("policy-source", "default").body["dirty"] is True


def test_a_node_with_an_older_commit_leaves_the_newer_set_in_force_and_says_so(
    repository: Path, store: SqliteStore
) -> None:
    old = git(repository, "rev-parse", "HEAD")
    write(repository, "b.yaml", POLICY.format(id="b"))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "two", date=1_700_000_100)
    new = git(repository, "rev-parse", "HEAD")
    sync(repository, store)
    head = store.head()
    git(repository, "checkout", "-q", old)
    result = sync(repository, store)
    assert (result.status, result.commit) == ("older", old)
    assert new[:12] in result.message
    assert store.head() == head
    git(repository, "checkout", "-q", new)
    git(repository, "revert", "--no-edit", new, date=1_700_000_200)
    assert sync(repository, store).message == "0 added, 0 changed, 1 removed"


def test_without_a_common_history_the_earlier_commit_is_the_older_one(
    repository: Path, store: SqliteStore, tmp_path: Path
) -> None:
    sync(repository, store)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    write(other, "x.yaml", POLICY.format(id="x"))
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "earlier", date=1_600_000_000)
    assert sync(other, store).status == "older"
    git(other, "commit", "-q", "--amend", "-m", "later", date=1_800_000_000)
    assert sync(other, store).status == "applied"


def test_a_repository_cannot_make_git_run_anything(repository: Path, store: SqliteStore, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", f"touch {marker}; false")
    os.utime(repository / "a.yaml")
    assert sync(repository, store).status == "applied"
    assert not marker.exists()


@pytest.mark.parametrize("name", [b"\xff.yaml", b"a\nb.yaml", b"\x1b[2J.json", b"\xff"])
def test_a_name_that_cannot_be_printed_is_a_problem_that_can(folder: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
    if path.suffix:
        path.write_text(CLIENT.format(id="a"))
    else:
        path.mkdir()
    with pytest.raises(Invalid) as raised:
        read_directory(folder)
    assert "has a name that cannot be printed" in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_pipe_among_the_files_is_a_problem_and_waits_for_nobody(folder: Path) -> None:
    os.mkfifo(folder / "a.yaml")
    with pytest.raises(Invalid, match="neither a file nor a folder"):
        read_directory(folder)
