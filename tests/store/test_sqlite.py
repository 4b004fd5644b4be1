"""What is particular to the embedded store: its file, its processes, and its faults."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from falconbox.errors import StartupError, StoreUnavailable
from falconbox.store import SCHEMA_VERSION, sqlite
from falconbox.store.opening import open_store
from falconbox.store.sqlite import SqliteStore
from falconbox.store.sqlite_rows import COLUMNS, selection


def test_the_file_and_what_stands_beside_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "deep" / "store")
    store.put("A", "1", {})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    store.close()
    assert modes.keys() >= {"store", "store-wal"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700


@pytest.mark.parametrize("where", [{}, {"client": "a"}])
def test_a_page_is_found_in_the_order_of_an_index_without_looking_at_what_is_not_on_it(
    tmp_path: Path, where: dict[str, str]
) -> None:
    SqliteStore(tmp_path / "store").close()
    text, by_id, values = selection("Session", where, 0.0)
    with sqlite3.connect(tmp_path / "store") as connection:
        steps = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT {COLUMNS} {text} AND {by_id} > ? ORDER BY {by_id} LIMIT ?", (*values, "", 5)
        ).fetchall()
    connection.close()
    assert steps
    assert all(step[-1].startswith("SEARCH ") for step in steps), steps


def test_a_sweep_in_several_pieces_removes_all_that_is_gone_and_nothing_that_has_been_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SWEPT_TOGETHER", 2)
    now = 1000.0
    store = SqliteStore(tmp_path / "store", clock=lambda: now)
    for number in range(5):
        store.append("A", f"{number}", {}, fields={"f": ["v"]}, expires_at=now + 1)
    now += 2
    again = sqlite.sweep_rows

    def made_again_before(
        connection: sqlite3.Connection, rows: list[tuple[str, str]], gone: tuple[float, float]
    ) -> int:
        connection.execute("UPDATE documents SET expires_at = NULL WHERE id = '3'")
        return again(connection, rows, gone)

    monkeypatch.setattr(sqlite, "sweep_rows", made_again_before)
    assert store.sweep() == 4
    assert [record.id for record in store.find("A", {"f": "v"}).records] == ["3"]
    assert store.sweep() == 0
    store.close()


def test_a_store_of_another_layout_is_refused_with_both_versions(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "store").close()
    with sqlite3.connect(tmp_path / "store") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StartupError, match=f"layout 99, and this falconbox reads layout {SCHEMA_VERSION}"):
        SqliteStore(tmp_path / "store")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("this is a letter to my grandmother, and not a database at all")
    with pytest.raises(StartupError, match="cannot be read"):
        SqliteStore(tmp_path / "store")
    assert (tmp_path / "store").read_text().startswith("this is a letter")


def test_a_database_of_somebody_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StartupError, match="no store of falconbox"):
        SqliteStore(tmp_path / "store")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="cannot be opened"):
        SqliteStore(tmp_path / "file" / "store")


@pytest.mark.parametrize("gone", ["store", "store-wal", "store-shm"])
def test_nothing_is_acknowledged_while_a_file_of_the_store_is_gone_and_all_is_there_when_it_is_back(
    tmp_path: Path, gone: str
) -> None:
    store = SqliteStore(tmp_path / "store")
    store.put("A", "before", {})
    (tmp_path / gone).rename(tmp_path / "aside")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            store.put("A", "meanwhile", {})
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            store.head()
    faults: list[StoreUnavailable] = []

    def ask() -> None:
        try:
            store.get("A", "before")
        except StoreUnavailable as fault:
            faults.append(fault)

    thread = threading.Thread(target=ask)  # which has no connection yet, and must not make a new store
    thread.start()
    thread.join()
    assert len(faults) == 1
    assert not (tmp_path / gone).exists()
    (tmp_path / "aside").rename(tmp_path / gone)
    store.put("A", "after", {})
    store.close()
    again = SqliteStore(tmp_path / "store")
    assert [record.id for record in again.find("A").records] == ["after", "before"]
    again.close()


def test_a_write_to_a_file_that_is_removed_meanwhile_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "store"

    def clock() -> float:
        if (tmp_path / "remove").exists() and path.exists():
            path.rename(tmp_path / "aside")
        return 1000.0

    store = SqliteStore(path, clock=clock)
    (tmp_path / "remove").touch()
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        store.append("A", "1", {"remove": True})
    store.close()


def test_a_store_that_somebody_keeps_locked_is_not_said_to_need_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(tmp_path / "store").close()
    monkeypatch.setattr("falconbox.store.sqlite_schema.BUSY_TIMEOUT", 0.01)
    with sqlite3.connect(tmp_path / "store") as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StartupError, match=r"cannot be used: database is locked$"):
            SqliteStore(tmp_path / "store")
    other.close()


@pytest.mark.parametrize("damage", ['{"secret": "x', "\\x00\\xff", "{} {}"])
def test_a_document_that_is_damaged_is_named_wherever_it_is_read_and_not_quoted(tmp_path: Path, damage: str) -> None:
    store = SqliteStore(tmp_path / "store")
    store.put("A", "whole", {})
    store.put("A", "broken", {})
    with sqlite3.connect(tmp_path / "store") as other:
        other.execute("UPDATE documents SET body = ? WHERE id = 'broken'", (damage,))
    other.close()
    reads: list[Callable[[], object]] = [
        lambda: store.get("A", "broken"),
        lambda: store.get_many("A", ["whole", "broken"]),
        lambda: store.find("A"),
        lambda: store.changes(0, ["A"]),
    ]
    for read in reads:
        with pytest.raises(StoreUnavailable) as caught:
            read()
        assert caught.value.detail == "A/broken is damaged in the store: restore it from a backup"
    assert store.get("A", "whole") is not None
    store.delete("A", "broken")
    assert len(store.find("A").records) == 1
    store.close()


def test_a_store_that_was_closed_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    store.close()
    with pytest.raises(StoreUnavailable):
        store.get("A", "1")


def test_a_child_process_after_a_fork_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    store.put("A", "parent", {})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.put("A", "child", {})
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.put("A", "parent2", {}).version == 3
    assert store.find("A").total == 3
    store.close()


WRITER = """
import sys
from falconbox.store.sqlite import SqliteStore
from falconbox.store.sqlite_rows import COLUMNS, selection
from falconbox.errors import StoreConflict
store = SqliteStore(sys.argv[1])
kept = 0
for _ in range(100):
    record = store.get("A", "counter")
    try:
        store.put("A", "counter", {"n": record.body["n"] + 1}, expect=record.version)
        kept += 1
    except StoreConflict:
        pass
