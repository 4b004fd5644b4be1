"""`falconbox keys`: clear words for people, JSON for programs, and no new store where one is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from falconbox.oauth.keys import SigningKeys
from falconbox.store.sqlite import SqliteStore


def falconbox(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCONBOX_")}
    command = [sys.executable, "-m", "falconbox", *arguments]
    return subprocess.run(command, cwd=folder, env={**kept, **environ}, capture_output=True, text=True, timeout=120)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / ".falconbox" / "falconbox.sqlite3")
    SigningKeys.open(store)
    yield store
    store.close()


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    for command in (["list"], ["rotate"], ["retire", "x"], ["encrypt"]):
        done = falconbox(tmp_path, "keys", *command, FALCONBOX_KEY_PASSPHRASE="p")
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no store .falconbox/falconbox.sqlite3: name it with --store or --data-dir" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_rotation_from_the_first_key_to_the_last(tmp_path: Path, store: SqliteStore) -> None:
    (first,) = json.loads(falconbox(tmp_path, "keys", "list", "-o", "json").stdout)
    assert {**first, "kid": "", "created": "", "signs_from": ""} == {
        "kid": "", "algorithm": "ES256", "state": "signing", "created": "", "signs_from": "", "tokens": 0, "encrypted": False, "problem": None,
    }  # fmt: skip
    made = json.loads(falconbox(tmp_path, "keys", "rotate", "--token-algorithm", "EdDSA", "-o", "json").stdout)
    assert made["algorithm"] == "EdDSA"
    again = falconbox(tmp_path, "keys", "rotate")
    assert (again.returncode, "published already" in again.stderr) == (1, True)
    hurried = falconbox(tmp_path, "keys", "rotate", "--now")
    assert hurried.stdout.startswith(f"published: {made['kid']} (EdDSA), signs from 20")
    refused = falconbox(tmp_path, "keys", "retire", first["kid"])
    assert (refused.returncode, "is needed: " in refused.stderr, "--force" in refused.stderr) == (1, True, True)
    retired = falconbox(tmp_path, "keys", "retire", first["kid"], "--force", "-o", "json")
    assert json.loads(retired.stdout) == [{"kid": first["kid"], "tokens": 0}]
    assert falconbox(tmp_path, "keys", "retire", "--spent").stdout == "no key is spent\n"
    listed = falconbox(tmp_path, "keys", "list").stdout.splitlines()
    assert listed[0].split() == ["KEY", "ALGORITHM", "STATE", "SIGNS", "FROM", "TOKENS", "ENCRYPTED"]
    assert [line.split()[0] for line in listed[1:]] == [made["kid"]]


@pytest.mark.parametrize("arguments", [[], ["x", "--spent"], ["--spent", "--force"], ["x", "y"]])
def test_retire_says_which_key_or_all_that_are_spent(tmp_path: Path, arguments: list[str]) -> None:
    done = falconbox(tmp_path, "keys", "retire", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_keys_are_encrypted_and_given_another_passphrase(tmp_path: Path, store: SqliteStore) -> None:
    refused = falconbox(tmp_path, "keys", "encrypt")
    assert (refused.returncode, "set FALCONBOX_KEY_PASSPHRASE" in refused.stderr) == (2, True)
    done = falconbox(tmp_path, "keys", "encrypt", FALCONBOX_KEY_PASSPHRASE="first passphrase")
    assert done.stdout.startswith("encrypted: ")
    (tmp_path / "old").write_text("first passphrase\n")
    changed = falconbox(
        tmp_path, "keys", "encrypt", "--old-passphrase-file", "old", "-o", "json", FALCONBOX_KEY_PASSPHRASE="second"
    )
    assert len(json.loads(changed.stdout)["encrypted"]) == 1
    listed = falconbox(tmp_path, "keys", "list")
    assert (listed.returncode, listed.stdout.split()[-1]) == (0, "yes")
    wrong = falconbox(tmp_path, "keys", "list", FALCONBOX_KEY_PASSPHRASE="first passphrase")
    assert (wrong.returncode, "is not its passphrase" in wrong.stderr) == (1, True)
    for one in (refused, done, changed, listed, wrong):
        assert "first passphrase" not in one.stdout + one.stderr


def test_a_passphrase_file_that_cannot_be_used_says_so(tmp_path: Path, store: SqliteStore) -> None:
    done = falconbox(tmp_path, "keys", "encrypt", "--old-passphrase-file", "nowhere", FALCONBOX_KEY_PASSPHRASE="p")
    assert (done.returncode, "--old-passphrase-file cannot read nowhere" in done.stderr) == (2, True)
