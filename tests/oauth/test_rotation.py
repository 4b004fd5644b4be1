"""Rotation: a key is published before it signs, and gone only when no token needs it. Cut short, nothing is half done."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falconbox.errors import Invalid, StartupError
from falconbox.oauth.algorithms import ALGORITHMS, EDDSA, ES256
from falconbox.oauth.key_records import KIND, key_body, new_key, read_key
from falconbox.oauth.key_status import described
from falconbox.oauth.keys import SigningKeys, stored_keys
from falconbox.oauth.retirement import SETTLED, retire, retire_spent
from falconbox.oauth.rotation import IN_A_HURRY, PUBLISHED_AHEAD, encrypt, rotate
from falconbox.oauth.sealing import PLAIN, Seal
from falconbox.oauth.sessions import revoke_session, store_session
from falconbox.oauth.tokens import LEEWAY
from falconbox.resources.well_known import CACHE
from falconbox.snapshot import RECONCILE_INTERVAL
from falconbox.store.sqlite import SqliteStore

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store", clock=clock)
    yield store
    store.close()


class Keys:
    """A store with a first key, and the commands on it."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.first = SigningKeys.open(store, clock=clock).signing.kid

    def rotate(self, *, at_once: bool = False) -> str:
        return rotate(self.store, ES256, PLAIN, at_once=at_once, now=self.clock.now).kid

    def retire(self, kid: str, *, force: bool = False) -> int:
        return retire(self.store, kid, force=force, now=self.clock.now).tokens.count

    def states(self) -> dict[str, str]:
        return {told["kid"]: told["state"] for told in described(self.store, PLAIN, self.clock.now)}

    def token(self, kid: str, sid: str, lifetime: int | None = 3600) -> None:
        claims: dict[str, Any] = {"client_id": "me", "aud": "a", "iat": int(self.clock.now), "sid": sid, "gen": "g"}
        if lifetime is not None:
            claims["exp"] = int(self.clock.now) + lifetime
        store_session(self.store, claims, kid)


@pytest.fixture
def keys(store: SqliteStore, clock: Clock) -> Keys:
    return Keys(store, clock)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(Invalid) as raised:
        action()
    return str(raised.value)


def test_a_key_is_published_for_longer_than_it_takes_all_readers_to_see_it() -> None:
    kept = int(re.search(r"max-age=(\d+)", CACHE).group(1))  # type: ignore[union-attr]
    assert kept + LEEWAY + RECONCILE_INTERVAL < PUBLISHED_AHEAD


def test_a_new_key_is_published_first_then_signs_and_the_old_one_goes_on_verifying(keys: Keys) -> None:
    new = keys.rotate()
    assert keys.states() == {keys.first: "signing", new: "next"}
    keys.clock.now += PUBLISHED_AHEAD - 1
    assert keys.states() == {keys.first: "signing", new: "next"}
    keys.clock.now += 1
    assert keys.states() == {keys.first: "verifying", new: "signing"}


def test_a_second_rotation_waits_for_the_first(keys: Keys) -> None:
    new = keys.rotate()
    assert f"{new} is published already and signs from 2027-01-15T08:10:00Z" in refusal(keys.rotate)
    keys.clock.now += PUBLISHED_AHEAD
    keys.rotate()
    assert sorted(keys.states().values()) == ["next", "signing", "verifying"]


def test_a_published_key_is_told_to_sign_at_once_instead_of_a_new_one(keys: Keys) -> None:
    new = keys.rotate()
    assert keys.rotate(at_once=True) == new
    keys.clock.now += IN_A_HURRY
    assert keys.states() == {keys.first: "verifying", new: "signing"}


def test_a_key_that_is_about_to_sign_is_not_put_off_by_haste(keys: Keys) -> None:
    new = keys.rotate()
    keys.clock.now += PUBLISHED_AHEAD - 0.5
    keys.rotate(at_once=True)
    keys.clock.now += 0.5
    assert keys.states()[new] == "signing"


def test_without_a_published_one_a_new_key_signs_in_a_hurry(keys: Keys) -> None:
    new = keys.rotate(at_once=True)
    assert keys.states() == {keys.first: "signing", new: "next"}
    keys.clock.now += IN_A_HURRY
    assert keys.states() == {keys.first: "verifying", new: "signing"}


