"""What it costs to issue and to verify a token, by algorithm, beside bare PyJWT. `make bench` runs this.

Side by side, interleaved, medians of several rounds, processor time. Bare PyJWT signs the same claims and verifies the
same token with the same key; it checks signature, audience, issuer and expiry. We read the token strictly first, and
check every claim. Issuing with its session is what the token endpoint does once it knows the client: a durable write to
SQLite in a temporary folder, and here the time that passes. Accepting again is a request with a token that this process
has seen. Results go to benchmarks/results/tokens.json.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import jwt
from rounds import medians, write

from falconbox.authentication.bearer import BearerAuthentication
from falconbox.mapping import client_body, client_from_body
from falconbox.oauth.algorithms import ALGORITHMS
from falconbox.oauth.key_records import new_key
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.sessions import store_session
from falconbox.oauth.tokens import TYPE, AccessTokens
from falconbox.store import Store
from falconbox.store.sqlite import SqliteStore
from falconbox.world import World

ISSUER = "https://box.example"
CLIENT = client_from_body(
    client_body({"id": "app", "grant_types": ["client_credentials"]}, (), None), version=1, updated_at=0.0
)
WORLD = World(clients={"app": CLIENT})
SESSION = "issue, session"
COLUMNS = ("issue", "bare encode", "verify", "bare decode", SESSION, "accept again")


def actions(algorithm: str, store: Store) -> dict[str, Callable[[], object]]:
    key = new_key(ALGORITHMS[algorithm], created=0.0, signs_from=0.0)
    tokens = AccessTokens(SigningKeys([key]), ISSUER)
    bearer = BearerAuthentication(tokens)
    token, claims, kid = tokens.issue(CLIENT, "sid")
    headers = {"typ": TYPE, "kid": kid}

    def issue_with_session() -> None:
        issued = tokens.issue(CLIENT, str(uuid.uuid4()))
        store_session(store, issued.claims, issued.kid)

    assert tokens.verify(token) == claims
    assert bearer.authenticate(token, WORLD).client is CLIENT
    return {
        "issue": lambda: tokens.issue(CLIENT, "sid"),
        "bare encode": lambda: jwt.encode(claims, key.private, algorithm, headers=headers),
        "verify": lambda: tokens.verify(token),
        "bare decode": lambda: jwt.decode(token, key.public, [algorithm], audience=ISSUER, issuer=ISSUER),
        SESSION: issue_with_session,
        "accept again": lambda: bearer.authenticate(token, WORLD),
    }


def measure(store: Store) -> dict[str, dict[str, float]]:
    """Return microseconds by algorithm and action; all of them take turns in each round."""
    named = {(name, what): action for name in ALGORITHMS for what, action in actions(name, store).items()}
    waiting = {key: action for key, action in named.items() if key[1] == SESSION}
    found = medians({key: action for key, action in named.items() if key not in waiting}, time.process_time)
    found |= medians(waiting)
    return {name: {what: found[name, what] for what in COLUMNS} for name in ALGORITHMS}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store")
        results = measure(store)
        store.close()
    ratios = {
        name: {
            "issue": found["issue"] / found["bare encode"],
            "verify": found["verify"] / found["bare decode"],
        }
        for name, found in results.items()
    }
    print(f"{'':>7}" + "".join(f"{column:>16}" for column in COLUMNS) + "   (microseconds)")
    for name, found in results.items():
        print(f"{name:>7}" + "".join(f"{found[column]:>16.1f}" for column in COLUMNS))
    for name, found in results.items():
        rates = ", ".join(f"{what} {1e6 / found[what]:,.0f} a second" for what in ("issue", "verify"))
        costs = ", ".join(f"{what} {ratio:.2f} times bare PyJWT" for what, ratio in ratios[name].items())
        print(f"{name:>7}: {rates}; {costs}")
    write("tokens", {"microseconds": results, "times bare PyJWT": ratios})


if __name__ == "__main__":
    main()