print(kept)
"""


def test_two_processes_on_one_file_lose_no_acknowledged_update(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    store.put("A", "counter", {"n": 0})
    command = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    kept = sum(int(writer.communicate(timeout=120)[0]) for writer in writers)
    assert store.get("A", "counter").body == {"n": kept}
    store.close()


PASSER_BY = """
import sys
from falconbox.store.sqlite import SqliteStore
from falconbox.store.sqlite_rows import COLUMNS, selection
store = SqliteStore(sys.argv[1])
store.put("A", sys.argv[2], {})
print(" ".join(record.id for record in store.find("A").records))
store.close()
"""


def test_a_process_that_comes_and_goes_takes_nothing_from_one_that_stays(tmp_path: Path) -> None:
    """SQLite deletes its log when the last process leaves: none may take itself for the last while another is there."""
    store = SqliteStore(tmp_path / "store")
    for number in range(3):
        # A thread of its own opens a connection of its own, beside those that the process has.
        thread = threading.Thread(target=store.put, args=("A", f"thread-{number}", {}))
        thread.start()
        thread.join()
        store.put("A", f"mine-{number}", {})
        command = [sys.executable, "-c", PASSER_BY, str(tmp_path / "store"), f"theirs-{number}"]
        seen = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
        wanted = sorted(f"{who}-{past}" for who in ("thread", "mine", "theirs") for past in range(number + 1))
        assert seen == wanted
        assert [record.id for record in store.find("A").records] == wanted
    store.close()


def test_the_url_of_a_store_names_a_relative_or_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///here.sqlite3").close()
    open_store(f"sqlite:///{tmp_path}/there.sqlite3").close()
    assert {path.name for path in tmp_path.glob("*.sqlite3")} == {"here.sqlite3", "there.sqlite3"}


@pytest.mark.parametrize(
    "url", ["", "sqlite:", "sqlite://", "sqlite:///", "postgres://u:hunter2@h/d", "/path", "mongodb"]
)
def test_any_other_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(StartupError) as raised:
        open_store(url)
    assert "sqlite:///PATH" in raised.value.detail
    assert "hunter2" not in raised.value.detail


def test_in_memory_it_is_gone_in_a_fork_which_may_close_it_and_goes_on_where_it_was_made() -> None:
    store = SqliteStore(None)
    store.put("A", "1", {})
    child = os.fork()
    if child == 0:
        told = 1
        try:
            store.get("A", "1")
        except StoreUnavailable:
            store.close()
            told = 0
        finally:
            os._exit(told)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("A", "1") is not None
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.get("A", "1")
