"""Whoever floods the service with wrong credentials is stopped, and locks out nobody who is known."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.throttle import PER_ADDRESS, PER_CLIENT, PER_CLIENT_AND_ADDRESS, Throttle
from falconbox.authentication.verification import CredentialVerifier
from falconbox.errors import TooManyAttempts
from falconbox.model import Client, StoredSecret

SECRET = "correct horse battery"
ATTACKER, OTHER = "192.0.2.66", "198.51.100.1"
LIMIT = PER_CLIENT_AND_ADDRESS.amount


class PlainHasher(SecretHasher):
    """Counts like the real one, and costs nothing."""

    def hash(self, secret: str, *, beside: str | None = None) -> str:
        return f"hash of {secret}"

    def find(self, hashes: Sequence[str], secret: str, *, patient: bool = True) -> str | None:
        self.slow_verifications += 1
        return self.hash(secret) if self.hash(secret) in hashes else None


def client(client_id: str = "me", version: int = 1) -> Client:
    return Client(client_id, version, "g", active=True, grant_types=frozenset({"basic"}), secrets=(StoredSecret("1", f"hash of {SECRET}"),),
                  token_lifetime=None, audiences=None, public={"id": client_id}, updated_at=0.0)  # fmt: skip


@pytest.fixture
def hasher() -> PlainHasher:
    return PlainHasher()


@pytest.fixture
def verifier(hasher: PlainHasher) -> CredentialVerifier:
    return CredentialVerifier(hasher)


def tried(
    verifier: CredentialVerifier, secret: str, address: str, known: Client | None = None, **more: Any
) -> bool | str:
    known = known or client()
    more = {"permitted": True, **more}
    try:
        return verifier.verify(
            "basic", more.pop("client_id", known.id), secret, more.pop("known", known), address=address, **more
        )
    except TooManyAttempts as refusal:
        assert 1 <= refusal.retry_after <= 60
        return "throttled"


def test_guesses_beyond_the_limit_are_not_verified(verifier: CredentialVerifier, hasher: PlainHasher) -> None:
    answers = [tried(verifier, f"guess {number}", ATTACKER) for number in range(LIMIT + 20)]
    assert answers == [False] * LIMIT + ["throttled"] * 20
    assert hasher.slow_verifications == LIMIT
    assert tried(verifier, SECRET, ATTACKER) == "throttled", "a right guess must not be told from a wrong one"


def test_a_caller_who_was_right_before_is_let_in_beside_an_attacker_at_the_same_address(
    verifier: CredentialVerifier, hasher: PlainHasher
) -> None:
    assert tried(verifier, SECRET, ATTACKER) is True
    for number in range(3 * PER_ADDRESS.amount):
        tried(verifier, f"guess {number}", ATTACKER, client(f"client-{number % 100}"))
        tried(verifier, f"guess {number}", ATTACKER)
    before = hasher.slow_verifications
    assert tried(verifier, SECRET, ATTACKER) is True
    assert hasher.slow_verifications == before
    # Also when it is no longer remembered as proven, so that it is verified anew.
    assert tried(verifier, SECRET, ATTACKER, client(version=2)) is True
    assert hasher.slow_verifications == before + 1


def test_a_caller_at_another_address_is_let_in_however_many_addresses_attack(verifier: CredentialVerifier) -> None:
    for number in range(PER_CLIENT.amount):
        assert tried(verifier, f"guess {number}", f"192.0.2.{number % 200}") is False
    for number in range(30):
        address = f"192.0.2.{number}"
        assert tried(verifier, f"another {number}", address) == "throttled"
    assert tried(verifier, SECRET, OTHER) is True


def test_another_client_at_the_address_of_an_attacker_is_let_in(verifier: CredentialVerifier) -> None:
    for number in range(10 * LIMIT):
        tried(verifier, f"guess {number}", ATTACKER)
    assert tried(verifier, SECRET, ATTACKER, client("another")) is True


def test_one_address_cannot_try_one_guess_on_each_of_many_clients(
    verifier: CredentialVerifier, hasher: PlainHasher
) -> None:
    answers = [tried(verifier, "123456", ATTACKER, client_id=f"client-{number}", known=None) for number in range(500)]
    assert answers.count("throttled") == 500 - PER_ADDRESS.amount
    assert hasher.slow_verifications == PER_ADDRESS.amount


def test_clients_that_are_unknown_are_throttled_like_those_that_are_not() -> None:
    outcomes = set()
    for known in (client(), None, client()):
        verifier = CredentialVerifier(PlainHasher())
        permitted = known is not None
        outcomes.add(
            tuple(
                tried(verifier, f"guess {number}", ATTACKER, client_id="me", known=known, permitted=permitted)
                for number in range(LIMIT + 5)
            )
        )
    assert len(outcomes) == 1


def test_the_same_wrong_credentials_again_cost_nothing_and_count_once(
    verifier: CredentialVerifier, hasher: PlainHasher
) -> None:
    assert [tried(verifier, "stale", ATTACKER) for _ in range(100)] == [False] * 100
    assert hasher.slow_verifications == 1


def test_what_was_wrong_is_tried_anew_when_the_client_has_changed(verifier: CredentialVerifier) -> None:
    assert tried(verifier, SECRET, OTHER, permitted=False) is False
    assert tried(verifier, SECRET, OTHER, client(version=2)) is True


def test_what_is_right_for_one_use_says_nothing_about_another(
    verifier: CredentialVerifier, hasher: PlainHasher
) -> None:
    assert verifier.verify("basic", "me", SECRET, client(), permitted=True, address=OTHER)
    assert not verifier.verify("client_credentials", "me", SECRET, client(), permitted=False, address=OTHER)
    assert hasher.slow_verifications == 2


def test_all_addresses_of_an_ipv6_network_are_one_and_an_id_cannot_pass_for_another() -> None:
    throttle = Throttle()
    for number in range(LIMIT):
        throttle.count("me", f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        throttle.check("me", "2001:db8::ffff:1")
    throttle.check("me", "2001:db8:0:1::1")
    throttle.check("me/2001:db8::", "2001:db8::1")
    throttle.check("", "no address")
    throttle.check("\ud800" * 10_000, "fe80::1%eth0")


class SlowHasher(PlainHasher):
    """Verifies when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def find(self, hashes: Sequence[str], secret: str, *, patient: bool = True) -> str | None:
        assert self.go.wait(60)
        return super().find(hashes, secret, patient=patient)


