"""Signing keys: one algorithm each, shared by all nodes through the store, and refused when they are not whole."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from falconbox.authentication.bearer import BearerAuthentication
from falconbox.compiling import PolicyCompiler
from falconbox.errors import CredentialsRejected, StartupError, StoreUnavailable
from falconbox.model import Client
from falconbox.oauth import schedule
from falconbox.oauth.algorithms import ALGORITHMS, EDDSA, ES256, RS256, RSA_BITS, Algorithm
from falconbox.oauth.key_records import KIND, SigningKey, key_body, new_key
from falconbox.oauth.keys import KeySet, SigningKeys
from falconbox.oauth.schedule import State
from falconbox.oauth.sealing import PLAIN
from falconbox.oauth.tokens import AccessTokens
from falconbox.setting_values import TOKEN_ALGORITHMS
from falconbox.snapshot import Snapshot
from falconbox.store.sqlite import SqliteStore
from falconbox.world import World

ISSUER = "https://box.example"
CLIENT = Client(
    id="me", version=1, generation="g1", active=True, grant_types=frozenset({"client_credentials"}), secrets=(),
    token_lifetime=3600, audiences=None, public={"id": "me"}, updated_at=0.0,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store")
    yield store
    store.close()


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_the_key_is_made_once_and_shared_by_all_nodes(store: SqliteStore, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "store")
    made, found = SigningKeys.open(store), SigningKeys.open(other)
    assert made.signing.kid == found.signing.kid
    assert store.find(KIND).total == 1
    token, claims, _ = AccessTokens(made, ISSUER).issue(CLIENT, "s")
    assert AccessTokens(found, ISSUER).verify(token) == claims
    other.close()


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_a_token_is_signed_by_the_algorithm_of_the_key_and_verified_by_others(
    store: SqliteStore, algorithm: Algorithm
) -> None:
    keys = SigningKeys.open(store, algorithm)
    token, claims, kid = AccessTokens(SigningKeys.open(store), ISSUER).issue(CLIENT, "s")
    assert jwt.get_unverified_header(token)["alg"] == algorithm.name
    (published,) = jwt.PyJWKSet.from_dict(keys.jwk_set()).keys
    assert (published.key_id, published.public_key_use, published.algorithm_name) == (kid, "sig", algorithm.name)
    assert jwt.decode(token, published, algorithms=[algorithm.name], audience=ISSUER) == claims


def test_what_is_published_of_a_key_is_its_public_half_and_nothing_else(store: SqliteStore) -> None:
    for algorithm, members in ((ES256, {"crv", "x", "y"}), (RS256, {"n", "e"}), (EDDSA, {"crv", "x"})):
        (jwk,) = KeySet([new_key(algorithm, 0.0, 0.0)]).jwk_set(0.0)["keys"]
        assert jwk.keys() == {"kty", "kid", "use", "alg"} | members


def test_settings_offer_the_algorithms_that_there_are() -> None:
    assert tuple(ALGORITHMS) == TOKEN_ALGORITHMS
    assert RS256.generate().key_size == RSA_BITS  # type: ignore[union-attr]


# RFC 7638 section 3.1 and RFC 8037 appendix A.3, from the standard forms of the keys in them.
RFC_7638 = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX
ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS
oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt
7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0
zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f
M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK
gwIDAQAB
-----END PUBLIC KEY-----
"""


