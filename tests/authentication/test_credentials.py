"""Credentials are none, right, or wrong; wrong ones cost the same and look the same, whatever is wrong with them."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falconbox.authentication import Authenticator
from falconbox.authentication import secrets as secrets_module
from falconbox.authentication.basic import read_credentials
from falconbox.authentication.memory import Memory, digest
from falconbox.authentication.secrets import SecretHasher, generate_secret, is_hash
from falconbox.authentication.verification import CredentialVerifier
from falconbox.errors import CredentialsRejected, Malformed, TooManyAttempts
from falconbox.model import ANONYMOUS, Client, StoredSecret
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.tokens import AccessTokens
from falconbox.store.sqlite import SqliteStore
from falconbox.world import World

SECRET = "correct horse battery"
ADDRESS = "192.0.2.1"
HASHER = SecretHasher()
HASH = HASHER.hash(SECRET)


def client(client_id: str, **fields: Any) -> Client:
    known: dict[str, Any] = {
        "version": 1,
        "generation": "g",
        "active": True,
        "grant_types": frozenset({"basic", "client_credentials"}),
        "secrets": (StoredSecret("1", HASH),),
        "token_lifetime": 3600,
        "audiences": None,
        "public": {"id": client_id},
        "updated_at": 0.0,
    }
    return Client(client_id, **{**known, **fields})


OLD = "the secret before"
ROTATED = (
    StoredSecret("2", HASH, 2.0),
    StoredSecret("1", HASHER.hash(OLD, beside=HASH), 1.0, expires=4e9),
    StoredSecret("0", HASHER.hash("long ago", beside=HASH), 0.0, expires=1.0),
)
CLIENTS = {
    "good": client("good"),
    "two": client("two", secrets=ROTATED),
    "two-inactive": client("two-inactive", secrets=ROTATED, active=False),
    "two-no-basic": client("two-no-basic", secrets=ROTATED, grant_types=frozenset({"client_credentials"})),
    "two-recipes": client("two-recipes", secrets=(StoredSecret("2", HASH), StoredSecret("1", HASHER.hash(OLD)))),
    "expired": client("expired", secrets=ROTATED[2:]),
    "digest": client(
        "digest", secrets=(StoredSecret("1", HASHER.hash_sha256(hashlib.sha256(OLD.encode()).hexdigest())),)
    ),
    "inactive": client("inactive", active=False),
    "no-secret": client("no-secret", secrets=()),
    "broken-hash": client("broken-hash", secrets=(StoredSecret("1", "$argon2id$broken"),)),
    "no-basic": client("no-basic", grant_types=frozenset({"client_credentials"})),
}
WORLD = World(clients=CLIENTS)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccessTokens]:
    store = SqliteStore(tmp_path_factory.mktemp("keys") / "store")
    yield AccessTokens(SigningKeys.open(store), "https://box")
    store.close()


@pytest.fixture
def hasher() -> SecretHasher:
    return SecretHasher()


@pytest.fixture
def authenticator(hasher: SecretHasher, tokens: AccessTokens) -> Authenticator:
    return Authenticator(CredentialVerifier(hasher), tokens)


def basic(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    return "Basic " + base64.b64encode(data).decode()


def test_without_credentials_the_caller_is_anonymous(authenticator: Authenticator) -> None:
    assert authenticator.authenticate(None, WORLD, ADDRESS) is ANONYMOUS


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_right_secret_makes_the_caller_known(authenticator: Authenticator, scheme: str) -> None:
    caller = authenticator.authenticate(basic(f"good:{SECRET}").replace("Basic", scheme), WORLD, ADDRESS)
    assert (caller.client, caller.session, caller.claims) == (CLIENTS["good"], None, None)


FAILURES = {
    "unknown client": f"nobody:{SECRET}", "wrong secret": "good:wrong", "empty secret": "good:", "empty id": f":{SECRET}",
    "inactive": f"inactive:{SECRET}", "no secret": f"no-secret:{SECRET}", "broken hash": f"broken-hash:{SECRET}",
    "grant missing, right secret": f"no-basic:{SECRET}", "grant missing, wrong secret": "no-basic:wrong",
    "two secrets, wrong": "two:wrong", "two secrets, one expired": "two:long ago", "all secrets expired": "expired:long ago",
    "two secrets, inactive": f"two-inactive:{OLD}", "two secrets, grant missing": f"two-no-basic:{OLD}",
    "two secrets of two recipes, the second": f"two-recipes:{OLD}", "a digest instead of its secret": "digest:" + hashlib.sha256(OLD.encode()).hexdigest(),
    "wrong for a digest": "digest:wrong", "operators": '{"$ne":null}:{"$ne":null}', "another normal form": f"go\u030aod:{SECRET}", "a space": f" good:{SECRET}",
}  # fmt: skip


@pytest.mark.parametrize("text", [f"two:{SECRET}", f"two:{OLD}", f"two-recipes:{SECRET}", f"digest:{OLD}"])
def test_every_live_secret_is_right_at_the_cost_of_one_verification(
    authenticator: Authenticator, hasher: SecretHasher, text: str
) -> None:
    for _ in range(3):
        assert authenticator.authenticate(basic(text), WORLD, ADDRESS).client is CLIENTS[text.partition(":")[0]]
    assert hasher.slow_verifications == 1


def test_a_secret_that_was_right_is_not_remembered_beyond_its_end(hasher: SecretHasher) -> None:
    wall, run = Clock(), Clock()
    ending = client("good", secrets=(StoredSecret("1", HASH, expires=wall.now + 5),))
    verifier = CredentialVerifier(hasher, wall)
    verifier._proven._clock = verifier._refuted._clock = verifier._familiar._clock = run

    def tried() -> bool:
        return verifier.verify("basic", "good", SECRET, ending, permitted=True, address=ADDRESS)

    assert tried()
    wall.now, run.now = wall.now + 4.9, run.now + 4.9
    assert tried()
    assert hasher.slow_verifications == 1
    wall.now, run.now = wall.now + 0.2, run.now + 0.2
    assert not tried()
    assert hasher.slow_verifications == 2


@pytest.mark.parametrize("text", FAILURES.values(), ids=FAILURES)
def test_every_failure_costs_exactly_one_slow_verification_and_the_same_again_none(
    authenticator: Authenticator, hasher: SecretHasher, text: str
) -> None:
    for number, varied in enumerate((text, text + "2", text + "3"), 1):
        for _ in range(3):
            with pytest.raises(CredentialsRejected):
                authenticator.authenticate(basic(varied), WORLD, ADDRESS)
            assert hasher.slow_verifications == number


def test_a_proven_secret_is_not_verified_again_while_it_is_remembered(
    authenticator: Authenticator, hasher: SecretHasher
) -> None:
    for _ in range(5):
        authenticator.authenticate(basic(f"good:{SECRET}"), WORLD, ADDRESS)
    assert hasher.slow_verifications == 1


def test_what_is_remembered_of_a_secret_is_void_when_its_client_changes(
    authenticator: Authenticator, hasher: SecretHasher
) -> None:
    authenticator.authenticate(basic(f"good:{SECRET}"), WORLD, ADDRESS)
    changed = World(clients={"good": client("good", version=2, secrets=(StoredSecret("2", HASHER.hash("another")),))})
    with pytest.raises(CredentialsRejected):
        authenticator.authenticate(basic(f"good:{SECRET}"), changed, ADDRESS)
    switched_off = World(clients={"good": client("good", version=3, active=False)})
    with pytest.raises(CredentialsRejected):
        authenticator.authenticate(basic(f"good:{SECRET}"), switched_off, ADDRESS)
    assert hasher.slow_verifications == 3


MALFORMED = [
    "Basic", "Basic ", "Basic !!!", "Basic Zm9v", basic(b"\xff:x"), basic("good"), basic(f"good:{SECRET}\n"), basic(f"go\0od:{SECRET}"),
    basic(f"good:{SECRET}\x7f"), "Basic  " + basic(f"good:{SECRET}")[6:], basic(f"good:{SECRET}") + " ", basic("a:b") + "=",
    basic(b"\xfb\xff:x").replace("+", "-").replace("/", "_"), "Digest username=good", "good", "", "Bearer", "Bearer ", "Bearer x",
    "Bearer a.b.c", "Bearer  a.b.c", "Basic YTpi ", "Basic\tYTpi", "Basic YTpj\n", "Basic YTpiMQ=", "Basic YTpiMR==",
]  # fmt: skip


@pytest.mark.parametrize("header", MALFORMED)
def test_a_header_that_is_wrong_in_form_is_rejected_without_a_slow_verification(
    authenticator: Authenticator, hasher: SecretHasher, header: str
) -> None:
    with pytest.raises(CredentialsRejected):
        authenticator.authenticate(header, WORLD, ADDRESS)
    assert hasher.slow_verifications == 0


@pytest.mark.parametrize("second", ["Basic YTpi", "Bearer a.b.c", "x"])
def test_two_headers_joined_by_a_server_are_malformed(authenticator: Authenticator, second: str) -> None:
    with pytest.raises(Malformed):
        authenticator.authenticate(f"{basic(f'good:{SECRET}')}, {second}", WORLD, ADDRESS)


@given(st.text(max_size=60))
def test_whatever_is_sent_as_credentials_is_read_or_rejected(text: str) -> None:
    for header in (text, f"Basic {text}", f"Bearer {text}"):
        try:
            _AUTHENTICATOR.authenticate(header, World(), ADDRESS)
        except (CredentialsRejected, Malformed, TooManyAttempts) as refusal:
            assert refusal.detail
        else:
            pytest.fail("nobody is known, and somebody was let in")


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=":"), max_size=20),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20),
)
def test_credentials_have_one_spelling_and_it_reads_back(client_id: str, secret: str) -> None:
    encoded = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    assert read_credentials(encoded) == (client_id, secret)
    for other in (encoded.rstrip("="), encoded + "=", f" {encoded}", encoded[:-1] + chr(ord(encoded[-1]) + 1)):
        if other != encoded:
            try:
                assert read_credentials(other) != (client_id, secret)
            except CredentialsRejected as refusal:
                assert refusal.detail


class _Unused(SecretHasher):
    def find(self, hashes: Sequence[str], secret: str, *, patient: bool = True) -> str | None:
        return None


@pytest.fixture(scope="module", autouse=True)
def _bind(tokens: AccessTokens) -> None:
    global _AUTHENTICATOR  # noqa: PLW0603  # hypothesis calls a function, and a fixture makes what it needs
    _AUTHENTICATOR = Authenticator(CredentialVerifier(_Unused()), tokens)


def test_what_is_remembered_is_forgotten_in_time_and_with_its_version() -> None:
    clock = Clock()
    memory = Memory(60.0, clock=clock)
    memory.add(digest("a", "s"), 1)
    assert memory.holds(digest("a", "s"), 1)
    assert not memory.holds(digest("a", "s"), 2)
    assert not memory.holds(digest("a", "t"), 1)
    clock.now += 60.0
    assert not memory.holds(digest("a", "s"), 1)


def test_what_is_remembered_is_bounded_and_holds_no_secret() -> None:
    memory = Memory(60.0, size=10)
    for number in range(12):
        memory.add(digest("a", f"secret-{number}"), 1)
    assert [memory.holds(digest("a", f"secret-{number}"), 1) for number in (0, 1, 2, 11)] == [False, False, True, True]
    assert not any(b"secret" in key for key in memory._entries)


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_different_credentials_are_remembered_apart(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) is (one == other)


def test_slow_hashes_are_bounded_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets_module.os, "cpu_count", lambda: 4)
    hasher = SecretHasher()
    running, most, lock = 0, 0, threading.Lock()
    compute = hasher._compute

    def counted(*arguments: Any) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return compute(*arguments)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(hasher, "_compute", counted)
    threads = [threading.Thread(target=hasher.verify, args=(HASH, "wrong")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 2
    assert hasher.slow_verifications == 8


def test_a_generated_secret_has_256_bits_in_characters_that_need_no_encoding() -> None:
    made = {generate_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 43 and secret.replace("-", "").replace("_", "").isalnum() for secret in made)


@pytest.mark.parametrize(
    "text",
    ["", "x", HASH.replace("m=19456", "m=019456"), f"sha256{HASH}", HASH[:-1] + "+", HASH.replace("m=19456", "m=4"), "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "A" * 43, HASH + "x" * 100, HASH.replace("m=19456", "m=9999999"),
     HASH.replace("t=2", "t=99"), HASH.replace("p=1", "p=99"), HASH.replace("v=19", "v=16"), "plaintext", f" {HASH}", f"{HASH}\n"],
    ids=range(15),  # the hash has another salt in every process
)  # fmt: skip
def test_a_hash_that_is_none_or_too_costly_is_not_accepted(text: str) -> None:
    assert not is_hash(text)


def test_a_hash_of_ours_is_accepted() -> None:
    assert is_hash(HASH)
    assert HASHER.verify(HASH, SECRET)
    assert not HASHER.verify(HASH, SECRET + "x")
    assert not HASHER.verify(None, SECRET)