def test_where_there_is_no_key_at_all_the_new_one_signs_at_once(store: SqliteStore) -> None:
    made = rotate(store, EDDSA, PLAIN, at_once=False, now=START)
    assert [(told["kid"], told["algorithm"], told["state"]) for told in described(store, PLAIN, START)] == [
        (made.kid, "EdDSA", "signing")
    ]


def test_of_rotations_at_the_same_moment_one_is_made(tmp_path: Path, clock: Clock) -> None:
    """Each reads the keys before any has written one."""
    stores = [SqliteStore(tmp_path / "store", clock=clock) for _ in range(4)]
    SigningKeys.open(stores[0], clock=clock)
    barrier, outcomes = threading.Barrier(len(stores)), []

    class Late:
        def __init__(self, store: SqliteStore) -> None:
            self._store = store

        def find(self, *arguments: Any, **options: Any) -> Any:
            found = self._store.find(*arguments, **options)
            barrier.wait(60)
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    def run(store: SqliteStore) -> None:
        try:
            outcomes.append(rotate(Late(store), ES256, PLAIN, at_once=False, now=START).kid)  # type: ignore[arg-type]
        except Invalid as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=run, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored_keys(stores[0])) == 2
    assert sum("another command" in outcome for outcome in outcomes) == 3
    for store in stores:
        store.close()


