"""Keys rotate while tokens are issued and used, on one node and on two: no request is lost."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import jwt
import pytest

import serving
from ports import free_port
from serving import Box
from waiting import until

pytestmark = pytest.mark.blackbox
ISSUER = "http://box.example"
CLIENT = {
    "id": "app",
    "secret": "a secret of the load test",
    "grant_types": ["client_credentials"],
}
POLICY = {"id": "app-reads", "engine": "allow", "link": [{"reference": "Client/app"}]}
"""Seconds for what is published to take a fraction of one: a test does not depend on how fast the machine is."""


def command(folder: Path, *arguments: str, **environ: str) -> Any:
    """Run `falconbox keys ... -o json` beside the service, and return what it prints."""
    call = [sys.executable, "-m", "falconbox", "keys", *arguments, "-o", "json"]
    done = subprocess.run(
        call, cwd=folder, env=serving.environment(**environ), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def nodes(folder: Path, count: int, **environ: str) -> Iterator[list[Box]]:
    """Run some services on one store."""
    with contextlib.ExitStack() as stack:
        boxes = []
        for _ in range(count):
            box = serving.start(folder, "--public-url", ISSUER, environ=serving.environment(**environ))
            stack.callback(box.stop)
            boxes.append(box)
        yield boxes


def published(box: Box) -> list[str]:
    """Return the ids of the keys that a node publishes, the signing one first."""
    return [key["kid"] for key in box.ask("GET", "/.well-known/jwks.json").json["keys"]]


def until_published(kid: str, boxes: list[Box]) -> None:
    until(lambda: all(kid in published(box) for box in boxes))


def changes(box: Box) -> list[tuple[str, str, str]]:
    """Return the changes of keys that have been written down: what, of which key, by whom."""
    return [
        (record["code"], record["resource"].removeprefix("SigningKey/"), record["actor"]["by"])
        for record in box.log()
        if record["kind"] == "change" and record["resource"].startswith("SigningKey/")
    ]


def token(box: Box) -> str:
    answer = box.ask("POST", "/auth/token", "grant_type=client_credentials", auth=f"app:{CLIENT['secret']}",
                     media="application/x-www-form-urlencoded")  # fmt: skip
    assert answer.status == 200, answer
    return str(answer.json["access_token"])


class Load:
    """Threads that get tokens from any node and use them on every one, old ones too."""

    def __init__(self, boxes: list[Box], threads: int) -> None:
        self.lost: list[str] = []
        self.used = 0
        self.kids: set[str] = set()
        self._boxes = boxes
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, kid: str) -> None:
        """Return when a token of a key has been got and used."""
        until(lambda: kid in self.kids or bool(self.lost))

    def _run(self, number: int) -> None:
        held: list[str] = []
        turn = number
        while not self._done.is_set():
            turn += 1
            try:
                held = [*held[-3:], token(self._boxes[turn % len(self._boxes)])]
                for one in held:
                    for box in self._boxes:
                        answer = box.ask("GET", "/Patient", auth=one)
                        if answer.status != 200:
                            self.lost.append(f"{jwt.get_unverified_header(one)} {answer}")
                        self.used += 1
                self.kids.add(jwt.get_unverified_header(held[-1])["kid"])
            except Exception as error:
                self.lost.append(repr(error))


@pytest.mark.parametrize("count", [1, 2])
def test_no_request_is_lost_while_keys_rotate_under_load(tmp_path: Path, count: int) -> None:
    """Each key is published on every node before it signs; what it has signed verifies everywhere until it is retired."""
    with nodes(tmp_path, count) as boxes:
        boxes[0].admin("POST", "/Client", CLIENT)
        boxes[0].admin("POST", "/AccessPolicy", POLICY)
        until(lambda: all(box.ask("GET", "/Patient", auth=token(boxes[0])).status == 200 for box in boxes))
        rounds = []
        with Load(boxes, threads=3) as load:
            for algorithm in ("EdDSA", "RS256", "ES256"):
                kid = command(tmp_path, "rotate", "--token-algorithm", algorithm)["kid"]
                until_published(kid, boxes)
                assert kid not in load.kids
                command(tmp_path, "rotate", "--now")
                load.wait_for(kid)
                rounds.append(kid)
            before = load.used
            until(lambda: load.used > before + 20 or bool(load.lost))
        assert load.lost == []
        assert load.kids >= set(rounds)
        assert load.used > 50
        assert {key["kid"]: key["state"] for key in command(tmp_path, "list")}[rounds[-1]] == "signing"


def test_a_node_that_starts_in_the_middle_of_a_rotation_does_as_the_others_do(tmp_path: Path) -> None:
    with nodes(tmp_path, 1) as (old,):
        old.admin("POST", "/Client", CLIENT)
        old.admin("POST", "/AccessPolicy", POLICY)
        kid = command(tmp_path, "rotate")["kid"]
        until_published(kid, [old])
        with nodes(tmp_path, 1) as (new,):
            assert published(new) == published(old)
            command(tmp_path, "rotate", "--now")
            until(lambda: published(new)[0] == published(old)[0] == kid)
            for one, other in ((old, new), (new, old)):
                assert other.ask("GET", "/Patient", auth=token(one)).status == 200


def test_a_retired_key_ends_its_tokens_on_every_node_within_the_published_time(tmp_path: Path) -> None:
    with nodes(tmp_path, 2) as (one, two):
        one.admin("POST", "/Client", CLIENT)
        one.admin("POST", "/AccessPolicy", POLICY)
        first = published(one)[0]
        old = token(one)
        assert jwt.get_unverified_header(old)["kid"] == first
        until(lambda: two.ask("GET", "/Patient", auth=old).status == 200)
        kid = command(tmp_path, "rotate", "--now")["kid"]
        until(lambda: published(one)[0] == published(two)[0] == kid)
        assert two.ask("GET", "/Patient", auth=old).status == 200
        assert command(tmp_path, "retire", first, "--force") == [{"kid": first, "tokens": 1}]
        until(lambda: published(one) == published(two) == [kid])
        assert [box.ask("GET", "/Patient", auth=old).status for box in (one, two)] == [401, 401]
        assert two.ask("GET", "/Patient", auth=token(one)).status == 200
        until(lambda: len(changes(one)) == 3)
        assert changes(one) == [
            ("key-made", first, "falconbox"),
            ("key-made", kid, "command"),
            ("key-retired", first, "command"),
        ]
        assert "PRIVATE KEY" not in one.output() + one.errors()


def test_a_command_that_is_killed_anywhere_leaves_keys_that_every_node_can_use(tmp_path: Path) -> None:
    """kill -9 at twelve moments of rotations, some before, some after, some in the middle of the write."""
    with nodes(tmp_path, 1) as (box,):
        box.admin("POST", "/Client", CLIENT)
        box.admin("POST", "/AccessPolicy", POLICY)
        for moment in range(12):
            call = [sys.executable, "-m", "falconbox", "keys", "rotate", *(["--now"] if moment % 2 else [])]
            process = subprocess.Popen(call, cwd=tmp_path, env=serving.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2 + moment * 0.06)
            process.kill()
            process.wait(60)
            assert box.ask("GET", "/Patient", auth=token(box)).status == 200
        listed = command(tmp_path, "list")
        assert [key["state"] for key in listed].count("signing") == 1
        assert all(key["problem"] is None for key in listed)
        until(lambda: set(published(box)) == {key["kid"] for key in listed})
        assert box.ask("GET", "/readyz").json["checks"]["keys"]["ok"]
    with nodes(tmp_path, 1) as (box,):
        assert box.ask("GET", "/Patient", auth=token(box)).status == 200


def test_without_its_passphrase_the_service_does_not_start_and_says_what_to_do(tmp_path: Path) -> None:
    def start(**environ: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "falconbox", "serve", "--port", str(free_port())]
        env = serving.environment(**environ)
        return subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    with nodes(tmp_path, 1, FALCONBOX_KEY_PASSPHRASE="the right one") as (box,):
        kids = published(box)
        stored = b"".join(path.read_bytes() for path in (tmp_path / ".falconbox").iterdir())
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in stored
        assert b"BEGIN PRIVATE KEY" not in stored
        assert b"the right one" not in stored
    for environ, told in (({}, "is encrypted: set FALCONBOX_KEY_PASSPHRASE"),
                          ({"FALCONBOX_KEY_PASSPHRASE": "the wrong one"}, "is not its passphrase")):  # fmt: skip
        done = start(**environ)
        assert (done.returncode, told in done.stderr) == (2, True)
        assert "Traceback" not in done.stderr
        assert "the wrong one" not in done.stderr
    with nodes(tmp_path, 1, FALCONBOX_KEY_PASSPHRASE="the right one") as (box,):
        assert published(box) == kids