def test_one_verification_answers_all_who_ask_the_same_at_the_same_time() -> None:
    hasher = SlowHasher()
    verifier = CredentialVerifier(hasher)
    answers: list[bool | str] = []
    threads = [threading.Thread(target=lambda: answers.append(tried(verifier, SECRET, OTHER))) for _ in range(16)]
    for thread in threads:
        thread.start()
    hasher.go.set()
    for thread in threads:
        thread.join()
    assert answers == [True] * 16
    assert hasher.slow_verifications == 1


def test_when_too_many_wait_the_unfamiliar_are_turned_away_and_the_familiar_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasher = SecretHasher(queue=2)
    started, go = threading.Semaphore(0), threading.Event()

    def held(*_: Any) -> str:
        started.release()
        assert go.wait(60)
        return secret_hash

    secret_hash = hasher.hash(SECRET)
    monkeypatch.setattr(hasher, "_compute", held)
    monkeypatch.setattr(hasher, "_slots", threading.BoundedSemaphore(2))
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(hasher.verify(secret_hash, SECRET))) for _ in range(3)]
    for thread in threads[:2]:
        thread.start()
    assert started.acquire(timeout=60)
    assert started.acquire(timeout=60)
    with pytest.raises(TooManyAttempts):
        hasher.verify(secret_hash, SECRET, patient=False)
    threads[2].start()
    go.set()
    for thread in threads:
        thread.join()
    assert answers == [True] * 3
    assert hasher.verify(secret_hash, SECRET, patient=False), "whoever has been turned away may come again"