def test_a_promotion_and_a_retirement_at_the_same_moment_do_not_undo_each_other(keys: Keys) -> None:
    new = keys.rotate()

    class Overtaken:
        """Retires the key between the reading and the writing of another command."""

        def put(self, kind: str, *arguments: Any, **options: Any) -> Any:
            if kind == KIND:
                keys.retire(new)
            return keys.store.put(kind, *arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(keys.store, name)

    told = refusal(lambda: rotate(Overtaken(), ES256, PLAIN, at_once=True, now=START))  # type: ignore[arg-type]
    assert "another command" in told
    assert keys.states() == {keys.first: "signing"}


def test_the_key_that_signs_is_not_retired_unless_forced(keys: Keys) -> None:
    assert "it signs now" in refusal(lambda: keys.retire(keys.first))
    new = keys.rotate()
    assert "it signs now" in refusal(lambda: keys.retire(keys.first))
    keys.retire(keys.first, force=True)
    assert keys.states() == {new: "signing"}


def test_the_only_key_can_be_given_up_by_force_and_the_next_one_signs_at_once(keys: Keys) -> None:
    keys.retire(keys.first, force=True)
    assert keys.states() == {}
    assert keys.states() == {} != {keys.rotate(): "signing"} == keys.states()


def test_a_published_key_can_be_withdrawn_until_it_is_about_to_sign(keys: Keys) -> None:
    new = keys.rotate()
    keys.clock.now += PUBLISHED_AHEAD - LEEWAY + 1
    assert "about to sign" in refusal(lambda: keys.retire(new))
    keys.clock.now -= 2
    keys.retire(new)
    assert keys.states() == {keys.first: "signing"}


def rotated(keys: Keys) -> None:
    keys.rotate()
    keys.clock.now += PUBLISHED_AHEAD


def test_a_key_that_a_slow_node_may_still_sign_with_is_not_retired(keys: Keys) -> None:
    rotated(keys)
    keys.clock.now += SETTLED - 1
    assert "a node whose clock is behind" in refusal(lambda: keys.retire(keys.first))
    keys.clock.now += 1
    keys.retire(keys.first)


def test_a_key_stays_until_its_last_token_has_expired(keys: Keys) -> None:
    keys.token(keys.first, "a")
    keys.token(keys.first, "b", lifetime=7200)
    rotated(keys)
    keys.clock.now += SETTLED
    told = refusal(lambda: keys.retire(keys.first))
    assert "2 live tokens were signed with it, the last until 2027-01-15T10:00:00Z" in told
    assert "within five minutes" in told
    keys.clock.now = START + 3600
    assert "1 live token was signed" in refusal(lambda: keys.retire(keys.first))
    keys.clock.now = START + 7200
    assert keys.retire(keys.first) == 0


def test_a_token_that_never_expires_keeps_its_key_until_it_is_revoked(keys: Keys) -> None:
    keys.token(keys.first, "a", lifetime=None)
    rotated(keys)
    keys.clock.now += 10**8
    assert "some never expire" in refusal(lambda: keys.retire(keys.first))
    revoke_session(keys.store, keys.store.get("Session", "a"))  # type: ignore[arg-type]
    keys.retire(keys.first)


def test_force_says_how_many_tokens_it_ended(keys: Keys) -> None:
    for number in range(3):
        keys.token(keys.first, f"s{number}")
    rotated(keys)
    assert keys.retire(keys.first, force=True) == 3


def test_an_id_that_is_not_there_is_refused(keys: Keys) -> None:
    assert "there is no such key" in refusal(lambda: keys.retire("nope", force=True))


def test_all_spent_keys_go_together_and_no_other(keys: Keys, clock: Clock) -> None:
    rotated(keys)
    used = next(kid for kid, state in keys.states().items() if state == "signing")
    keys.token(used, "a", lifetime=10**6)
    rotated(keys)
    rotated(keys)
    waiting = keys.rotate()
    assert len(keys.states()) == 5
    clock.now += SETTLED
    assert {gone.name for gone in retire_spent(keys.store, now=clock.now)} >= {keys.first}
    assert used in keys.states()
    assert [state for kid, state in keys.states().items() if kid != used] == ["signing", "next"]
    assert waiting in keys.states()
    assert retire_spent(keys.store, now=clock.now) == []


def test_a_document_that_is_no_key_is_listed_and_removed_by_force(keys: Keys) -> None:
    keys.store.put(KIND, "7", {"what": "ever"})
    assert keys.states() == {keys.first: "signing", "7": "broken"}
    with pytest.raises(StartupError, match="keys retire 7 --force"):
        keys.rotate()
    assert "no key that can be read" in refusal(lambda: keys.retire("7"))
    keys.retire("7", force=True)
    assert keys.states() == {keys.first: "signing"}


STEPS = st.lists(
    st.sampled_from(["rotate", "hurry", "retire oldest", "retire newest", "spent", "wait", "wait long", "token"]),
    max_size=25,
)


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_whatever_is_done_without_force_every_live_token_verifies_and_there_is_a_key_that_signs(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    clock = Clock()
    store = SqliteStore(tmp_path_factory.mktemp("rotation") / "store", clock=clock)
    keys = Keys(store, clock)
    for number, step in enumerate(steps):
        order = list(keys.states())
        try:
            if step in ("rotate", "hurry"):
                keys.rotate(at_once=step == "hurry")
            elif step == "spent":
                retire_spent(store, now=clock.now)
            elif step.startswith("retire"):
                keys.retire(order[0 if "oldest" in step else -1])
            elif step == "token":
                signing = next(kid for kid, state in keys.states().items() if state == "signing")
                keys.token(signing, f"s{number}", lifetime=1000)
            else:
                clock.now += 3000 if "long" in step else 300
        except Invalid:
            pass
        states = keys.states()
        assert list(states.values()).count("signing") == 1
        live = {record.body["kid"] for record in store.find("Session", limit=1000).records}
        assert live <= states.keys()
    store.close()


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_an_encrypted_key_is_read_with_its_passphrase_alone_and_shows_nothing(
    store: SqliteStore, algorithm: Any
) -> None:
    seal = Seal("correct horse")
    made = SigningKeys.open(store, algorithm, seal).signing
    text = str(store.get(KIND, "first"))
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "correct" not in text
    assert SigningKeys.open(store, algorithm, seal).signing.kid == made.kid
    for other, told in (
        (Seal("wrong"), "is not its passphrase"),
        (PLAIN, "is encrypted: set FALCONBOX_KEY_PASSPHRASE"),
    ):
        with pytest.raises(StartupError, match=told):
            SigningKeys.open(store, algorithm, other)


def test_two_keys_under_one_passphrase_have_different_passwords(store: SqliteStore) -> None:
    made = new_key(ES256, START, START)
    one, two = key_body(made, Seal("p")), key_body(made, Seal("p"))
    assert one["kdf"]["salt"] != two["kdf"]["salt"]
    store.put(KIND, "first", {**one, "kdf": two["kdf"]})
    with pytest.raises(StartupError, match="is not its passphrase"):
        SigningKeys.open(store, ES256, Seal("p"))


@pytest.mark.parametrize(
    "kdf", [{}, None, {"name": "md5", "salt": "00"}, {"name": "argon2id-rfc9106-low-memory", "salt": "xyz"}]
)
def test_an_encrypted_key_that_is_damaged_stops_the_start(store: SqliteStore, kdf: Any) -> None:
    store.put(KIND, "first", {**key_body(new_key(ES256, START, START), Seal("p")), "kdf": kdf})
    with pytest.raises(StartupError, match="cannot be used"):
        SigningKeys.open(store, ES256, Seal("p"))


def test_a_plain_key_is_refused_where_there_is_a_passphrase(keys: Keys) -> None:
    """Whoever can write the store, and does not know the passphrase, can plant no key."""
    with pytest.raises(StartupError, match="run `falconbox keys encrypt`"):
        SigningKeys.open(keys.store, ES256, Seal("p"))


def test_a_rotation_without_the_passphrase_of_the_others_is_refused_and_makes_nothing(keys: Keys) -> None:
    for seal, told in ((Seal("p"), "keys encrypt"), (PLAIN, "set FALCONBOX_KEY_PASSPHRASE")):
        if seal is PLAIN:
            encrypt(keys.store, Seal("p"), None)
        with pytest.raises(StartupError, match=told):
            rotate(keys.store, ES256, seal, at_once=False, now=START)
        assert len(stored_keys(keys.store)) == 1


def seals(store: SqliteStore, *candidates: Seal) -> list[int]:
    found = []
    for record in stored_keys(store):
        for number, seal in enumerate(candidates):
            try:
                read_key(record, seal)
            except StartupError:
                continue
            found.append(number)
    return found


def test_keys_are_encrypted_and_their_passphrase_is_changed_without_changing_anything_else(keys: Keys) -> None:
    new, before = keys.rotate(), keys.states()
    one, two = Seal("one"), Seal("two")
    assert set(encrypt(keys.store, one, None)) == {keys.first, new}
    assert encrypt(keys.store, one, None) == []
    with pytest.raises(StartupError, match="is not its passphrase"):
        encrypt(keys.store, two, Seal("three"))
    assert seals(keys.store, PLAIN, one, two) == [1, 1]
    encrypt(keys.store, two, one)
    assert seals(keys.store, PLAIN, one, two) == [2, 2]
    assert keys.states() == before


def test_a_change_of_passphrase_that_is_cut_short_can_be_repeated(keys: Keys) -> None:
    keys.rotate()
    one, two = Seal("one"), Seal("two")
    encrypt(keys.store, one, None)

    class CutShort:
        def __init__(self) -> None:
            self.left = 1

        def put(self, kind: str, *arguments: Any, **options: Any) -> Any:
            if kind == KIND and self.left == 0:
                raise KeyboardInterrupt
            self.left -= kind == KIND
            return keys.store.put(kind, *arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(keys.store, name)

    with pytest.raises(KeyboardInterrupt):
        encrypt(CutShort(), two, one)  # type: ignore[arg-type]
    assert sorted(seals(keys.store, PLAIN, one, two)) == [1, 2]
    with pytest.raises(StartupError):
        SigningKeys.open(keys.store, ES256, two)
    assert len(encrypt(keys.store, two, one)) == 1
    assert len(SigningKeys.open(keys.store, ES256, two).current) == 2


def test_a_running_node_goes_on_with_keys_that_are_encrypted_under_it(keys: Keys, clock: Clock) -> None:
    """It holds them already, and their ids say that they are the same; a new one it could not read."""
    running = SigningKeys.open(keys.store, clock=clock)
    encrypt(keys.store, Seal("p"), None)
    running.follow({record.id: record for record in stored_keys(keys.store)})
    assert (running.signing.kid, running.unreadable) == (keys.first, 1)
    rotate(keys.store, ES256, Seal("p"), at_once=True, now=START)
    clock.now += IN_A_HURRY
    running.follow({record.id: record for record in stored_keys(keys.store)})
    assert (running.signing.kid, running.unreadable) == (keys.first, 2)
    restarted = SigningKeys.open(keys.store, ES256, Seal("p"), clock=clock)
    assert (len(restarted.current), restarted.unreadable) == (2, 0)
