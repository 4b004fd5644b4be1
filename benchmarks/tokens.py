"""What it costs to issue and to verify a token, by algorithm, beside bare PyJWT. `make bench` runs this.

Side by side, interleaved, medians of several rounds, processor time. Bare PyJWT signs the same claims and verifies the
same token with the same key; it checks signature, audience, issuer and expiry. We read the token strictly first, and
check every claim. Issuing with its session is what the token endpoint does once it knows the client: a durable write to
SQLite in a temporary folder, and here the time that passes. Accepting again is a request with a token that this process
has seen. Results go to benchmarks/results/tokens.json, and docs/reference/tokens.svg is drawn from the rounded ones.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import chart
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
PICTURE = Path(__file__).parents[1] / "docs" / "reference" / "tokens.svg"
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


def rounded(microseconds: float) -> float:
    """Return three significant digits: more would change with every run."""
    return float(f"{microseconds:.3g}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store")
        measured = measure(store)
        store.close()
    results = {name: {what: rounded(found[what]) for what in COLUMNS} for name, found in measured.items()}
    ratios = {
        name: {"issue": found["issue"] / found["bare encode"], "verify": found["verify"] / found["bare decode"]}
        for name, found in results.items()
    }
    write("tokens", {"microseconds": measured, "times bare PyJWT": ratios})
    print(f"| | {' | '.join(('issue', 'bare `encode`', 'ratio', 'verify', 'bare `decode`', 'ratio', *COLUMNS[4:]))} |")
    print("|---|" + "---|" * (len(COLUMNS) + 2))
    for name, found in results.items():
        cells = [f"{found[what]:,g}" for what in COLUMNS]
        cells[2:2] = [f"{ratios[name]['issue']:.2f}"]
        cells[5:5] = [f"{ratios[name]['verify']:.2f}"]
        print(f"| `{name}` | {' | '.join(cells)} |")
    PICTURE.write_text(picture(results))


def picture(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return a picture of how many tokens a second are issued and verified, ours beside bare PyJWT."""
    both = {"issue": "bare encode", "verify": "bare decode"}
    found = {
        f"{what} {name}": (times[what], times[bare]) for what, bare in both.items() for name, times in results.items()
    }
    return chart.rates("Tokens a second on one core", "falconbox", "bare PyJWT", found)


if __name__ == "__main__":
    main()