def test_thumbprints_are_those_of_the_rfcs() -> None:
    rsa_key = load_pem_public_key(RFC_7638.encode())
    assert RS256.thumbprint(rsa_key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # type: ignore[arg-type]
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert (
        EDDSA.thumbprint(ed25519.Ed25519PublicKey.from_public_bytes(raw))
        == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def test_coordinates_that_begin_with_zeros_keep_them() -> None:
    """RFC 7518 section 6.2.1.2: 32 octets always; a shorter one would be another key's thumbprint for some readers."""
    short = next(
        key for number in itertools.count(1)
        if (key := ec.derive_private_key(number, ec.SECP256R1()).public_key()).public_numbers().x < 1 << 248
    )  # fmt: skip
    assert len(ES256.public_jwk(short)["x"]) == 43


CHANGES: list[dict[str, Any]] = [
    {"private_key": "x"}, {"private_key": None}, {"private_key": pem(ec.generate_private_key(ec.SECP384R1()))},
    {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, {"private_key": pem(ed25519.Ed25519PrivateKey.generate())},
    {"private_key": pem(x448.X448PrivateKey.generate())}, {"kid": "other"}, {"kid": None}, {"alg": "HS256"}, {"alg": "RS256"}, {"alg": []},
    {"created": "then"}, {"created": None}, {"signs_from": "nan"}, {"signs_from": {}},
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES)
def test_a_key_that_cannot_be_used_stops_the_start_without_showing_it(
    store: SqliteStore, changes: dict[str, Any]
) -> None:
    SigningKeys.open(store)
    record = store.get(KIND, "first")
    store.put(KIND, "first", {**record.body, **changes})
    with pytest.raises(StartupError, match="'first' in the store cannot be used") as raised:
        SigningKeys.open(store)
    assert "PRIVATE" not in str(raised.value)


@pytest.mark.parametrize(
    ("algorithm", "private"),
    [
        (RS256, rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        (EDDSA, ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_a_key_of_another_kind_or_too_short_stops_the_start(
    store: SqliteStore, algorithm: Algorithm, private: Any
) -> None:
    other = ES256 if algorithm is EDDSA else algorithm
    body = {
        "private_key": pem(private),
        "kid": other.thumbprint(private.public_key()),
        "alg": algorithm.name,
        "created": 1,
    }
    store.put(KIND, "first", body)
    with pytest.raises(StartupError):
        SigningKeys.open(store)


def test_a_key_from_before_keys_had_a_time_to_sign_from_signs_since_it_was_made(store: SqliteStore) -> None:
    made = SigningKeys.open(store).signing
    body = {name: value for name, value in store.get(KIND, "first").body.items() if name != "signs_from"}
    store.put(KIND, "first", body)
    assert SigningKeys.open(store).signing.signs_from == made.created


def key(signs_from: float, created: float = 0.0) -> SigningKey:
    return new_key(ES256, created, signs_from)


def test_a_key_signs_from_its_time_until_the_next_one_does_and_all_verify() -> None:
    first, second, third = key(0), key(100), key(200)
    keys = KeySet([third, first, second])
    for now, signing, states in (
        (-1, first, "signing next next"), (99.9, first, "signing next next"), (100, second, "verifying signing next"),
        (200, third, "verifying verifying signing"), (1e12, third, "verifying verifying signing"),
    ):  # fmt: skip
        assert keys.signing(now) is signing
        assert [state for _, state in schedule.states(schedule.in_turn([third, first, second]), now)] == [
            State(name) for name in states.split()
        ]
        assert keys.jwk_set(now)["keys"][0]["kid"] == signing.kid
        assert all(keys.verification(one.kid) is one for one in (first, second, third))
        assert len(keys.jwk_set(now)["keys"]) == 3


def test_of_two_keys_that_begin_together_all_nodes_choose_the_same() -> None:
    one, two = key(5), key(5)
    assert KeySet([one, two]).signing(5) is KeySet([two, one]).signing(5)


def test_without_any_key_nothing_is_signed_and_nothing_verifies() -> None:
    keys = SigningKeys()
    with pytest.raises(StoreUnavailable, match="no key"):
        AccessTokens(keys, ISSUER).issue(CLIENT, "s")
    assert (keys.jwk_set(), schedule.states([], 0)) == ({"keys": []}, [])


@pytest.fixture
def keys(store: SqliteStore) -> SigningKeys:
    return SigningKeys.open(store)


@pytest.fixture
def snapshot(store: SqliteStore, keys: SigningKeys) -> Snapshot:
    snapshot = Snapshot(store, PolicyCompiler({}), prepare=lambda world: keys.follow(world.keys))
    snapshot.refresh()
    return snapshot


def add(store: SqliteStore, key_id: str, made: SigningKey) -> None:
    store.put(KIND, key_id, key_body(made, PLAIN))


def test_a_running_node_follows_the_keys_in_the_store(
    store: SqliteStore, keys: SigningKeys, snapshot: Snapshot
) -> None:
    old = keys.signing
    new = key(old.signs_from + 1e-6)
    add(store, "2", new)
    assert keys.verification(new.kid) is None
    snapshot.refresh()
    assert (keys.signing.kid, keys.verification(old.kid), len(keys.current)) == (new.kid, old, 2)
    store.delete(KIND, "first")
    snapshot.refresh()
    assert keys.verification(old.kid) is None


def test_the_keys_that_have_not_changed_are_not_read_again(
    store: SqliteStore, keys: SigningKeys, snapshot: Snapshot
) -> None:
    old = keys.signing
    add(store, "2", key(time.time() + 100))
    snapshot.refresh()
    assert keys.signing is old


def test_a_key_that_cannot_be_read_is_not_taken_over_and_is_told_of(
    store: SqliteStore, keys: SigningKeys, snapshot: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    old = keys.signing
    store.put(KIND, "2", {**key_body(key(0.0), PLAIN), "kid": "planted"})
    snapshot.refresh()
    assert (keys.signing, len(keys.current), keys.unreadable) == (old, 1, 1)
    assert keys.verification("planted") is None
    assert "'2' in the store cannot be used" in caplog.text
    assert "PRIVATE" not in caplog.text
    store.delete(KIND, "2")
    snapshot.refresh()
    assert keys.unreadable == 0


def test_a_key_that_is_written_anew_in_a_way_that_cannot_be_read_goes_on_as_it_was(
    store: SqliteStore, keys: SigningKeys, snapshot: Snapshot
) -> None:
    """Its id is the digest of its public half, so it is the same key."""
    old = keys.signing
    store.put(KIND, "first", {**key_body(old, PLAIN), "private_key": "sealed by somebody"})
    snapshot.refresh()
    assert (keys.signing, keys.unreadable) == (old, 1)
    store.put(KIND, "first", {**key_body(key(0.0), PLAIN), "private_key": "another key"})
    snapshot.refresh()
    assert (len(keys.current), keys.unreadable) == (0, 1)


def test_the_tokens_of_a_key_end_with_it_although_they_have_been_seen_before(
    store: SqliteStore, keys: SigningKeys, snapshot: Snapshot
) -> None:
    tokens = AccessTokens(keys, ISSUER)
    bearer, world = BearerAuthentication(tokens), World(clients={"me": CLIENT})
    token = tokens.issue(CLIENT, "s").token
    assert bearer.authenticate(token, world).client is CLIENT
    add(store, "2", key(time.time()))
    snapshot.refresh()
    assert bearer.authenticate(token, world).client is CLIENT
    store.delete(KIND, "first")
    snapshot.refresh()
    with pytest.raises(CredentialsRejected, match="retired"):
        bearer.authenticate(token, world)
